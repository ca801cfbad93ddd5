// SPDX-License-Identifier: MIT
//
// Scores of kKeys keys against one query: products of 64 heads at a time, 32 elements of the width at
// a time, each thread some heads by 4 keys. SG_PLAIN: keys are f32, else E2M1 codes. What a key's heads
// give is added in an order that does not depend on kKeys.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_buffer_reference_uvec2 : require
#include "index_score_params.h"

layout(local_size_x = 256) in;

layout(constant_id = 0) const uint kKeys = 128;  // 32 or 128

const uint kHeads = 64;
const uint kRun = 8;  // heads added before their sum is
const uint kKeyGroups = kKeys / 4;
const uint kHeadGroups = 256 / kKeyGroups;
const uint kOwn = kHeads / kHeadGroups;  // heads a thread: 8 or 2
// Sums of runs, or where a thread has less than a run what each head gives.
const uint kKept = kOwn == kRun ? kHeads / kRun : kHeads;
const uint kDecoders = 256 / kKeys;      // threads that decode one key's step
const uint kStep = 32;  // also the group of a scale

shared vec4 keys[kStep][kKeys / 4];
shared vec4 heads[kStep][kHeads / 4 + 1];
shared float weights[kHeads];
shared vec4 sums[kKept][kKeyGroups];

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
    const uint key_group = thread % kKeyGroups;
    const uint head_group = thread / kKeyGroups;

    const uint key = thread % kKeys;
    const uint decoder = thread / kKeys;
    const uint c = min(first + key, visible - 1);
    const uint page = c / uint(p.rows_per_page);
    Words at = Words(Pairs(p.pages).v[page]);
    const uint base = (c - page * uint(p.rows_per_page)) * (uint(p.stride) / 4);

    float score = 0.0;  // of key `thread`
    for (uint block = 0; block < uint(p.heads); block += kHeads) {
        if (thread < kHeads)
            weights[thread] = block + thread < uint(p.heads)
                ? p.weights.v[row * uint(p.heads) + block + thread] * p.weight_scale : 0.0;
        vec4 dots[kOwn];
        [[unroll]] for (uint h = 0; h < kOwn; ++h) dots[h] = vec4(0.0);
        for (uint step = 0; step < width; step += kStep) {
#ifdef SG_PLAIN
            for (uint e = decoder; e < kStep; e += kDecoders) {
                keys[e][key / 4][key % 4] =
                    step + e < width ? uintBitsToFloat(at.v[base + step + e]) : 0.0;
            }
#else
            const uint exponent_at = width / 2 + step / 32;
            const uint exponent =
                (at.v[base + exponent_at / 4] >> (8 * (exponent_at & 3))) & 255;
            const float scale = uintBitsToFloat(exponent << 23);
            for (uint word = decoder; word < kStep / 8; word += kDecoders) {
                const uint codes = at.v[base + step / 8 + word];
                [[unroll]] for (uint j = 0; j < 8; j += 2) {
                    // Rows are rounded to f16.
                    const vec2 v = unpackHalf2x16(packHalf2x16(
                        scale * vec2(e2m1(codes >> (4 * j)), e2m1(codes >> (4 * j + 4)))));
                    const uint e = 8 * word + j;
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
                if (kOwn < 4) {
                    const uint head = head_group * kOwn;
                    [[unroll]] for (uint h = 0; h < kOwn; ++h)
                        dots[h] = fma(vec4(heads[i][head / 4][head % 4 + h]), k, dots[h]);
                } else {
                    [[unroll]] for (uint h = 0; h < kOwn; h += 4) {
                        const vec4 q = heads[i][(head_group * kOwn + h) / 4];
                        [[unroll]] for (uint j = 0; j < 4; ++j)
                            dots[h + j] = fma(vec4(q[j]), k, dots[h + j]);
                    }
                }
            }
            barrier();
        }
        vec4 run = vec4(0.0);
        [[unroll]] for (uint h = 0; h < kOwn; ++h) {
            const uint head = head_group * kOwn + h;
            const vec4 part = max(vec4(0.0), dots[h]) * weights[head];
            if (kOwn == kRun)
                run += part;
            else
                sums[head][key_group] = part;
        }
        if (kOwn == kRun) sums[head_group][key_group] = run;
        barrier();
        if (thread < kKeys)
            for (uint first_kept = 0; first_kept < kKept; first_kept += kKept / (kHeads / kRun)) {
                float s = 0.0;
                for (uint i = 0; i < kKept / (kHeads / kRun); ++i)
                    s += sums[first_kept + i][thread / 4][thread % 4];
                score += s;
            }
        barrier();
    }
    if (thread < kKeys && first + thread < visible)
        p.scores.v[row * uint(p.score_stride) + first + thread] = score;
}
