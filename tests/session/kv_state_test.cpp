// SPDX-License-Identifier: MIT
#include "residency/kv_state.h"

#include <gtest/gtest.h>

#include <cstring>

#include "kernel/compressor.h"

namespace starglass {
namespace {

std::byte value_at(const PagedRows& rows, std::int64_t row) {
    return *rows.view().row(row);
}

void write(PagedRows& rows, std::int64_t first, std::int64_t count, int value) {
    std::vector<std::byte*> addresses;
    rows.prepare(first, count, addresses);
    ASSERT_EQ(addresses.size(), static_cast<std::size_t>(count));
    for (std::byte* address : addresses)
        std::memset(address, value, static_cast<std::size_t>(rows.layout().stride));
}

TEST(PagedRows, RowsKeepTheirAddressAcrossPages) {
    PagedRows rows(RowLayout::index(64));
    write(rows, 0, 10, 1);
    const std::byte* first = rows.view().row(0);
    write(rows, 10, 3 * PagedRows::kRowsPerPage, 2);
    EXPECT_EQ(rows.view().row(0), first);
    EXPECT_EQ(value_at(rows, 9), std::byte{1});
    EXPECT_EQ(value_at(rows, 10 + 3 * PagedRows::kRowsPerPage - 1), std::byte{2});
}

TEST(PagedRows, TwoTimelinesShareTheirPastAndNotTheirFuture) {
    PagedRows a(RowLayout::index(64));
    write(a, 0, 100, 1);
    PagedRows b = a;  // a snapshot at 100 rows
    const std::byte* shared = b.view().row(0);
    write(a, 100, 50, 2);
    EXPECT_EQ(a.view().row(0), shared) << "appending must not copy what nobody else wrote";
    write(b, 100, 10, 3);
    EXPECT_EQ(value_at(a, 100), std::byte{2});
    EXPECT_EQ(value_at(b, 100), std::byte{3});
    EXPECT_EQ(value_at(b, 99), std::byte{1});
    EXPECT_EQ(value_at(a, 149), std::byte{2});
}

TEST(PagedRows, TruncateFreesWholePagesOnly) {
    PagedRows rows(RowLayout::index(64));
    write(rows, 0, 2 * PagedRows::kRowsPerPage + 1, 1);
    const std::int64_t before = rows.bytes();
    rows.truncate(PagedRows::kRowsPerPage + 1);
    EXPECT_EQ(rows.bytes() * 3, before * 2);
    EXPECT_EQ(value_at(rows, PagedRows::kRowsPerPage), std::byte{1});
}

LayerStateShape shape(int ratio) {
    LayerStateShape s;
    s.ratio = ratio;
    s.coff = ratio == 4 ? 2 : 1;
    s.indexed = ratio == 4;
    s.kv_row = RowLayout::plain(8);
    s.index_row = RowLayout::plain(4);
    s.kv_width = 8;
    s.index_width = 4;
    return s;
}

TEST(KvState, GrowingTheRingKeepsTheWindow) {
    KvState state({shape(0)}, 5);
    for (int position = 0; position < 23; ++position) {
        std::memset(state.raw_ring(0).row(position), position, 32);
        state.advance(position + 1);
    }
    state.reserve_batch(40);
    EXPECT_GE(state.ring_capacity(), 45);
    for (int position = 18; position < 23; ++position)
        EXPECT_EQ(*state.raw_ring(0).row(position), static_cast<std::byte>(position));
}

TEST(KvState, RestoreBringsBackWindowFrontierAndCount) {
    KvState state({shape(4), shape(128)}, 4);
    EXPECT_EQ(state.layer(1).frontier_kv.size(), 128U * 8U);
    EXPECT_EQ(state.layer(0).frontier_kv.size(), 2U * 4U * 2U * 8U);
    EXPECT_EQ(state.layer(0).index_frontier_score.size(), 2U * 4U * 2U * 4U);
    EXPECT_EQ(state.layer(0).frontier_score[0], kEmptyScore);
    for (int position = 0; position < 6; ++position) {
        std::memset(state.raw_ring(0).row(position), position + 1, 32);
        state.advance(position + 1);
    }
    state.layer(0).frontier_kv[3] = 7.0F;
    const KvState::Snapshot snapshot = *state.snapshot();
    state.layer(0).frontier_kv[3] = 8.0F;
    for (int position = 6; position < 30; ++position) {
        std::memset(state.raw_ring(0).row(position), 99, 32);
        state.advance(position + 1);
    }
    state.reserve_batch(16);
    state.restore(snapshot);
    EXPECT_EQ(state.positions(), 6);
    EXPECT_EQ(state.layer(0).frontier_kv[3], 7.0F);
    for (int position = 2; position < 6; ++position)
        EXPECT_EQ(*state.raw_ring(0).row(position), static_cast<std::byte>(position + 1));
    state.clear();
    EXPECT_EQ(state.positions(), 0);
    EXPECT_EQ(state.layer(0).frontier_kv[3], 0.0F);
}

}  // namespace
}  // namespace starglass
