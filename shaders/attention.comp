// SPDX-License-Identifier: MIT
//
// One query, a block of heads, the rows of one split or, without SG_SPLIT, all of them. Rows are
// decoded a tile at a time; scores, then their share of the sum, the maximum carried along.
//
// SG_HEADS: heads a workgroup. SG_PLAIN: rows are f32, else codes, kept as pairs of f16. SG_SPLIT:
// sums, maxima and denominators go to memory for attention_combine.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "attention_rows.glsl"

layout(local_size_x = 256) in;

#ifdef SG_PLAIN
const uint kTile = 8;
#else
const uint kTile = 16;
#endif

// 4 groups of threads, each with a quarter of the heads; scores: 4 groups of rows within, 16 threads
// across the width within those.
const uint kHeads = SG_HEADS / 4;
const uint kRows = kTile / 4;
const uint kTurnHeads = min(kHeads, 8 / kRows);  // heads whose partial sums are added in one go
const uint kTurnSums = kTurnHeads * kRows;
const uint kLanes = 256 / kTile;  // threads that decode one row

shared PACKED tile[kTile][129];
shared float partial[kTurnSums][16 * 17];
shared float scores[SG_HEADS][kTile + 1];
shared vec2 weights[kTile][SG_HEADS / 2];
shared float largest[SG_HEADS], larger[SG_HEADS], total[SG_HEADS], rescale[SG_HEADS];

