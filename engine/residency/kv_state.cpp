// SPDX-License-Identifier: MIT
#include "residency/kv_state.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "kernel/compressor.h"

namespace starglass {

// --- PagedRows -------------------------------------------------------------------------------

std::shared_ptr<PagedRows::Page> PagedRows::new_page() const {
    auto page = std::make_shared<Page>();
    // Rows are written before anybody reads them.
    page->data = std::make_unique_for_overwrite<std::byte[]>(
        static_cast<std::size_t>(kRowsPerPage * layout_.stride));
    return page;
}

void PagedRows::prepare(std::int64_t first, std::int64_t count,
                        std::vector<std::byte*>& addresses) {
    addresses.clear();
    for (std::int64_t row = first; row < first + count; ++row) {
        const auto index = static_cast<std::size_t>(row / kRowsPerPage);
        const std::int64_t offset = row % kRowsPerPage;
        assert(index <= pages_.size());
        if (index == pages_.size()) {
            pages_.push_back(new_page());
            addresses_.push_back(pages_.back()->data.get());
        }
        std::shared_ptr<Page>& page = pages_[index];
        // Somebody else may read rows beyond `offset` of this page: write into a copy.
        if (page->filled > offset && page.use_count() > 1) {
            auto copy = new_page();
            std::memcpy(copy->data.get(), page->data.get(),
                        static_cast<std::size_t>(offset * layout_.stride));
            page = std::move(copy);
            addresses_[index] = page->data.get();
        }
        page->filled = std::max(page->filled, offset + 1);
        addresses.push_back(page->data.get() + offset * layout_.stride);
    }
}

void PagedRows::truncate(std::int64_t rows) {
    const auto keep = static_cast<std::size_t>((rows + kRowsPerPage - 1) / kRowsPerPage);
    if (keep >= pages_.size()) return;
    pages_.resize(keep);
    addresses_.resize(keep);
}

// --- KvState ---------------------------------------------------------------------------------

namespace {

void clear_frontier(std::vector<float>& kv, std::vector<float>& score) {
    std::fill(kv.begin(), kv.end(), 0.0F);
    std::fill(score.begin(), score.end(), kEmptyScore);
}

std::int64_t float_bytes(const std::vector<float>& values) {
    return static_cast<std::int64_t>(values.size() * sizeof(float));
}

}  // namespace

KvState::KvState(std::vector<LayerStateShape> layers, int window) : window_(window) {
    layers_.reserve(layers.size());
    for (const LayerStateShape& shape : layers) {
        LayerState state;
        state.shape = shape;
        if (shape.ratio != 0) {
            const auto slots = static_cast<std::size_t>(shape.coff) * shape.ratio;
            state.compressed = PagedRows(shape.kv_row);
            state.frontier_kv.resize(slots * shape.coff * shape.kv_width);
            state.frontier_score.resize(state.frontier_kv.size());
            if (shape.indexed) {
                state.index = PagedRows(shape.index_row);
                state.index_frontier_kv.resize(slots * shape.coff * shape.index_width);
                state.index_frontier_score.resize(state.index_frontier_kv.size());
            }
        }
        layers_.push_back(std::move(state));
    }
    clear();
    reserve_batch(1);
}

LayerState& KvState::layer(int index) {
    assert(!behind_);
    ++edition_;
    return layers_[static_cast<std::size_t>(index)];
}

const LayerState& KvState::layer(int index) const {
    assert(!behind_);
    return layers_[static_cast<std::size_t>(index)];
}

RowRing KvState::raw_ring(int layer) {
    LayerState& state = this->layer(layer);
    return {state.raw.data(), state.shape.kv_row, ring_capacity_};
}

void KvState::copy_window(const LayerState& from, std::int64_t capacity, std::byte* to) const {
    const std::int64_t rows = std::min<std::int64_t>(positions_, window_);
    const std::int64_t stride = from.shape.kv_row.stride;
    for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t position = positions_ - rows + row;
        std::memcpy(to + row * stride, from.raw.data() + position % capacity * stride,
                    static_cast<std::size_t>(stride));
    }
}

