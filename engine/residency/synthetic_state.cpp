// SPDX-License-Identifier: MIT
#include "residency/synthetic_state.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "kernel/backend_array.h"

namespace starglass {
namespace {

// Values of unit variance, as rows have after their norm. A million tokens of Flash are three
// billion of them: each is the sum of two places in a table, and where a row begins in it is drawn
// for every row, so that no two rows are alike and a row costs an addition a value.
class RowSource {
public:
    explicit RowSource(std::uint64_t seed) : state_(seed), table_(kTable + kRowMax) {
        for (std::size_t i = 0; i + 1 < table_.size(); i += 2) {
            const double radius = std::sqrt(-2.0 * std::log(uniform()));
            const double angle = 2.0 * std::numbers::pi * uniform();
            table_[i] = static_cast<float>(radius * std::cos(angle) * std::numbers::sqrt2 / 2);
            table_[i + 1] = static_cast<float>(radius * std::sin(angle) * std::numbers::sqrt2 / 2);
        }
    }

    void fill(float* values, std::int64_t count) {
        for (std::int64_t at = 0; at < count; at += kRowMax) {
            const float* a = table_.data() + next() % kTable;
            const float* b = table_.data() + next() % kTable;
            const std::int64_t part = std::min<std::int64_t>(kRowMax, count - at);
            for (std::int64_t i = 0; i < part; ++i) values[at + i] = a[i] + b[i];
        }
    }

private:
    static constexpr std::size_t kTable = 1 << 16;  // 256 KB: stays in a second level cache
    static constexpr std::int64_t kRowMax = 1024;

    // splitmix64
    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15ULL;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31U);
    }
    // Above 0, at most 1.
    double uniform() { return (static_cast<double>(next() >> 11U) + 1.0) * 0x1p-53; }

    std::uint64_t state_;
    std::vector<float> table_;
};

class Filler {
public:
    Filler(KvState& state, Backend& backend, std::int64_t positions, std::uint64_t seed,
           const CancelToken& cancel)
        : state_(state),
          backend_(backend),
          positions_(positions),
          rows_(seed),
          cancel_(cancel),
          far_values_(backend),
          far_rows_(backend) {}

    Status fill() {
        for (int index = 0; index < state_.layers(); ++index) {
            LayerState& layer = state_.layer(index);
            TRY_STATUS(fill_window(state_.raw_ring(index)));
            const int ratio = layer.shape.ratio;
            if (ratio == 0) continue;
            TRY_STATUS(fill_pages(layer.compressed, false, ratio));
            fill_frontier(layer.shape, layer.shape.kv_width, layer.frontier_kv,
                          layer.frontier_score);
            if (!layer.shape.indexed) continue;
            TRY_STATUS(fill_pages(layer.index, true, ratio));
            fill_frontier(layer.shape, layer.shape.index_width, layer.index_frontier_kv,
                          layer.index_frontier_score);
        }
        return {};
    }

private:
    Status encode(const RowLayout& layout, bool index) {
        const auto rows = static_cast<std::int64_t>(addresses_.size());
        values_.resize(static_cast<std::size_t>(rows * layout.width));
        for (std::int64_t row = 0; row < rows; ++row)
            rows_.fill(values_.data() + row * layout.width, layout.width);
        if (backend_.host_memory()) {
            backend_.run(EncodeRows{values_.data(), rows, layout, addresses_.data(), index});
            return {};
        }
        // Elsewhere the backend encodes into memory of its own, and the rows come back.
        const std::int64_t bytes = rows * layout.stride;
        TRY_STATUS(far_values_.reserve(rows * layout.width));
        TRY_STATUS(far_rows_.reserve(bytes));
        far_addresses_.clear();
        for (std::int64_t row = 0; row < rows; ++row)
            far_addresses_.push_back(far_rows_.data() + row * layout.stride);
        backend_.write(far_values_.data(), values_.data(), values_.size() * sizeof(float));
        backend_.run(EncodeRows{far_values_.data(), rows, layout, far_addresses_.data(), index});
        arrived_.resize(static_cast<std::size_t>(bytes));
        TRY_STATUS(backend_.read(arrived_.data(), far_rows_.data(), arrived_.size()));
        for (std::int64_t row = 0; row < rows; ++row)
            std::memcpy(addresses_[static_cast<std::size_t>(row)],
                        arrived_.data() + row * layout.stride,
                        static_cast<std::size_t>(layout.stride));
        return {};
    }

    Status fill_window(const RowRing& raw) {
        addresses_.clear();
        for (std::int64_t at = std::max<std::int64_t>(0, positions_ - state_.window());
             at < positions_; ++at)
            addresses_.push_back(raw.row(at));
        if (addresses_.empty()) return {};
        return encode(raw.layout, false);
    }

    Status fill_pages(PagedRows& pages, bool index, int ratio) {
        const std::int64_t rows = positions_ / ratio;
        for (std::int64_t at = 0; at < rows; at += PagedRows::kRowsPerPage) {
            if (cancel_.cancelled())
                return fail(ErrorCode::cancelled, "stopped at the caller's request");
            pages.prepare(at, std::min(PagedRows::kRowsPerPage, rows - at), addresses_);
            TRY_STATUS(encode(pages.layout(), index));
        }
        return {};
    }

    // The slots that hold something after `positions_` tokens (kernel/compressor.h): the group
    // being filled, and in front of it the one before where groups overlap.
    void fill_frontier(const LayerStateShape& shape, int width, std::vector<float>& kv,
                       std::vector<float>& score) {
        const std::int64_t columns = static_cast<std::int64_t>(shape.coff) * width;
        const std::int64_t phase = positions_ % shape.ratio;
        std::int64_t first = 0;
        if (shape.coff == 2) {
            first = shape.ratio;
            if (positions_ >= shape.ratio) {
                rows_.fill(kv.data(), shape.ratio * columns);
                rows_.fill(score.data(), shape.ratio * columns);
            }
        }
        rows_.fill(kv.data() + first * columns, phase * columns);
        rows_.fill(score.data() + first * columns, phase * columns);
    }

    KvState& state_;
    Backend& backend_;
    std::int64_t positions_;
    RowSource rows_;
    const CancelToken& cancel_;
    std::vector<float> values_;
    std::vector<std::byte*> addresses_;
    BackendArray<float> far_values_;
    BackendArray<std::byte> far_rows_;
    std::vector<std::byte*> far_addresses_;
    std::vector<std::byte> arrived_;
};

}  // namespace

Status fill_synthetic(KvState& state, Backend& backend, std::int64_t positions, std::uint64_t seed,
                      const CancelToken& cancel) {
    state.clear();
    if (auto status = Filler(state, backend, positions, seed, cancel).fill(); !status) {
        state.clear();
        return status;
    }
    state.advance(positions);
    return {};
}

}  // namespace starglass
