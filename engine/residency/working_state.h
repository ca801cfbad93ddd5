// SPDX-License-Identifier: MIT
//
// Where a timeline's state lies for the ops that read and extend it. With a backend that works in
// host memory that is the KvState itself, and nothing is ever copied. Otherwise ring, rows and
// frontiers lie in the backend's memory too, and both sides learn what the other did as late as
// possible:
//
//   prepare()  in front of a batch: uploads what changed on the host (restored, cleared, made up).
//              Rows that lie in the pages they were last known to lie in are not sent again.
//   pull()     when somebody wants to look at the KvState: fetches the rows emitted since, the
//              window and the frontiers. KvState::sync() and snapshot() ask for it.
//
// What was pulled is safe from the backend: when a batch fails there, abandon() makes the KvState
// the truth again, at the position it was last brought to. One thread, that of the backend.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "kernel/backend_array.h"
#include "residency/kv_state.h"

namespace starglass {

class WorkingState final : public StateMirror {
public:
    static constexpr std::int64_t kRowsPerPage = 4096;  // Flash: 2.4 MB of rows, 0.3 MB of keys

    // Both outlive this. `rows_per_page` is for tests. What was not pulled goes with it.
    WorkingState(KvState& state, Backend& backend, std::int64_t rows_per_page = kRowsPerPage);
    ~WorkingState() override;
    WorkingState(const WorkingState&) = delete;
    WorkingState& operator=(const WorkingState&) = delete;

    [[nodiscard]] std::int64_t positions() const { return state_.positions(); }
    [[nodiscard]] int layers() const { return state_.layers(); }
    [[nodiscard]] const LayerStateShape& shape(int layer) const { return state_.shape(layer); }
    [[nodiscard]] std::int64_t bytes() const;  // beyond the KvState's

    // Room for `rows` further positions, and the host's changes where ops see them. Comes before
    // what follows. Errors: out_of_memory; nothing is lost.
    [[nodiscard]] Status prepare(int rows);

    // Addresses are the backend's; valid until the next prepare().
    [[nodiscard]] RowRing raw(int layer);
    // All rows so far and those appended; the page table may move when rows are appended.
    [[nodiscard]] RowPages rows(int layer, bool index) const;
    // Where rows [first, first + count) belong, emitted by the positions prepared for.
    void append(int layer, bool index, std::int64_t first, std::int64_t count,
                std::vector<std::byte*>& addresses);
    struct Frontier {
        float* kv;
        float* score;
        std::int64_t values;  // of each
    };
    [[nodiscard]] Frontier frontier(int layer, bool index);

    // The ops given are complete up to `positions`.
    void advance(std::int64_t positions);
    // The ops given failed. Their results are forgotten, and so is what was not pulled before.
    void abandon();
    [[nodiscard]] Status pull() override;

private:
    struct Rows {
        std::vector<BackendArray<std::byte>> pages;
        std::vector<std::byte*> addresses;
        // Rows [0, same) are those of these host pages, which are kept so that they stay that way.
        std::vector<std::shared_ptr<const void>> known;
        std::int64_t same = 0;
    };
    struct Layer {
        explicit Layer(Backend& backend)
            : raw(backend), kv(backend), score(backend), index_kv(backend), index_score(backend) {}
        BackendArray<std::byte> raw;
        Rows compressed, index;
        BackendArray<float> kv, score, index_kv, index_score;
    };
    // One stretch of bytes on its way to the host.
    struct Piece {
        std::byte* to;
        const std::byte* from;
        std::int64_t bytes;
    };

    [[nodiscard]] bool remote() const { return !backend_.host_memory(); }
    Status reserve_ring(std::int64_t capacity, bool keep);
    Status reserve_rows(Rows& rows, const RowLayout& layout, std::int64_t count, bool shrink);
    void push();
    void push_rows(Rows& to, const PagedRows& from, std::int64_t count);
    void note_rows(Rows& to, const PagedRows& from, std::int64_t count) const;
    Status fetch();
    Status fetch_pieces(const std::vector<Piece>& pieces);

    KvState& state_;
    Backend& backend_;
    std::int64_t rows_per_page_;
    std::vector<Layer> layers_;  // empty where the KvState is what ops see
    std::int64_t capacity_ = 0;  // of the rings
    std::uint64_t edition_ = 0;  // of the KvState, when both sides were last alike
    std::int64_t pulled_ = 0;    // positions the KvState holds while it is behind
    BackendArray<std::byte> staging_;
    std::vector<std::byte> arrived_, settled_;
    std::vector<std::byte*> addresses_;
};

}  // namespace starglass