void main() {
    const uint thread = gl_LocalInvocationIndex;
#ifdef SG_SPLIT
    const uint split = gl_WorkGroupID.x;
    const uint block = gl_WorkGroupID.y * SG_HEADS;
    const uint row = gl_WorkGroupID.z;
    const uint visible = visible_rows(row);
    const uint step = rows_per_split(visible);
    const uint begin = split * step;
    if (begin >= visible) return;
    const uint end = min(visible, begin + step);
#else
    const uint block = gl_WorkGroupID.x * SG_HEADS;
    const uint row = gl_WorkGroupID.y;
    const uint begin = 0;
    const uint end = visible_rows(row);
#endif

    const uint group = thread >> 6;
    const uint first_head = group * kHeads;  // in the block
    const uint across = thread & 15;
    const uint first_row = ((thread >> 4) & 3) * kRows;
    const uint column = thread & 63;
    const uint tile_row = thread / kLanes;
    const uint lane = thread % kLanes;

    uint q_base[kHeads];
    [[unroll]] for (uint h = 0; h < kHeads; ++h)
        q_base[h] = (row * uint(p.heads) + min(block + first_head + h, uint(p.heads) - 1)) * kWidth;

    vec4 sum[kHeads][2];
    [[unroll]] for (uint h = 0; h < kHeads; ++h) sum[h][0] = sum[h][1] = vec4(0.0);
    if (thread < SG_HEADS) {
        largest[thread] = kLowest;
        larger[thread] = kLowest;
        total[thread] = 0.0;
    }

    Place place = locate(row, min(begin + tile_row, end - 1));
    for (uint start = begin; start < end; start += kTile) {
        const bool there = start + tile_row < end;
        for (uint c = lane; c < kVecs; c += kLanes)
            tile[tile_row][c] = there ? load_row(place, c) : ZERO;
        // The addresses of the next tile arrive meanwhile.
        place = locate(row, min(start + kTile + tile_row, end - 1));
        barrier();

        float dot_[kHeads][kRows];
        [[unroll]] for (uint h = 0; h < kHeads; ++h)
            [[unroll]] for (uint r = 0; r < kRows; ++r) dot_[h][r] = 0.0;
        for (uint c = across; c < kVecs; c += 16) {
            vec4 k[kRows];
            [[unroll]] for (uint r = 0; r < kRows; ++r) k[r] = unpack(tile[first_row + r][c]);
            [[unroll]] for (uint h = 0; h < kHeads; ++h) {
                const vec4 q = load_vec(p.q, q_base[h], c);
                [[unroll]] for (uint r = 0; r < kRows; ++r) {
                    float d = dot_[h][r];
                    d = fma(q.x, k[r].x, d);
                    d = fma(q.y, k[r].y, d);
                    d = fma(q.z, k[r].z, d);
                    dot_[h][r] = fma(q.w, k[r].w, d);
                }
            }
        }
        [[unroll]] for (uint turn = 0; turn < kHeads; turn += kTurnHeads) {
            [[unroll]] for (uint i = 0; i < kTurnSums; ++i)
                partial[i][(thread >> 4) * 17 + across] = dot_[turn + i / kRows][i % kRows];
            barrier();
            if (thread < 16 * kTurnSums) {
                const uint i = thread >> 4;
                const uint from = thread & 15;  // 16 threads with the same heads and rows
                float s = 0.0;
                for (uint j = 0; j < 16; ++j) s += partial[i][from * 17 + j];
                const uint r = (from & 3) * kRows + i % kRows;
                scores[(from >> 2) * kHeads + turn + i / kRows][r] =
                    start + r < end ? s * p.scale : kLowest;
            }
            barrier();
        }

        for (uint i = thread; i < SG_HEADS * kTile; i += 256) {
            const uint h = i / kTile;
            const uint r = i % kTile;
            float m = largest[h];
            for (uint j = 0; j < kTile; ++j) m = max(m, scores[h][j]);
            weights[r][h / 2][h % 2] = start + r < end ? exp(scores[h][r] - m) : 0.0;
            if (r == 0) {
                rescale[h] = exp(largest[h] - m);
                larger[h] = m;
            }
        }
        barrier();

        if (thread < SG_HEADS) {
            float l = total[thread] * rescale[thread];
            for (uint j = 0; j < kTile; ++j) l += weights[j][thread / 2][thread % 2];
            total[thread] = l;
            largest[thread] = larger[thread];
        }
        if (column < kVecs) {
            [[unroll]] for (uint h = 0; h < kHeads; ++h) {
                sum[h][0] *= rescale[first_head + h];
                sum[h][1] *= rescale[first_head + h];
            }
            const bool second = column + 64 < kVecs;
            for (uint r = 0; r < kTile; ++r) {
                const vec4 v0 = unpack(tile[r][column]);
                const vec4 v1 = second ? unpack(tile[r][column + 64]) : vec4(0.0);
                [[unroll]] for (uint h = 0; h < kHeads; h += 2) {
                    const vec2 w = weights[r][(first_head + h) / 2];
                    sum[h][0] = fma(vec4(w.x), v0, sum[h][0]);
                    sum[h][1] = fma(vec4(w.x), v1, sum[h][1]);
                    sum[h + 1][0] = fma(vec4(w.y), v0, sum[h + 1][0]);
                    sum[h + 1][1] = fma(vec4(w.y), v1, sum[h + 1][1]);
                }
            }
        }
        barrier();
    }

#ifdef SG_SPLIT
    const uint part = (row * uint(p.splits) + split) * uint(p.heads);
    if (thread < SG_HEADS && block + thread < uint(p.heads)) {
        p.state.v[2 * (part + block + thread)] = largest[thread];
        p.state.v[2 * (part + block + thread) + 1] = total[thread];
    }
#endif
    [[unroll]] for (uint h = 0; h < kHeads; ++h) {
        const uint head = block + first_head + h;
        if (head >= uint(p.heads)) continue;
#ifdef SG_SPLIT
        if (column < kVecs) FloatVecs(p.y).v[(part + head) * kVecs + column] = sum[h][0];
        if (column + 64 < kVecs)
            FloatVecs(p.y).v[(part + head) * kVecs + column + 64] = sum[h][1];
#else
        const float m = max(largest[first_head + h], p.sinks.v[head]);
        const float k = exp(largest[first_head + h] - m);
        const float factor = k / (total[first_head + h] * k + exp(p.sinks.v[head] - m));
        if (column < kVecs) store_vec(row, head, column, sum[h][0] * factor);
        if (column + 64 < kVecs) store_vec(row, head, column + 64, sum[h][1] * factor);
#endif
    }
}
