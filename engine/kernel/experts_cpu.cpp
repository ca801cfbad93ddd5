// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>

#include "kernel/weight_dot.h"

namespace starglass {
namespace {

// (token, slot) pairs ordered by expert, so that an expert's rows are read once for all of its
// tokens. Pair p is slot p % used of token p / used.
struct Grouping {
    std::int32_t groups = 0;
    std::int32_t* expert;  // [groups]
    std::int32_t* begin;   // [groups + 1] into `pair`
    std::int32_t* pair;    // [pairs]
    std::int32_t* token;   // [pairs] token of pair[i]
};

Grouping group_by_expert(const RoutedExperts& op, Arena& arena) {
    const std::int64_t pairs = static_cast<std::int64_t>(op.rows) * op.used;
    const std::int64_t experts = op.gate.count;
    auto* count = arena.take<std::int32_t>(experts + 1);
    std::fill_n(count, experts + 1, 0);
    for (std::int64_t p = 0; p < pairs; ++p) ++count[op.selected[p] + 1];
    std::partial_sum(count, count + experts + 1, count);

    Grouping result;
    result.expert = arena.take<std::int32_t>(std::min(experts, pairs));
    result.begin = arena.take<std::int32_t>(std::min(experts, pairs) + 1);
    result.pair = arena.take<std::int32_t>(pairs);
    result.token = arena.take<std::int32_t>(pairs);
    for (std::int64_t e = 0; e < experts; ++e) {
        if (count[e] == count[e + 1]) continue;
        result.expert[result.groups] = static_cast<std::int32_t>(e);
        result.begin[result.groups++] = count[e];
    }
    result.begin[result.groups] = static_cast<std::int32_t>(pairs);
    for (std::int64_t p = 0; p < pairs; ++p) {
        const std::int32_t at = count[op.selected[p]]++;
        result.pair[at] = static_cast<std::int32_t>(p);
        result.token[at] = static_cast<std::int32_t>(p / op.used);
    }
    return result;
}

// Gate and up may differ in type, then perhaps also in what they want to meet.
template <class Op>
DotInput make_up_input(CpuContext& context, Arena& arena, const Op& op, const DotInput& gate,
                       std::int64_t run) {
    if (op.up.type == op.gate.type) return gate;
    return make_dot_input(context, arena, op.up.type, op.x, gate.rows, op.up.in, gate.source, run);
}

// The routed experts of one op, step by step. Vectors of pairs lie in grouping order, so that an
// expert's are neighbours.
class RoutedWork {
public:
    RoutedWork(CpuContext& context, const RoutedExperts& op)
        : context_(context),
          op_(op),
          arena_(context.start_op()),
          grouping_(group_by_expert(op, arena_)),
          pairs_(static_cast<std::int64_t>(op.rows) * op.used),
          // A lone token is met by all of its experts; of several, an expert's come together.
          lone_(op.rows == 1),
          x_(make_dot_input(context, arena_, op.gate.type, op.x, lone_ ? 1 : pairs_, op.gate.in,
                            lone_ ? nullptr : grouping_.token)),
          x_up_(make_up_input(context, arena_, op, x_, 0)),
          hidden_(arena_.take<float>(pairs_ * op.gate.out)) {}

    void run() {
        if (op_.source == nullptr) return run_resident();
        op_.source->request(op_.layer,
                            {op_.selected, static_cast<std::size_t>(op_.rows) * op_.used});
        std::span<const std::int32_t> here = op_.source->next(op_.layer);
        if (static_cast<std::int32_t>(here.size()) == grouping_.groups) {
            run_resident();
            op_.source->release(op_.layer, here);
            return;
        }
        run_arriving(here);
    }

private:
    // All experts are in memory.
    void run_resident() {
        auto* const all = arena_.take<std::int32_t>(grouping_.groups);
        std::iota(all, all + grouping_.groups, 0);
        gate_up({all, static_cast<std::size_t>(grouping_.groups)});
        // A piece of the output computes all experts, so that every token's sum can be formed in
        // selection order without keeping one full vector per pair.
        const std::int64_t outer = op_.down.out;
        const DotInput h =
            make_dot_input(context_, arena_, op_.down.type, hidden_, pairs_, op_.gate.out);
        // Between two pieces all experts come by. A lone token's few leave in L2 what was asked
        // for ahead of the second; of a chunk's it is gone, so there pieces have many rows.
        const std::int64_t piece = context_.piece(outer, kDotRowsTile, lone_ ? 64 : 1024);
        const std::int64_t pieces = (outer + piece - 1) / piece;
        context_.share(pieces, work(pairs_), [&](std::int64_t index, int worker) {
            const std::int64_t first = index * piece;
            const std::int64_t outputs = std::min(piece, outer - first);
            Arena& scratch = context_.start_item(worker);
            auto* part = scratch.take<float>(pairs_ * outputs);
            auto* place = scratch.take<std::int32_t>(pairs_);
            for (std::int32_t group = 0; group < grouping_.groups; ++group) {
                const std::int32_t begin = grouping_.begin[group];
                down(group, h, begin, first, outputs, part + begin * outputs, outputs, scratch);
            }
            places(place);
            sum(part, outputs, place, first, outputs);
        });
    }

