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
DotInput make_up_input(CpuContext& context, Arena& arena, const Op& op, const DotInput& gate) {
    if (op.up.type == op.gate.type) return gate;
    return make_dot_input(context, arena, op.up.type, op.x, gate.rows, op.up.in, gate.source);
}

}  // namespace

void routed_experts_cpu(CpuContext& context, const RoutedExperts& op) {
    Arena& arena = context.start_op();
    const std::int64_t inner = op.gate.out;
    const std::int64_t outer = op.down.out;
    const std::int64_t pairs = static_cast<std::int64_t>(op.rows) * op.used;
    const Grouping grouping = group_by_expert(op, arena);
    // A lone token is met by all of its experts; of several, an expert's come together.
    const bool lone = op.rows == 1;
    const DotInput x = make_dot_input(context, arena, op.gate.type, op.x, lone ? 1 : pairs,
                                      op.gate.in, lone ? nullptr : grouping.token);
    const DotInput x_up = make_up_input(context, arena, op, x);
    auto* hidden = arena.take<float>(pairs * inner);  // in grouping order

    // Gate, up and SwiGLU together: the two results of a piece never leave the cache.
    const std::int64_t piece = context.piece(grouping.groups * inner, kDotRowsTile, 64);
    const std::int64_t pieces = (inner + piece - 1) / piece;
    const std::int64_t work = pairs * inner * op.gate.in;
    context.share(grouping.groups * pieces, 2 * work, [&](std::int64_t index, int worker) {
        const std::int64_t group = index / pieces;
        const std::int64_t first = index % pieces * piece;
        const std::int64_t outputs = std::min(piece, inner - first);
        const std::int32_t begin = grouping.begin[group];
        const std::int64_t count = grouping.begin[group + 1] - begin;
        const std::int64_t expert = grouping.expert[group];
        Arena& scratch = context.start_item(worker);
        auto* gate = scratch.take<float>(count * outputs);
        auto* up = scratch.take<float>(count * outputs);
        DotRows job{.type = op.gate.type,
                    .w = op.gate.row(first, expert),
                    .row_size = op.gate.row_size(),
                    .outputs = outputs,
                    .input = &x,
                    .first = lone ? 0 : begin,
                    .count = count,
                    .out = gate,
                    .out_stride = outputs};
        dot_rows(job, scratch);
        job.type = op.up.type;
        job.w = op.up.row(first, expert);
        job.row_size = op.up.row_size();
        job.input = &x_up;
        job.out = up;
        dot_rows(job, scratch);
        for (std::int64_t i = 0; i < count; ++i) {
            swiglu_rows(gate + i * outputs, up + i * outputs, outputs, op.clamp,
                        op.weights[grouping.pair[begin + i]], hidden + (begin + i) * inner + first);
        }
    });

    // A piece of the output computes all experts, so that every token's sum can be formed in
    // selection order without keeping one full vector per pair.
    const DotInput h = make_dot_input(context, arena, op.down.type, hidden, pairs, inner);
    // Between two pieces all experts come by. A lone token's few leave in L2 what was asked for
    // ahead of the second; of a chunk's it is gone, so there pieces have many rows.
    const std::int64_t down_piece = context.piece(outer, kDotRowsTile, lone ? 64 : 1024);
    const std::int64_t down_pieces = (outer + down_piece - 1) / down_piece;
    context.share(down_pieces, work, [&](std::int64_t index, int worker) {
        const std::int64_t first = index * down_piece;
        const std::int64_t outputs = std::min(down_piece, outer - first);
        Arena& scratch = context.start_item(worker);
        auto* part = scratch.take<float>(pairs * outputs);  // in grouping order
        auto* place = scratch.take<std::int32_t>(pairs);
        for (std::int32_t group = 0; group < grouping.groups; ++group) {
            const std::int32_t begin = grouping.begin[group];
            dot_rows({.type = op.down.type,
                      .w = op.down.row(first, grouping.expert[group]),
                      .row_size = op.down.row_size(),
                      .outputs = outputs,
                      .input = &h,
                      .first = begin,
                      .count = grouping.begin[group + 1] - begin,
                      .out = part + begin * outputs,
                      .out_stride = outputs},
                     scratch);
        }
        for (std::int64_t i = 0; i < pairs; ++i)
            place[grouping.pair[i]] = static_cast<std::int32_t>(i);
        for (int row = 0; row < op.rows; ++row) {
            float* y = op.y + row * outer + first;
            std::fill_n(y, outputs, 0.0F);
            for (int slot = 0; slot < op.used; ++slot) {
                const float* from = part + place[row * op.used + slot] * outputs;
                for (std::int64_t o = 0; o < outputs; ++o) y[o] += from[o];
            }
        }
    });
}

void shared_expert_cpu(CpuContext& context, const SharedExpert& op) {
    Arena& arena = context.start_op();
    const std::int64_t inner = op.gate.out;
    const std::int64_t outer = op.down.out;
    const DotInput x = make_dot_input(context, arena, op.gate.type, op.x, op.rows, op.gate.in);
    const DotInput x_up = make_up_input(context, arena, op, x);
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

    const DotInput h = make_dot_input(context, arena, op.down.type, hidden, op.rows, inner);
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
