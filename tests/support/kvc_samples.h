// SPDX-License-Identifier: MIT
//
// States and shapes for tests of KVC files: the tiny model's, Flash's, and states of any length
// that no model had to compute.
#pragma once

#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "cache/kvc_file.h"
#include "kernel/compressor.h"

namespace starglass::test {

inline LayerStateShape kvc_layer(int ratio, int width, int rotary, int index_width) {
    LayerStateShape layer;
    layer.ratio = ratio;
    layer.coff = ratio == 4 ? 2 : 1;
    layer.indexed = ratio == 4;
    layer.kv_row = RowLayout::kv(width, rotary);
    layer.index_row = RowLayout::index(index_width);
    layer.kv_width = width;
    layer.index_width = index_width;
    return layer;
}

// tests/golden/tiny/tiny-q2.gguf.
inline KvcShape tiny_kvc_shape() {
    KvcShape shape{{}, 128, 512, 4096};
    for (const int ratio : {0, 0, 4, 128, 4, 128})
        shape.layers.push_back(kvc_layer(ratio, 192, 64, 128));
    return shape;
}

inline KvcShape flash_kvc_shape(std::int64_t context) {
    KvcShape shape{{}, 128, 129280, context};
    for (int layer = 0; layer < 43; ++layer)
        shape.layers.push_back(kvc_layer(layer < 2 ? 0 : layer % 2 == 0 ? 4 : 128, 512, 64, 128));
    return shape;
}

// Rows, logits and used slots of noise. The same seed gives the same state.
inline CheckpointState kvc_state(const KvcShape& shape, std::int64_t tokens, unsigned seed = 1) {
    std::minstd_rand random(seed);
    const auto noise = [&] { return static_cast<float>(random() % 2001) / 250.0F - 4.0F; };
    CheckpointState state;
    for (std::int64_t i = 0; i < tokens; ++i)
        state.tokens.push_back(
            static_cast<std::int32_t>(random() % static_cast<unsigned>(shape.vocabulary)));
    state.text = fmt::format("text of {} tokens", tokens);
    state.logits.resize(static_cast<std::size_t>(shape.vocabulary));
    for (float& logit : state.logits) logit = noise();
    state.kv.positions = tokens;
    // A few different rows stand for all of them: encoding is not what is tested here.
    const auto make_rows = [&](const RowLayout& layout) {
        std::vector<std::byte> rows(static_cast<std::size_t>(8 * layout.stride));
        std::vector<float> values(static_cast<std::size_t>(layout.width));
        for (int row = 0; row < 8; ++row) {
            for (float& value : values) value = noise();
            encode_row(layout, values.data(), rows.data() + row * layout.stride);
        }
        return rows;
    };
    const auto fill_pages = [&](const RowLayout& layout, std::int64_t count, PagedRows& out) {
        out = PagedRows(layout);
        const std::vector<std::byte> rows = make_rows(layout);
        std::vector<std::byte*> addresses;
        out.prepare(0, count, addresses);
        for (std::int64_t row = 0; row < count; ++row)
            std::memcpy(addresses[static_cast<std::size_t>(row)],
                        rows.data() + row % 8 * layout.stride,
                        static_cast<std::size_t>(layout.stride));
    };
    const auto fill_states = [&](const LayerStateShape& layer, int width, std::vector<float>& kv,
                                 std::vector<float>& score) {
        const int columns = layer.coff * width;
        kv.assign(static_cast<std::size_t>(layer.coff * layer.ratio * columns), 0.0F);
        score.assign(kv.size(), kEmptyScore);
        for (int slot = 0; slot < layer.coff * layer.ratio; ++slot) {
            const bool previous = layer.coff == 2 && slot < layer.ratio;
            const int in_group = layer.coff == 2 && !previous ? slot - layer.ratio : slot;
            if (previous ? tokens < layer.ratio : in_group >= tokens % layer.ratio) continue;
            for (int i = slot * columns; i < (slot + 1) * columns; ++i) {
                kv[static_cast<std::size_t>(i)] = noise();
                score[static_cast<std::size_t>(i)] = noise();
            }
        }
    };
    const std::int64_t window = std::min<std::int64_t>(tokens, shape.window);
    for (const LayerStateShape& layer : shape.layers) {
        KvState::Snapshot::Layer out;
        const std::vector<std::byte> rows = make_rows(layer.kv_row);
        for (std::int64_t row = 0; row < window; ++row) {
            const auto* const from = rows.data() + row % 8 * layer.kv_row.stride;
            out.window.insert(out.window.end(), from, from + layer.kv_row.stride);
        }
        if (layer.ratio != 0) {
            fill_pages(layer.kv_row, tokens / layer.ratio, out.compressed);
            fill_states(layer, layer.kv_width, out.frontier_kv, out.frontier_score);
            if (layer.indexed) {
                fill_pages(layer.index_row, tokens / layer.ratio, out.index);
                fill_states(layer, layer.index_width, out.index_frontier_kv,
                            out.index_frontier_score);
            }
        }
        state.kv.layers.push_back(std::move(out));
    }
    return state;
}

// What differs between two states, or nothing when they are the same bit for bit. Rows are
// compared as the floats they stand for when `codes` is false: two codes can mean one number.
inline std::string kvc_difference(const CheckpointState& a, const CheckpointState& b,
                                  const KvcShape& shape, bool codes = true) {
    if (a.tokens != b.tokens) return "tokens";
    if (a.text != b.text) return "text";
    const auto same_floats = [](const std::vector<float>& x, const std::vector<float>& y) {
        return x.size() == y.size() &&
               (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0);
    };
    if (!same_floats(a.logits, b.logits)) return "logits";
    if (a.blocks.size() != b.blocks.size()) return "tool blocks";
    for (std::size_t i = 0; i < a.blocks.size(); ++i)
        if (a.blocks[i].id != b.blocks[i].id || a.blocks[i].block != b.blocks[i].block)
            return fmt::format("tool block {}", i);
    if (a.kv.positions != b.kv.positions || a.kv.layers.size() != b.kv.layers.size())
        return "positions or layers";
    const auto same_row = [&](const RowLayout& layout, const std::byte* x, const std::byte* y) {
        if (codes) return std::memcmp(x, y, static_cast<std::size_t>(layout.stride)) == 0;
        std::vector<float> u(static_cast<std::size_t>(layout.width)), v(u.size());
        decode_row(layout, x, u.data());
        decode_row(layout, y, v.data());
        return same_floats(u, v);
    };
    for (std::size_t i = 0; i < a.kv.layers.size(); ++i) {
        const KvState::Snapshot::Layer& x = a.kv.layers[i];
        const KvState::Snapshot::Layer& y = b.kv.layers[i];
        const LayerStateShape& layer = shape.layers[i];
        const std::string at = fmt::format(" of layer {}", i);
        if (x.window.size() != y.window.size()) return "window size" + at;
        for (std::size_t row = 0; row < x.window.size();
             row += static_cast<std::size_t>(layer.kv_row.stride))
            if (!same_row(layer.kv_row, x.window.data() + row, y.window.data() + row))
                return "raw rows" + at;
        if (!same_floats(x.frontier_kv, y.frontier_kv) ||
            !same_floats(x.frontier_score, y.frontier_score) ||
            !same_floats(x.index_frontier_kv, y.index_frontier_kv) ||
            !same_floats(x.index_frontier_score, y.index_frontier_score))
            return "frontier" + at;
        if (layer.ratio == 0) continue;
        for (std::int64_t row = 0; row < a.kv.positions / layer.ratio; ++row) {
            if (!same_row(layer.kv_row, x.compressed.view().row(row), y.compressed.view().row(row)))
                return "compressed rows" + at;
            if (layer.indexed &&
                !same_row(layer.index_row, x.index.view().row(row), y.index.view().row(row)))
                return "indexer rows" + at;
        }
    }
    return {};
}

inline std::string kvc_bytes(const CheckpointState& state, const KvcShape& shape,
                             const KvcHeader& header) {
    std::string out;
    const Status written =
        write_kvc(state, shape, header, [&](std::span<const std::byte> bytes) -> Status {
            out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            return {};
        });
    if (!written) throw std::runtime_error(written.error().message);
    return out;
}

inline std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

inline std::string read_bytes(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
}

inline constexpr const char* kKvcShort = "kvc/07df46223a93253206b267a605be7127bc72dcff.kv";
inline constexpr const char* kKvcLong = "kvc/f2b9bccc9d5248ca718b1c45c825a2d502ef1841.kv";

}  // namespace starglass::test