    // Experts are computed as they come. Every pair's vector is kept until the last is there:
    // sums are in selection order whatever came first.
    void run_arriving(std::span<const std::int32_t> here) {
        const std::int64_t outer = op_.down.out;
        auto* const part = arena_.take<float>(pairs_ * outer);
        auto* const groups = arena_.take<std::int32_t>(grouping_.groups);
        auto* const source = arena_.take<std::int32_t>(pairs_);
        auto* const first_vector = arena_.take<std::int64_t>(grouping_.groups);
        std::int32_t done = 0;
        for (; !here.empty(); here = op_.source->next(op_.layer)) {
            const auto count = static_cast<std::int64_t>(here.size());
            std::int64_t vectors = 0;
            for (std::int64_t i = 0; i < count; ++i) {
                groups[i] = group_of(here[static_cast<std::size_t>(i)]);
                first_vector[i] = vectors;
                for (std::int32_t at = grouping_.begin[groups[i]];
                     at < grouping_.begin[groups[i] + 1]; ++at)
                    source[vectors++] = at;
            }
            gate_up({groups, here.size()});
            wave_.reset();
            const DotInput h = make_dot_input(context_, wave_, op_.down.type, hidden_, vectors,
                                              op_.gate.out, source);
            const std::int64_t piece = context_.piece(count * outer, kDotRowsTile, 1024);
            const std::int64_t pieces = (outer + piece - 1) / piece;
            context_.share(count * pieces, work(vectors), [&](std::int64_t index, int worker) {
                const std::int64_t at = index / pieces;
                const std::int64_t first = index % pieces * piece;
                down(groups[at], h, first_vector[at], first, std::min(piece, outer - first),
                     part + grouping_.begin[groups[at]] * outer + first, outer,
                     context_.start_item(worker));
            });
            done += static_cast<std::int32_t>(count);
            op_.source->release(op_.layer, here);
        }
        if (done != grouping_.groups) return;  // the source knows why
        places(source);
        constexpr std::int64_t kPiece = 1024;
        const std::int64_t pieces = (outer + kPiece - 1) / kPiece;
        context_.share(pieces, pairs_ * outer, [&](std::int64_t index, int) {
            const std::int64_t first = index * kPiece;
            sum(part + first, outer, source, first, std::min(kPiece, outer - first));
        });
    }

    [[nodiscard]] std::int64_t work(std::int64_t vectors) const {
        return vectors * op_.gate.out * op_.gate.in;
    }
    [[nodiscard]] std::int32_t group_of(std::int32_t expert) const {
        return static_cast<std::int32_t>(
            std::lower_bound(grouping_.expert, grouping_.expert + grouping_.groups, expert) -
            grouping_.expert);
    }

    // Gate, up and SwiGLU together: the two results of a piece never leave the cache.
    void gate_up(std::span<const std::int32_t> groups) {
        const std::int64_t inner = op_.gate.out;
        const auto count = static_cast<std::int64_t>(groups.size());
        std::int64_t vectors = 0;
        for (const std::int32_t group : groups)
            vectors += grouping_.begin[group + 1] - grouping_.begin[group];
        const std::int64_t piece = context_.piece(count * inner, kDotRowsTile, 64);
        const std::int64_t pieces = (inner + piece - 1) / piece;
        context_.share(count * pieces, 2 * work(vectors), [&](std::int64_t index, int worker) {
            const std::int32_t group = groups[static_cast<std::size_t>(index / pieces)];
            const std::int64_t first = index % pieces * piece;
            const std::int64_t outputs = std::min(piece, inner - first);
            const std::int32_t begin = grouping_.begin[group];
            const std::int64_t rows = grouping_.begin[group + 1] - begin;
            const std::int64_t expert = grouping_.expert[group];
            Arena& scratch = context_.start_item(worker);
            auto* gate = scratch.take<float>(rows * outputs);
            auto* up = scratch.take<float>(rows * outputs);
            DotRows job{.type = op_.gate.type,
                        .w = op_.gate.row(first, expert),
                        .row_size = op_.gate.row_size(),
                        .outputs = outputs,
                        .input = &x_,
                        .first = lone_ ? 0 : begin,
                        .count = rows,
                        .out = gate,
                        .out_stride = outputs};
            dot_rows(job, scratch);
            job.type = op_.up.type;
            job.w = op_.up.row(first, expert);
            job.row_size = op_.up.row_size();
            job.input = &x_up_;
            job.out = up;
            dot_rows(job, scratch);
            for (std::int64_t i = 0; i < rows; ++i) {
                swiglu_rows(gate + i * outputs, up + i * outputs, outputs, op_.clamp,
                            op_.weights[grouping_.pair[begin + i]],
                            hidden_ + (begin + i) * inner + first);
            }
        });
    }

