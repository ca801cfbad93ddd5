// SPDX-License-Identifier: MIT
//
// A made-up state has the form of a real one: as many rows, valid codes, the same slots in use.
#include "residency/synthetic_state.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "cpu/cpu_backend.h"
#include "kernel/compressor.h"
#include "reference/reference_backend.h"

namespace starglass {
namespace {

constexpr int kWindow = 16;

LayerStateShape shape(int ratio) {
    LayerStateShape s;
    s.ratio = ratio;
    s.coff = ratio == 4 ? 2 : 1;
    s.indexed = ratio == 4;
    s.kv_row = RowLayout::kv(128, 64);
    s.index_row = RowLayout::index(64);
    s.kv_width = 128;
    s.index_width = 64;
    return s;
}

KvState empty() {
    return {{shape(0), shape(4), shape(12)}, kWindow};
}

// Every row is finite, not constant, and about as large as a normed row is.
template <class RowAt>
void expect_rows(const RowLayout& layout, std::int64_t first, std::int64_t end, RowAt&& row_at) {
    std::vector<float> values(static_cast<std::size_t>(layout.width));
    for (std::int64_t row = first; row < end; ++row) {
        decode_row(layout, row_at(row), values.data());
        double squares = 0;
        for (const float value : values) {
            ASSERT_TRUE(std::isfinite(value)) << row;
            squares += static_cast<double>(value) * value;
        }
        EXPECT_GT(squares / layout.width, 0.4) << row;
        EXPECT_LT(squares / layout.width, 2.5) << row;
    }
}

// Slots that hold something: those whose scores are not the empty one.
std::vector<bool> used_slots(const std::vector<float>& score, std::int64_t columns) {
    std::vector<bool> used;
    for (std::size_t at = 0; at < score.size(); at += static_cast<std::size_t>(columns))
        used.push_back(score[at] != kEmptyScore);
    return used;
}

TEST(SyntheticState, HasTheRowsAndSlotsOfItsPosition) {
    const auto backend = make_cpu_backend(Activations::int8, 2);
    for (const std::int64_t positions : {0, 3, 11, 4099}) {
        KvState state = empty();
        ASSERT_TRUE(fill_synthetic(state, *backend, positions, 1, CancelToken()));
        EXPECT_EQ(state.positions(), positions);
        for (int index = 0; index < state.layers(); ++index) {
            const RowRing raw = state.raw_ring(index);
            expect_rows(raw.layout, std::max<std::int64_t>(0, positions - kWindow), positions,
                        [&](std::int64_t row) { return raw.row(row); });
            const LayerState& layer = state.layer(index);
            const int ratio = layer.shape.ratio;
            if (ratio == 0) continue;
            const RowPages rows = layer.compressed.view();
            expect_rows(rows.layout, 0, positions / ratio,
                        [&](std::int64_t row) { return rows.row(row); });
            EXPECT_EQ(layer.compressed.bytes(),
                      (positions / ratio + 255) / 256 * 256 * layer.shape.kv_row.stride);
            std::vector<bool> used(static_cast<std::size_t>(layer.shape.coff * ratio));
            const std::size_t current = ratio == 4 ? 4 : 0;
            if (ratio == 4 && positions >= 4) std::fill_n(used.begin(), 4, true);
            std::fill_n(used.begin() + static_cast<std::ptrdiff_t>(current), positions % ratio,
                        true);
            EXPECT_EQ(used_slots(layer.frontier_score, layer.shape.coff * 128), used) << positions;
            if (!layer.shape.indexed) continue;
            const RowPages keys = layer.index.view();
            expect_rows(keys.layout, 0, positions / ratio,
                        [&](std::int64_t row) { return keys.row(row); });
            EXPECT_EQ(used_slots(layer.index_frontier_score, layer.shape.coff * 64), used);
        }
    }
}

TEST(SyntheticState, TheSeedDecides) {
    const auto cpu = make_cpu_backend(Activations::int8, 2);
    const auto reference = make_reference_backend(Activations::int8);
    KvState a = empty(), b = empty(), c = empty();
    ASSERT_TRUE(fill_synthetic(a, *cpu, 1030, 7, CancelToken()));
    ASSERT_TRUE(fill_synthetic(b, *reference, 1030, 7, CancelToken()));
    ASSERT_TRUE(fill_synthetic(c, *cpu, 1030, 8, CancelToken()));
    const auto same = [&](KvState& x, KvState& y) {
        return std::memcmp(x.layer(1).compressed.view().row(200),
                           y.layer(1).compressed.view().row(200),
                           static_cast<std::size_t>(x.layer(1).shape.kv_row.stride)) == 0;
    };
    EXPECT_TRUE(same(a, b));
    EXPECT_FALSE(same(a, c));
}

TEST(SyntheticState, CancelledItIsEmpty) {
    const auto backend = make_cpu_backend(Activations::int8, 1);
    KvState state = empty();
    CancelToken cancel;
    cancel.cancel();
    const Status status = fill_synthetic(state, *backend, 1000, 1, cancel);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::cancelled);
    EXPECT_EQ(state.positions(), 0);
    EXPECT_EQ(state.layer(1).compressed.bytes(), 0);
}

}  // namespace
}  // namespace starglass