void KvState::reserve_batch(int batch) {
    const std::int64_t needed = static_cast<std::int64_t>(window_) + batch;
    if (needed <= ring_capacity_) return;
    const std::int64_t rows = std::min<std::int64_t>(positions_, window_);
    std::vector<std::byte> kept;
    for (LayerState& state : layers_) {
        const std::int64_t stride = state.shape.kv_row.stride;
        kept.resize(static_cast<std::size_t>(rows * stride));
        if (rows > 0) copy_window(state, ring_capacity_, kept.data());
        state.raw.assign(static_cast<std::size_t>(needed * stride), std::byte{0});
        for (std::int64_t row = 0; row < rows; ++row)
            std::memcpy(state.raw.data() + (positions_ - rows + row) % needed * stride,
                        kept.data() + row * stride, static_cast<std::size_t>(stride));
    }
    ring_capacity_ = needed;
}

Result<KvState::Snapshot> KvState::snapshot() const {
    TRY_STATUS(sync());
    Snapshot result;
    result.positions = positions_;
    result.layers.reserve(layers_.size());
    const std::int64_t rows = std::min<std::int64_t>(positions_, window_);
    for (const LayerState& state : layers_) {
        Snapshot::Layer layer;
        layer.window.resize(static_cast<std::size_t>(rows * state.shape.kv_row.stride));
        copy_window(state, ring_capacity_, layer.window.data());
        layer.compressed = state.compressed;
        layer.index = state.index;
        if (state.shape.ratio != 0) {
            layer.compressed.truncate(positions_ / state.shape.ratio);
            layer.index.truncate(positions_ / state.shape.ratio);
        }
        layer.frontier_kv = state.frontier_kv;
        layer.frontier_score = state.frontier_score;
        layer.index_frontier_kv = state.index_frontier_kv;
        layer.index_frontier_score = state.index_frontier_score;
        result.layers.push_back(std::move(layer));
    }
    return result;
}

void KvState::restore(const Snapshot& snapshot) {
    assert(snapshot.layers.size() == layers_.size());
    positions_ = snapshot.positions;
    behind_ = false;
    ++edition_;
    const std::int64_t rows = std::min<std::int64_t>(positions_, window_);
    for (std::size_t index = 0; index < layers_.size(); ++index) {
        LayerState& state = layers_[index];
        const Snapshot::Layer& layer = snapshot.layers[index];
        const std::int64_t stride = state.shape.kv_row.stride;
        for (std::int64_t row = 0; row < rows; ++row)
            std::memcpy(state.raw.data() + (positions_ - rows + row) % ring_capacity_ * stride,
                        layer.window.data() + row * stride, static_cast<std::size_t>(stride));
        state.compressed = layer.compressed;
        state.index = layer.index;
        state.frontier_kv = layer.frontier_kv;
        state.frontier_score = layer.frontier_score;
        state.index_frontier_kv = layer.index_frontier_kv;
        state.index_frontier_score = layer.index_frontier_score;
    }
}

void KvState::clear() {
    positions_ = 0;
    behind_ = false;
    ++edition_;
    for (LayerState& state : layers_) {
        state.compressed.truncate(0);
        state.index.truncate(0);
        clear_frontier(state.frontier_kv, state.frontier_score);
        clear_frontier(state.index_frontier_kv, state.index_frontier_score);
    }
}

std::int64_t KvState::bytes() const {
    std::int64_t total = 0;
    for (const LayerState& state : layers_) {
        total += static_cast<std::int64_t>(state.raw.size()) + state.compressed.bytes() +
                 state.index.bytes() + float_bytes(state.frontier_kv) +
                 float_bytes(state.frontier_score) + float_bytes(state.index_frontier_kv) +
                 float_bytes(state.index_frontier_score);
    }
    return total;
}

std::int64_t KvState::Snapshot::bytes() const {
    std::int64_t total = 0;
    for (const Layer& layer : layers)
        total += static_cast<std::int64_t>(layer.window.size()) + float_bytes(layer.frontier_kv) +
                 float_bytes(layer.frontier_score) + float_bytes(layer.index_frontier_kv) +
                 float_bytes(layer.index_frontier_score);
    return total;
}

}  // namespace starglass