    // Outputs [first, first + outputs) of an expert for its pairs, which are vectors of `h` from
    // `vector` on.
    void down(std::int32_t group, const DotInput& h, std::int64_t vector, std::int64_t first,
              std::int64_t outputs, float* out, std::int64_t stride, Arena& scratch) const {
        dot_rows({.type = op_.down.type,
                  .w = op_.down.row(first, grouping_.expert[group]),
                  .row_size = op_.down.row_size(),
                  .outputs = outputs,
                  .input = &h,
                  .first = vector,
                  .count = grouping_.begin[group + 1] - grouping_.begin[group],
                  .out = out,
                  .out_stride = stride},
                 scratch);
    }

    void places(std::int32_t* place) const {
        for (std::int64_t i = 0; i < pairs_; ++i)
            place[grouping_.pair[i]] = static_cast<std::int32_t>(i);
    }
    // y from `first` on: part[pair, stride] summed in selection order.
    void sum(const float* part, std::int64_t stride, const std::int32_t* place, std::int64_t first,
             std::int64_t outputs) const {
        for (int row = 0; row < op_.rows; ++row) {
            float* y = op_.y + row * op_.down.out + first;
            std::fill_n(y, outputs, 0.0F);
            for (int slot = 0; slot < op_.used; ++slot) {
                const float* from = part + place[row * op_.used + slot] * stride;
                for (std::int64_t o = 0; o < outputs; ++o) y[o] += from[o];
            }
        }
    }

    CpuContext& context_;
    const RoutedExperts& op_;
    Arena& arena_;
    Grouping grouping_;
    std::int64_t pairs_;
    bool lone_;
    DotInput x_, x_up_;
    float* hidden_;
    Arena& wave_ = context_.second();
};

}  // namespace

void routed_experts_cpu(CpuContext& context, const RoutedExperts& op) {
    RoutedWork(context, op).run();
}

void shared_expert_cpu(CpuContext& context, const SharedExpert& op) {
    Arena& arena = context.start_op();
    const std::int64_t inner = op.gate.out;
    const std::int64_t outer = op.down.out;
    const DotInput x =
        make_dot_input(context, arena, op.gate.type, op.x, op.rows, op.gate.in, nullptr, op.rows);
    const DotInput x_up = make_up_input(context, arena, op, x, op.rows);
    auto* hidden = arena.take<float>(op.rows * inner);

    const std::int64_t piece = context.piece(inner, kDotRowsTile, 64);
    const std::int64_t work = op.rows * inner * op.gate.in;
    context.share((inner + piece - 1) / piece, 2 * work, [&](std::int64_t index, int worker) {
        const std::int64_t first = index * piece;
        const std::int64_t outputs = std::min(piece, inner - first);
        Arena& scratch = context.start_item(worker);
        auto* gate = scratch.take<float>(op.rows * outputs);
        auto* up = scratch.take<float>(op.rows * outputs);
        DotRows job{.type = op.gate.type,
                    .w = op.gate.row(first),
                    .row_size = op.gate.row_size(),
                    .outputs = outputs,
                    .input = &x,
                    .first = 0,
                    .count = op.rows,
                    .out = gate,
                    .out_stride = outputs};
        dot_rows(job, scratch);
        job.type = op.up.type;
        job.w = op.up.row(first);
        job.row_size = op.up.row_size();
        job.input = &x_up;
        job.out = up;
        dot_rows(job, scratch);
        for (std::int64_t row = 0; row < op.rows; ++row)
            swiglu_rows(gate + row * outputs, up + row * outputs, outputs, op.clamp, 1.0F,
                        hidden + row * inner + first);
    });

    const DotInput h =
        make_dot_input(context, arena, op.down.type, hidden, op.rows, inner, nullptr, op.rows);
    const std::int64_t down_piece = context.piece(outer, kDotRowsTile, 64);
    context.share((outer + down_piece - 1) / down_piece, work, [&](std::int64_t index, int worker) {
        const std::int64_t first = index * down_piece;
        dot_rows({.type = op.down.type,
                  .w = op.down.row(first),
                  .row_size = op.down.row_size(),
                  .outputs = std::min(down_piece, outer - first),
                  .input = &h,
                  .first = 0,
                  .count = op.rows,
                  .out = op.y + first,
                  .out_stride = outer},
                 context.start_item(worker));
    });
}

void add_cpu(CpuContext& context, const Add& op) {
    constexpr std::int64_t kPiece = 16384;
    context.share((op.count + kPiece - 1) / kPiece, op.count, [&](std::int64_t index, int) {
        const std::int64_t last = std::min(op.count, (index + 1) * kPiece);
        for (std::int64_t i = index * kPiece; i < last; ++i) op.y[i] += op.x[i];
    });
}

}  // namespace starglass
