// SPDX-License-Identifier: MIT
//
// What a timeline leaves behind in every layer (model spec section 5.1): the raw window, the
// compressed rows and the compressor frontiers, as codes.
//
// Emitted rows never change. They live in shared pages, so a snapshot of a timeline costs its
// frontier and its window, not its rows; a timeline that goes back to a snapshot copies a page
// only when it would overwrite rows another timeline still owns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "tensor/row_codec.h"

namespace starglass {

// Sizes of one layer's state.
struct LayerStateShape {
    int ratio = 0;  // 0: raw window only
    int coff = 1;   // 2 where groups overlap
    bool indexed = false;
    RowLayout kv_row;
    RowLayout index_row;  // used when indexed
    int kv_width = 0;
    int index_width = 0;
};

// An append-only list of rows in pages that never move.
class PagedRows {
public:
    static constexpr std::int64_t kRowsPerPage = 256;

    PagedRows() = default;
    explicit PagedRows(RowLayout layout) : layout_(layout) {}

    // Makes rows [first, first + count) writable and gives their addresses. Pages shared with a
    // snapshot that already filled them are copied first.
    void prepare(std::int64_t first, std::int64_t count, std::vector<std::byte*>& addresses);
    // Drops pages that hold none of the first `rows` rows.
    void truncate(std::int64_t rows);

    [[nodiscard]] RowPages view() const { return {addresses_.data(), layout_, kRowsPerPage}; }
    [[nodiscard]] const RowLayout& layout() const { return layout_; }
    // The page that holds row `index * kRowsPerPage`. While somebody keeps it, rows already in it
    // do not change: the same page is the same rows.
    [[nodiscard]] std::shared_ptr<const void> page(std::size_t index) const {
        return index < pages_.size() ? pages_[index] : nullptr;
    }
    [[nodiscard]] std::int64_t bytes() const {
        return static_cast<std::int64_t>(pages_.size()) * kRowsPerPage * layout_.stride;
    }

private:
    struct Page {
        std::unique_ptr<std::byte[]> data;
        std::int64_t filled = 0;  // rows handed out for writing by any owner
    };
    std::shared_ptr<Page> new_page() const;

    RowLayout layout_;
    std::vector<std::shared_ptr<Page>> pages_;
    std::vector<std::byte*> addresses_;
};

struct LayerState {
    LayerStateShape shape;
    std::vector<std::byte> raw;  // ring of `KvState::ring_capacity` rows
    PagedRows compressed;
    PagedRows index;
    std::vector<float> frontier_kv, frontier_score;
    std::vector<float> index_frontier_kv, index_frontier_score;
};

// Who holds what a KvState does not hold yet (residency/working_state.h).
class StateMirror {
public:
    virtual ~StateMirror() = default;
    // Brings the KvState up to its positions. Errors leave it as it was.
    [[nodiscard]] virtual Status pull() = 0;
};

// The timeline's state in host memory. Where ops run in other memory it may be behind: positions()
// is then ahead of what is here, layers must not be looked at, and sync() brings it up to date. A
// copy is on its own; none is made while the original is behind.
class KvState {
public:
    // A state to come back to. Cheap in rows, `bytes` in window and frontiers.
    struct Snapshot {
        std::int64_t positions = 0;
        struct Layer {
            std::vector<std::byte> window;  // oldest first
            PagedRows compressed, index;
            std::vector<float> frontier_kv, frontier_score;
            std::vector<float> index_frontier_kv, index_frontier_score;
        };
        std::vector<Layer> layers;
        [[nodiscard]] std::int64_t bytes() const;
    };

    KvState(std::vector<LayerStateShape> layers, int window);
    [[nodiscard]] std::int64_t positions() const { return positions_; }
    [[nodiscard]] int window() const { return window_; }
    // Rows are complete for positions up to `positions`; called once per evaluated batch.
    void advance(std::int64_t positions) {
        positions_ = positions;
        ++edition_;
    }

    // Room for `batch` positions after the current window without overwriting it.
    void reserve_batch(int batch);
    [[nodiscard]] std::int64_t ring_capacity() const { return ring_capacity_; }
    [[nodiscard]] RowRing raw_ring(int layer);
    [[nodiscard]] LayerState& layer(int index);
    [[nodiscard]] const LayerState& layer(int index) const;
    [[nodiscard]] const LayerStateShape& shape(int layer) const {
        return layers_[static_cast<std::size_t>(layer)].shape;
    }
    [[nodiscard]] int layers() const { return static_cast<int>(layers_.size()); }

    // Needed before layer() and raw_ring() after a batch. Errors: the backend's.
    [[nodiscard]] Status sync() const { return behind_ ? mirror_.at->pull() : Status(); }
    // Errors: those of sync().
    [[nodiscard]] Result<Snapshot> snapshot() const;
    void restore(const Snapshot& snapshot);
    void clear();
    [[nodiscard]] std::int64_t bytes() const;

    // For the mirror. Another edition: somebody may have changed what is here.
    [[nodiscard]] std::uint64_t edition() const { return edition_; }
    [[nodiscard]] bool behind() const { return behind_; }
    void set_mirror(StateMirror* mirror) { mirror_.at = mirror; }
    void set_behind(std::int64_t positions, bool behind) {
        positions_ = positions;
        behind_ = behind;
    }

private:
    void copy_window(const LayerState& from, std::int64_t capacity, std::byte* to) const;

    std::vector<LayerState> layers_;
    int window_ = 0;
    std::int64_t ring_capacity_ = 0;
    std::int64_t positions_ = 0;
    // Not copied: a mirror belongs to one state.
    struct Mirror {
        Mirror() = default;
        ~Mirror() = default;
        Mirror(const Mirror&) {}
        Mirror& operator=(const Mirror&) { return *this; }
        StateMirror* at = nullptr;
    };
    Mirror mirror_;
    bool behind_ = false;
    std::uint64_t edition_ = 0;
};

}  // namespace starglass
