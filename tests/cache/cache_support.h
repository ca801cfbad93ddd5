// SPDX-License-Identifier: MIT
//
// States, folders and disks for the tests of the KV store.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "cache/kv_store.h"
#include "kernel/compressor.h"

namespace starglass::test {

// A folder of its own, gone with the test.
class Folder {
public:
    Folder() {
        static std::atomic<int> count{0};
        path_ = std::filesystem::temp_directory_path() /
                fmt::format("starglass-cache-{}-{}", ::getpid(), count++);
        std::filesystem::create_directories(path_);
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::string path() const { return path_.string(); }
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
        return path_ / name;
    }

private:
    std::filesystem::path path_;
};

inline std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder,
                                                   const std::string& suffix) {
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().string().ends_with(suffix)) out.push_back(entry.path());
    std::sort(out.begin(), out.end());
    return out;
}

inline std::string read_all(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_all(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// The shape of a model nobody has: small rows, all kinds of layers.
inline ModelStateShape small_shape() {
    ModelStateShape shape;
    for (const int ratio : {0, 4, 128, 4}) {
        LayerStateShape layer;
        layer.ratio = ratio;
        layer.coff = ratio == 4 ? 2 : 1;
        layer.indexed = ratio == 4;
        layer.kv_width = 128;
        layer.index_width = 32;
        layer.kv_row = RowLayout::kv(128, 64);
        layer.index_row = RowLayout::index(32);
        shape.layers.push_back(layer);
    }
    shape.window = 128;
    shape.vocabulary = 1000;
    shape.fingerprint = "00112233445566778899aabbccddeeff";
    shape.model_name = "small";
    return shape;
}

// DeepSeek V4 Flash: two layers without compression, then ratio 4 and 128 in turn.
inline ModelStateShape flash_shape() {
    ModelStateShape shape;
    for (int index = 0; index < 43; ++index) {
        LayerStateShape layer;
        layer.ratio = index < 2 ? 0 : index % 2 == 0 ? 4 : 128;
        layer.coff = layer.ratio == 4 ? 2 : 1;
        layer.indexed = layer.ratio == 4;
        layer.kv_width = 512;
        layer.index_width = 128;
        layer.kv_row = RowLayout::kv(512, 64);
        layer.index_row = RowLayout::index(128);
        shape.layers.push_back(layer);
    }
    shape.window = 128;
    shape.vocabulary = 129280;
    shape.fingerprint = "f1a5f1a5f1a5f1a5f1a5f1a5f1a5f1a5";
    shape.model_name = "DeepSeek V4 Flash";
    return shape;
}

// Grows token by token; what it holds depends on its tokens alone, so two conversations with the
// same beginning have the same rows there. Rows are encoded from normally distributed values, as a
// model's are, so that they pack as a model's do.
class FakeConversation {
public:
    FakeConversation(std::shared_ptr<const ModelStateShape> shape, std::uint32_t seed)
        : shape_(std::move(shape)), state_(shape_->layers, shape_->window), random_(seed) {
        std::mt19937 fixed(7);
        std::normal_distribution<float> normal;
        noise_.resize(1 << 16);
        for (float& value : noise_) value = normal(fixed);
    }

    void grow(std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i)
            add(static_cast<std::int32_t>(random_() % static_cast<unsigned>(shape_->vocabulary)));
    }
    void add(std::int32_t token) {
        const std::int64_t position = state_.positions();
        tokens_.push_back(token);
        hash_ = hash_ * 6364136223846793005ULL + static_cast<std::uint64_t>(token) + 1;
        std::vector<float> values;
        std::vector<std::byte*> addresses;
        for (int index = 0; index < state_.layers(); ++index) {
            LayerState& layer = state_.layer(index);
            const LayerStateShape& shape = layer.shape;
            fill(values, shape.kv_width, index, 0);
            encode_row(shape.kv_row, values.data(), state_.raw_ring(index).row(position));
            if (shape.ratio == 0) continue;
            const std::int64_t phase = position % shape.ratio;
            const bool done = phase + 1 == shape.ratio;
            frontier(layer.frontier_kv, layer.frontier_score, shape, shape.kv_width, phase, index);
            if (done) {
                layer.compressed.prepare(position / shape.ratio, 1, addresses);
                fill(values, shape.kv_width, index, 1);
                encode_row(shape.kv_row, values.data(), addresses[0]);
            }
            if (!shape.indexed) continue;
            frontier(layer.index_frontier_kv, layer.index_frontier_score, shape, shape.index_width,
                     phase, index);
            if (done) {
                layer.index.prepare(position / shape.ratio, 1, addresses);
                fill(values, shape.index_width, index, 2);
                encode_row(shape.index_row, values.data(), addresses[0]);
            }
        }
        state_.advance(position + 1);
    }
    // As a session would hand it over.
    [[nodiscard]] SaveJob job(SaveReason reason = SaveReason::turn, bool logits = true) const {
        SaveJob job;
        job.shape = shape_;
        job.requested = true;
        job.state.tokens = tokens_;
        for (std::size_t i = 0; i < tokens_.size(); ++i) {
            job.state.text += word(tokens_[i]);
            if ((i + 1) % kSegmentTokens == 0)
                job.meta.text_ends.push_back(static_cast<std::int64_t>(job.state.text.size()));
        }
        job.state.kv = *state_.snapshot();
        if (logits) {
            job.state.logits.resize(static_cast<std::size_t>(shape_->vocabulary));
            for (std::size_t i = 0; i < job.state.logits.size(); ++i)
                job.state.logits[i] = noise(i * 31);
        }
        job.meta.reason = reason;
        job.meta.evaluate_seconds = 0.01 * static_cast<double>(tokens_.size());
        job.meta.producer = 1;
        return job;
    }
    [[nodiscard]] std::string text() const {
        std::string out;
        for (const std::int32_t token : tokens_) out += word(token);
        return out;
    }
    [[nodiscard]] const std::vector<std::int32_t>& tokens() const { return tokens_; }
    static std::string word(std::int32_t token) { return fmt::format("w{} ", token); }

private:
    [[nodiscard]] float noise(std::uint64_t at) const {
        return noise_[(hash_ * 0x9E3779B97F4A7C15ULL + at * 0xBF58476D1CE4E5B9ULL) >> 48U];
    }
    void fill(std::vector<float>& values, int width, int layer, int kind) const {
        values.resize(static_cast<std::size_t>(width));
        for (int i = 0; i < width; ++i)
            values[static_cast<std::size_t>(i)] =
                noise(static_cast<std::uint64_t>(layer * 8192 + kind * 2048 + i));
    }
    void frontier(std::vector<float>& kv, std::vector<float>& score, const LayerStateShape& shape,
                  int width, std::int64_t phase, int layer) const {
        const auto columns = static_cast<std::size_t>(shape.coff) * width;
        const std::size_t group = shape.ratio * columns;
        const std::size_t current = shape.coff == 2 ? group : 0;
        for (std::size_t j = 0; j < columns; ++j) {
            kv[current + phase * columns + j] =
                noise(static_cast<std::uint64_t>(layer) * 8192 + 4096 + j);
            score[current + phase * columns + j] =
                noise(static_cast<std::uint64_t>(layer) * 8192 + 6000 + j);
        }
        if (phase + 1 < shape.ratio) return;
        if (shape.coff == 2) {
            std::copy_n(kv.begin() + static_cast<std::ptrdiff_t>(group), group, kv.begin());
            std::copy_n(score.begin() + static_cast<std::ptrdiff_t>(group), group, score.begin());
        }
        std::fill_n(kv.begin() + static_cast<std::ptrdiff_t>(current), group, 0.0F);
        std::fill_n(score.begin() + static_cast<std::ptrdiff_t>(current), group, kEmptyScore);
    }

    std::shared_ptr<const ModelStateShape> shape_;
    KvState state_;
    std::mt19937 random_;
    std::vector<std::int32_t> tokens_;
    std::vector<float> noise_;
    std::uint64_t hash_ = 1;
};

inline void expect_same_rows(const PagedRows& a, const PagedRows& b, std::int64_t rows) {
    for (std::int64_t row = 0; row < rows; ++row)
        ASSERT_EQ(std::memcmp(a.view().row(row), b.view().row(row),
                              static_cast<std::size_t>(a.layout().stride)),
                  0)
            << "row " << row;
}

inline void expect_same_state(const CheckpointState& a, const CheckpointState& b,
                              const ModelStateShape& shape) {
    EXPECT_EQ(a.tokens, b.tokens);
    EXPECT_EQ(a.text, b.text);
    EXPECT_EQ(a.logits, b.logits);
    ASSERT_EQ(a.kv.positions, b.kv.positions);
    ASSERT_EQ(a.kv.layers.size(), b.kv.layers.size());
    for (std::size_t i = 0; i < a.kv.layers.size(); ++i) {
        const auto& x = a.kv.layers[i];
        const auto& y = b.kv.layers[i];
        EXPECT_EQ(x.window, y.window);
        EXPECT_EQ(x.frontier_kv, y.frontier_kv);
        EXPECT_EQ(x.frontier_score, y.frontier_score);
        EXPECT_EQ(x.index_frontier_kv, y.index_frontier_kv);
        EXPECT_EQ(x.index_frontier_score, y.index_frontier_score);
        if (shape.layers[i].ratio == 0) continue;
        expect_same_rows(x.compressed, y.compressed, a.kv.positions / shape.layers[i].ratio);
        if (shape.layers[i].indexed)
            expect_same_rows(x.index, y.index, a.kv.positions / shape.layers[i].ratio);
    }
}

// Everything a cache said.
class Heard {
public:
    CacheListener listener() {
        return [this](const CacheEvent& event) {
            const std::lock_guard lock(mutex_);
            events_.push_back(event);
        };
    }
    [[nodiscard]] std::vector<CacheEvent> of(CacheEvent::Kind kind) const {
        const std::lock_guard lock(mutex_);
        std::vector<CacheEvent> out;
        for (const CacheEvent& event : events_)
            if (event.kind == kind) out.push_back(event);
        return out;
    }

private:
    mutable std::mutex mutex_;
    std::vector<CacheEvent> events_;
};

// The real disk, until told otherwise.
class FaultyDisk final : public FileSystem {
public:
    std::atomic<std::int64_t> room{std::int64_t{1} << 50};  // bytes that may still be written
    std::atomic<bool> lies_about_room{false};               // free_bytes says there is plenty
    std::atomic<bool> broken{false};                        // every write fails

    Status make_directory(const std::string& path) override { return disk().make_directory(path); }
    Result<std::vector<DirectoryEntry>> list(const std::string& folder) override {
        return disk().list(folder);
    }
    Result<std::int64_t> size(const std::string& path) override { return disk().size(path); }
    Result<std::vector<std::byte>> read(const std::string& path, std::int64_t offset,
                                        std::int64_t length) override {
        return disk().read(path, offset, length);
    }
    Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
        TRY(auto file, disk().create(path));
        return std::make_unique<File>(*this, std::move(file));
    }
    Status rename(const std::string& from, const std::string& to) override {
        return disk().rename(from, to);
    }
    Status remove(const std::string& path) override {
        auto size = disk().size(path);
        TRY_STATUS(disk().remove(path));
        if (size) room += *size;
        return {};
    }
    Status sync_directory(const std::string& folder) override {
        return disk().sync_directory(folder);
    }
    Result<std::int64_t> free_bytes(const std::string&) override {
        return lies_about_room ? std::int64_t{1} << 50 : room.load();
    }
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
        return disk().lock(path);
    }

private:
    class File final : public WritableFile {
    public:
        File(FaultyDisk& disk, std::unique_ptr<WritableFile> file)
            : disk_(disk), file_(std::move(file)) {}
        Status write(std::span<const std::byte> bytes) override {
            if (disk_.broken) return fail(ErrorCode::io, "the disk does not answer");
            if (disk_.room < static_cast<std::int64_t>(bytes.size()))
                return fail(ErrorCode::disk_full, "no space left on device");
            disk_.room -= static_cast<std::int64_t>(bytes.size());
            return file_->write(bytes);
        }
        Status sync() override { return file_->sync(); }
        Status close() override { return file_->close(); }

    private:
        FaultyDisk& disk_;
        std::unique_ptr<WritableFile> file_;
    };
};

}  // namespace starglass::test
