// SPDX-License-Identifier: MIT
//
// Scores of 128 keys against one query: products of 64 heads at a time, 32 elements of the width at
// a time, each thread 8 heads by 4 keys. SG_PLAIN: keys are f32, else E2M1 codes.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_buffer_reference_uvec2 : require
#include "index_score_params.h"

layout(local_size_x = 256) in;

const uint kKeys = 128;
const uint kHeads = 64;
const uint kStep = 32;  // also the group of a scale

shared vec4 keys[kStep][kKeys / 4];
shared vec4 heads[kStep][kHeads / 4 + 1];
shared float weights[kHeads];
shared vec4 sums[8][kKeys / 4];

float e2m1(uint code) {
    const uint m = code & 7;
    const float v = m < 4 ? 0.5 * float(m) : float(m < 6 ? m - 2 : 2 * m - 8);
    return (code & 8) != 0 ? -v : v;
}

void main() {
    const uint thread = gl_LocalInvocationIndex;
    const uint row = gl_WorkGroupID.y;
    const uint first = gl_WorkGroupID.x * kKeys;
    const uint visible = (uint(p.first_position) + row + 1) / uint(p.ratio);
    if (visible <= uint(p.top_k) || first >= visible) return;
    const uint width = uint(p.width);
    const uint key_group = thread & 31;
    const uint head_group = thread >> 5;

    // This thread decodes half of one key's step.
    const uint key = thread & 127;
    const uint half_ = thread >> 7;
    const uint c = min(first + key, visible - 1);
    const uint page = c / uint(p.rows_per_page);
    Words at = Words(Pairs(p.pages).v[page]);
    const uint base = (c - page * uint(p.rows_per_page)) * (uint(p.stride) / 4);

    vec4 score = vec4(0.0);
    for (uint block = 0; block < uint(p.heads); block += kHeads) {
        if (thread < kHeads)
            weights[thread] = block + thread < uint(p.heads)
                ? p.weights.v[row * uint(p.heads) + block + thread] * p.weight_scale : 0.0;
        vec4 dots[8];
        [[unroll]] for (uint h = 0; h < 8; ++h) dots[h] = vec4(0.0);
        for (uint step = 0; step < width; step += kStep) {
#ifdef SG_PLAIN
            for (uint i = 0; i < 16; ++i) {
                const uint e = 16 * half_ + i;
                keys[e][key / 4][key % 4] =
                    step + e < width ? uintBitsToFloat(at.v[base + step + e]) : 0.0;
            }
#else
            const uint exponent_at = width / 2 + step / 32;
            const uint exponent =
                (at.v[base + exponent_at / 4] >> (8 * (exponent_at & 3))) & 255;
            const float scale = uintBitsToFloat(exponent << 23);
            for (uint i = 0; i < 2; ++i) {
                const uint codes = at.v[base + step / 8 + 2 * half_ + i];
                [[unroll]] for (uint j = 0; j < 8; j += 2) {
                    // Rows are rounded to f16.
                    const vec2 v = unpackHalf2x16(packHalf2x16(
                        scale * vec2(e2m1(codes >> (4 * j)), e2m1(codes >> (4 * j + 4)))));
                    const uint e = 16 * half_ + 8 * i + j;
                    keys[e][key / 4][key % 4] = v.x;
                    keys[e + 1][key / 4][key % 4] = v.y;
                }
            }
#endif
            const uint e = thread & 31;
            for (uint h = thread >> 5; h < kHeads; h += 8)
                heads[e][h / 4][h % 4] = step + e < width && block + h < uint(p.heads)
                    ? p.query.v[(row * uint(p.heads) + block + h) * width + step + e] : 0.0;
            barrier();
            for (uint i = 0; i < kStep; ++i) {
                const vec4 k = keys[i][key_group];
                const vec4 q0 = heads[i][2 * head_group];
                const vec4 q1 = heads[i][2 * head_group + 1];
                [[unroll]] for (uint h = 0; h < 4; ++h) {
                    dots[h] = fma(vec4(q0[h]), k, dots[h]);
                    dots[h + 4] = fma(vec4(q1[h]), k, dots[h + 4]);
                }
            }
            barrier();
        }
        [[unroll]] for (uint h = 0; h < 8; ++h)
            score += max(vec4(0.0), dots[h]) * weights[8 * head_group + h];
        barrier();
    }
    sums[head_group][key_group] = score;
    barrier();
    if (thread < kKeys && first + thread < visible) {
        float s = 0.0;
        for (uint h = 0; h < 8; ++h) s += sums[h][thread / 4][thread % 4];
        p.scores.v[row * uint(p.score_stride) + first + thread] = s;
    }
}
