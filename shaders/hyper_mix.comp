// SPDX-License-Identifier: MIT
//
// Partial sums of fn times the streams, and of the streams' squares. A workgroup takes a chunk of
// 256 / streams columns of every stream, for one row or for several that share the weights; eight
// invocations an output. The order of a row's sums is the same either way.
//
// With kSpread the streams are first made from the last block's output.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "hyper_mix_params.h"
#include "half.glsl"
#include "hyper_spread.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint kStreams = 4;
layout(constant_id = 1) const uint kRows = 1;  // at most 8
layout(constant_id = 2) const uint kHalf = 1;  // fn in F16
layout(constant_id = 3) const uint kPairs = 1; // columns lie in pairs: F16, even dim and chunk
layout(constant_id = 4) const uint kSpread = 0;

const uint kSlots = 256;
const uint kRowsMax = 8;
shared float sg_h[kRowsMax * kSlots];
shared float sg_part[kRowsMax * kSlots];

uint chunk_width() {
    return kSlots / kStreams;
}

// The stream's element at a slot, made and stored where that is asked for.
float stream_at(uint row, uint stream, uint i) {
    const uint dim = uint(p.dim);
    const uint at = (row * kStreams + stream) * dim + i;
    if (kSpread == 0) return p.h.v[at];
    float sum = spread_first(p.y.v[row * dim + i], p.post.v[row * kStreams + stream]);
    for (uint s = 0; s < kStreams; ++s)
        sum = spread_next(sum, p.comb.v[(row * kStreams + s) * kStreams + stream],
                          p.h.v[(row * kStreams + s) * dim + i]);
    p.made.v[at] = sum;
    return sum;
}

float weight_at(uint output_row, uint slot) {
    const uint stream = slot / chunk_width();
    const uint i = gl_WorkGroupID.x * chunk_width() + slot % chunk_width();
    if (stream >= kStreams || i >= uint(p.dim)) return 0.0;
    const uint column = stream * uint(p.dim) + i;
    return kHalf != 0 ? half_at(p.fn, 2 * output_row + column)
                      : uintBitsToFloat(p.fn.v[output_row + column]);
}

vec2 weights_at(uint output_row, uint slot) {
    if (kPairs == 0) return vec2(weight_at(output_row, slot), weight_at(output_row, slot + 1));
    const uint stream = slot / chunk_width();
    const uint i = gl_WorkGroupID.x * chunk_width() + slot % chunk_width();
    if (stream >= kStreams || i >= uint(p.dim)) return vec2(0.0);
    return unpackHalf2x16(p.fn.v[output_row + (stream * uint(p.dim) + i) / 2]);
}

void main() {
    const uint self = gl_LocalInvocationID.x;
    const uint first_row = gl_WorkGroupID.y * kRows;
    {
        const uint stream = self / chunk_width();
        const uint i = gl_WorkGroupID.x * chunk_width() + self % chunk_width();
        const bool inside = stream < kStreams && i < uint(p.dim);
        [[unroll]] for (uint r = 0; r < kRows; ++r)
            sg_h[r * kSlots + self] = inside && first_row + r < uint(p.rows)
                                          ? stream_at(first_row + r, stream, i)
                                          : 0.0;
    }
    barrier();
    const uint mix = uint(p.mix);
    const uint lane = self & 7;
    for (uint first = 0; first <= mix; first += kSlots / 8) {
        const uint o = first + self / 8;
        precise float sum[kRowsMax];
        [[unroll]] for (uint r = 0; r < kRows; ++r) sum[r] = 0.0;
        if (o < mix) {
            const uint output_row = o * uint(p.fn_words);
            [[unroll]] for (uint step = 0; step < kSlots / 16; ++step) {
                const uint slot = 2 * lane + 16 * step;
                const vec2 w = weights_at(output_row, slot);
                [[unroll]] for (uint r = 0; r < kRows; ++r) {
                    sum[r] = fma(w.x, sg_h[r * kSlots + slot], sum[r]);
                    sum[r] = fma(w.y, sg_h[r * kSlots + slot + 1], sum[r]);
                }
            }
        } else if (o == mix) {
            for (uint slot = lane; slot < kSlots; slot += 8)
                [[unroll]] for (uint r = 0; r < kRows; ++r) {
                    const float h = sg_h[r * kSlots + slot];
                    sum[r] = fma(h, h, sum[r]);
                }
        }
        [[unroll]] for (uint r = 0; r < kRows; ++r) sg_part[r * kSlots + self] = sum[r];
        barrier();
        const uint r = self / 32;
        const uint done = first + (self & 31);
        if (r < kRows && first_row + r < uint(p.rows) && done <= mix) {
            precise float total = 0.0;
            [[unroll]] for (uint i = 0; i < 8; ++i)
                total = total + sg_part[r * kSlots + 8 * (self & 31) + i];
            p.parts.v[((first_row + r) * (mix + 1) + done) * uint(p.chunks) + gl_WorkGroupID.x] =
                total;
        }
        barrier();
    }
}
