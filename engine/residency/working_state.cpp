// SPDX-License-Identifier: MIT
#include "residency/working_state.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

namespace starglass {
namespace {

// Reads wait for the backend, so many small ones are gathered into one of at most this size.
constexpr std::int64_t kStagingBytes = std::int64_t{16} << 20;

// Calls body(first, count) for stretches of positions that a ring of `capacity` keeps together.
template <class Body>
void for_stretches(std::int64_t first, std::int64_t end, std::int64_t capacity, Body&& body) {
    while (first < end) {
        const std::int64_t count = std::min(end - first, capacity - first % capacity);
        body(first, count);
        first += count;
    }
}

std::size_t size_of(std::int64_t bytes) {
    return static_cast<std::size_t>(bytes);
}

}  // namespace

WorkingState::WorkingState(KvState& state, Backend& backend, std::int64_t rows_per_page)
    : state_(state), backend_(backend), rows_per_page_(rows_per_page), staging_(backend) {
    if (!remote()) return;
    layers_.reserve(static_cast<std::size_t>(state.layers()));
    for (int index = 0; index < state.layers(); ++index) layers_.emplace_back(backend);
    edition_ = state.edition() - 1;  // nothing is there yet
    state_.set_mirror(this);
}

WorkingState::~WorkingState() {
    if (!remote()) return;
    if (state_.behind()) abandon();
    state_.set_mirror(nullptr);
}

std::int64_t WorkingState::bytes() const {
    std::int64_t total = staging_.bytes();
    for (const Layer& layer : layers_) {
        total += layer.raw.bytes() + layer.kv.bytes() + layer.score.bytes() +
                 layer.index_kv.bytes() + layer.index_score.bytes();
        for (const Rows* rows : {&layer.compressed, &layer.index})
            for (const BackendArray<std::byte>& page : rows->pages) total += page.bytes();
    }
    return total;
}

// --- towards the backend -----------------------------------------------------------------------

Status WorkingState::prepare(int rows) {
    if (!remote()) {
        state_.reserve_batch(rows);
        return {};
    }
    const bool stale = edition_ != state_.edition();
    const std::int64_t end = state_.positions() + rows;
    // Everything that can fail comes first.
    TRY_STATUS(reserve_ring(static_cast<std::int64_t>(state_.window()) + rows, !stale));
    for (int index = 0; index < state_.layers(); ++index) {
        Layer& layer = layers_[static_cast<std::size_t>(index)];
        const LayerStateShape& shape = state_.shape(index);
        if (shape.ratio == 0) continue;
        const std::int64_t slots = static_cast<std::int64_t>(shape.coff) * shape.ratio;
        TRY_STATUS(layer.kv.reserve(slots * shape.coff * shape.kv_width));
        TRY_STATUS(layer.score.reserve(slots * shape.coff * shape.kv_width));
        TRY_STATUS(reserve_rows(layer.compressed, shape.kv_row, end / shape.ratio, stale));
        if (!shape.indexed) continue;
        TRY_STATUS(layer.index_kv.reserve(slots * shape.coff * shape.index_width));
        TRY_STATUS(layer.index_score.reserve(slots * shape.coff * shape.index_width));
        TRY_STATUS(reserve_rows(layer.index, shape.index_row, end / shape.ratio, stale));
    }
    if (stale) push();
    return {};
}

Status WorkingState::reserve_ring(std::int64_t capacity, bool keep) {
    if (capacity <= capacity_) return {};
    std::vector<BackendArray<std::byte>> rings;
    for (int index = 0; index < state_.layers(); ++index) {
        rings.emplace_back(backend_);
        TRY_STATUS(rings.back().reserve(capacity * state_.shape(index).kv_row.stride));
    }
    const std::int64_t end = state_.positions();
    const std::int64_t first = std::max<std::int64_t>(0, end - state_.window());
    for (int index = 0; index < state_.layers(); ++index) {
        Layer& layer = layers_[static_cast<std::size_t>(index)];
        BackendArray<std::byte>& ring = rings[static_cast<std::size_t>(index)];
        if (keep) {
            const RowRing from = raw(index);
            const RowRing to{ring.data(), from.layout, capacity};
            for_stretches(first, end, capacity_, [&](std::int64_t at, std::int64_t count) {
                for_stretches(at, at + count, capacity, [&](std::int64_t row, std::int64_t rows) {
                    backend_.copy(to.row(row), from.row(row), size_of(rows * from.layout.stride));
                });
            });
        }
        layer.raw = std::move(ring);
    }
    capacity_ = capacity;
    return {};
}

Status WorkingState::reserve_rows(Rows& rows, const RowLayout& layout, std::int64_t count,
                                  bool shrink) {
    const auto pages = static_cast<std::size_t>((count + rows_per_page_ - 1) / rows_per_page_);
    while (rows.pages.size() < pages) {
        BackendArray<std::byte> page(backend_);
        TRY_STATUS(page.reserve(rows_per_page_ * layout.stride));
        rows.addresses.push_back(page.data());
        rows.pages.push_back(std::move(page));
    }
    if (shrink && rows.pages.size() > pages) {
        rows.pages.erase(rows.pages.begin() + static_cast<std::ptrdiff_t>(pages), rows.pages.end());
        rows.addresses.resize(pages);
        rows.same = std::min(rows.same, static_cast<std::int64_t>(pages) * rows_per_page_);
    }
    return {};
}

void WorkingState::push() {
    const KvState& host = state_;
    const std::int64_t end = host.positions();
    const std::int64_t first = std::max<std::int64_t>(0, end - host.window());
    const auto write = [&](const BackendArray<float>& to, const std::vector<float>& from) {
        backend_.write(to.data(), from.data(), from.size() * sizeof(float));
    };
    for (int index = 0; index < host.layers(); ++index) {
        Layer& layer = layers_[static_cast<std::size_t>(index)];
        const LayerState& from = host.layer(index);
        const RowRing to = raw(index);
        const std::int64_t stride = to.layout.stride;
        for_stretches(first, end, host.ring_capacity(), [&](std::int64_t at, std::int64_t count) {
            for_stretches(at, at + count, capacity_, [&](std::int64_t row, std::int64_t rows) {
                backend_.write(to.row(row), from.raw.data() + row % host.ring_capacity() * stride,
                               size_of(rows * stride));
            });
        });
        if (from.shape.ratio == 0) continue;
        write(layer.kv, from.frontier_kv);
        write(layer.score, from.frontier_score);
        push_rows(layer.compressed, from.compressed, end / from.shape.ratio);
        if (!from.shape.indexed) continue;
        write(layer.index_kv, from.index_frontier_kv);
        write(layer.index_score, from.index_frontier_score);
        push_rows(layer.index, from.index, end / from.shape.ratio);
    }
    pulled_ = end;
    edition_ = host.edition();
}

void WorkingState::push_rows(Rows& to, const PagedRows& from, std::int64_t count) {
    std::int64_t same = std::min(to.same, count);
    for (std::size_t page = 0; static_cast<std::int64_t>(page) * PagedRows::kRowsPerPage < same;
         ++page)
        if (page >= to.known.size() || to.known[page] != from.page(page))
            same = static_cast<std::int64_t>(page) * PagedRows::kRowsPerPage;
    const RowPages host = from.view();
    const std::int64_t stride = host.layout.stride;
    for_stretches(same, count, PagedRows::kRowsPerPage, [&](std::int64_t at, std::int64_t rows) {
        for_stretches(at, at + rows, rows_per_page_, [&](std::int64_t row, std::int64_t part) {
            backend_.write(to.addresses[static_cast<std::size_t>(row / rows_per_page_)] +
                               row % rows_per_page_ * stride,
                           host.row(row), size_of(part * stride));
        });
    });
    note_rows(to, from, count);
}

void WorkingState::note_rows(Rows& to, const PagedRows& from, std::int64_t count) const {
    to.same = count;
    to.known.clear();
    for (std::size_t page = 0; static_cast<std::int64_t>(page) * PagedRows::kRowsPerPage < count;
         ++page)
        to.known.push_back(from.page(page));
}

// --- what ops see ------------------------------------------------------------------------------

RowRing WorkingState::raw(int layer) {
    if (!remote()) return state_.raw_ring(layer);
    return {layers_[static_cast<std::size_t>(layer)].raw.data(), state_.shape(layer).kv_row,
            capacity_};
}

RowPages WorkingState::rows(int layer, bool index) const {
    if (!remote()) {
        const LayerState& state = std::as_const(state_).layer(layer);
        return (index ? state.index : state.compressed).view();
    }
    const Layer& at = layers_[static_cast<std::size_t>(layer)];
    const LayerStateShape& shape = state_.shape(layer);
    return {(index ? at.index : at.compressed).addresses.data(),
            index ? shape.index_row : shape.kv_row, rows_per_page_};
}

void WorkingState::append(int layer, bool index, std::int64_t first, std::int64_t count,
                          std::vector<std::byte*>& addresses) {
    if (!remote()) {
        LayerState& state = state_.layer(layer);
        (index ? state.index : state.compressed).prepare(first, count, addresses);
        return;
    }
    addresses.clear();
    const RowPages pages = rows(layer, index);
    for (std::int64_t row = first; row < first + count; ++row) addresses.push_back(pages.row(row));
}

WorkingState::Frontier WorkingState::frontier(int layer, bool index) {
    if (!remote()) {
        LayerState& state = state_.layer(layer);
        std::vector<float>& kv = index ? state.index_frontier_kv : state.frontier_kv;
        std::vector<float>& score = index ? state.index_frontier_score : state.frontier_score;
        return {kv.data(), score.data(), static_cast<std::int64_t>(kv.size())};
    }
    Layer& at = layers_[static_cast<std::size_t>(layer)];
    const BackendArray<float>& kv = index ? at.index_kv : at.kv;
    return {kv.data(), (index ? at.index_score : at.score).data(), kv.size()};
}

void WorkingState::advance(std::int64_t positions) {
    if (remote())
        state_.set_behind(positions, true);
    else
        state_.advance(positions);
}

void WorkingState::abandon() {
    if (!remote()) return;
    for (Layer& layer : layers_)
        for (Rows* rows : {&layer.compressed, &layer.index}) {
            rows->known.clear();
            rows->same = 0;
        }
    state_.set_behind(pulled_, false);
    edition_ = state_.edition() - 1;
}

// --- towards the host --------------------------------------------------------------------------

Status WorkingState::pull() {
    if (!state_.behind()) return {};
    const std::int64_t positions = state_.positions();
    state_.set_behind(positions, false);  // its layers are open to fetch()
    Status status = fetch();
    if (!status) state_.set_behind(positions, true);
    if (status) pulled_ = positions;
    edition_ = state_.edition();
    return status;
}

// New rows go where nobody looks before positions say so. Window and frontiers replace what is
// there, so they wait in settled_ until nothing can fail any more.
Status WorkingState::fetch() {
    const std::int64_t end = state_.positions();
    const std::int64_t first = std::max<std::int64_t>(0, end - state_.window());
    std::vector<Piece> pieces;
    std::int64_t settled = 0;
    const auto frontiers = [](LayerState& state, Layer& layer) {
        using Pair = std::pair<std::vector<float>*, const BackendArray<float>*>;
        return std::array<Pair, 4>{Pair{&state.frontier_kv, &layer.kv},
                                   Pair{&state.frontier_score, &layer.score},
                                   Pair{&state.index_frontier_kv, &layer.index_kv},
                                   Pair{&state.index_frontier_score, &layer.index_score}};
    };
    for (int index = 0; index < state_.layers(); ++index) {
        LayerState& state = state_.layer(index);
        settled += (end - first) * state.shape.kv_row.stride;
        for (const auto& [to, from] : frontiers(state, layers_[static_cast<std::size_t>(index)]))
            settled += static_cast<std::int64_t>(to->size() * sizeof(float));
    }
    settled_.resize(size_of(settled));

    std::byte* place = settled_.data();
    const auto settle = [&](const void* from, std::int64_t bytes) {
        pieces.push_back({place, static_cast<const std::byte*>(from), bytes});
        place += bytes;
    };
    for (int index = 0; index < state_.layers(); ++index) {
        LayerState& state = state_.layer(index);
        Layer& layer = layers_[static_cast<std::size_t>(index)];
        const RowRing ring = raw(index);
        for_stretches(first, end, capacity_, [&](std::int64_t row, std::int64_t count) {
            settle(ring.row(row), count * ring.layout.stride);
        });
        for (const auto& [to, from] : frontiers(state, layer))
            settle(from->data(), static_cast<std::int64_t>(to->size() * sizeof(float)));
        if (state.shape.ratio == 0) continue;
        const std::int64_t count = end / state.shape.ratio;
        for (const bool keys : {false, true}) {
            if (keys && !state.shape.indexed) continue;
            const std::int64_t same = (keys ? layer.index : layer.compressed).same;
            (keys ? state.index : state.compressed).prepare(same, count - same, addresses_);
            const RowPages from = rows(index, keys);
            for_stretches(
                same, count, PagedRows::kRowsPerPage, [&](std::int64_t at, std::int64_t part) {
                    for_stretches(
                        at, at + part, rows_per_page_, [&](std::int64_t row, std::int64_t stretch) {
                            pieces.push_back({addresses_[static_cast<std::size_t>(row - same)],
                                              from.row(row), stretch * from.layout.stride});
                        });
                });
        }
    }
    TRY_STATUS(fetch_pieces(pieces));

    const std::byte* arrived = settled_.data();
    for (int index = 0; index < state_.layers(); ++index) {
        LayerState& state = state_.layer(index);
        Layer& layer = layers_[static_cast<std::size_t>(index)];
        const RowRing ring = state_.raw_ring(index);
        for_stretches(first, end, ring.capacity, [&](std::int64_t row, std::int64_t count) {
            std::memcpy(ring.row(row), arrived, size_of(count * ring.layout.stride));
            arrived += count * ring.layout.stride;
        });
        for (const auto& [to, from] : frontiers(state, layer)) {
            if (to->empty()) continue;
            std::memcpy(to->data(), arrived, to->size() * sizeof(float));
            arrived += to->size() * sizeof(float);
        }
        if (state.shape.ratio == 0) continue;
        note_rows(layer.compressed, state.compressed, end / state.shape.ratio);
        if (state.shape.indexed) note_rows(layer.index, state.index, end / state.shape.ratio);
    }
    return {};
}

Status WorkingState::fetch_pieces(const std::vector<Piece>& pieces) {
    std::int64_t total = 0;
    for (const Piece& piece : pieces) total += piece.bytes;
    total = std::min(total, kStagingBytes);
    TRY_STATUS(staging_.reserve(total));
    arrived_.resize(size_of(total));
    std::vector<Piece> loaded;  // `from` in staging_
    std::int64_t used = 0;
    const auto unload = [&]() -> Status {
        if (used == 0) return {};
        TRY_STATUS(backend_.read(arrived_.data(), staging_.data(), size_of(used)));
        for (const Piece& piece : loaded)
            std::memcpy(piece.to, arrived_.data() + (piece.from - staging_.data()),
                        size_of(piece.bytes));
        loaded.clear();
        used = 0;
        return {};
    };
    for (Piece piece : pieces) {
        while (piece.bytes > 0) {
            if (used == total) TRY_STATUS(unload());
            const std::int64_t part = std::min(piece.bytes, total - used);
            backend_.copy(staging_.data() + used, piece.from, size_of(part));
            loaded.push_back({piece.to, staging_.data() + used, part});
            used += part;
            piece = {piece.to + part, piece.from + part, piece.bytes - part};
        }
    }
    return unload();
}

}  // namespace starglass
