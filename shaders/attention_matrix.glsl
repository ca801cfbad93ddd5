// SPDX-License-Identifier: MIT
//
// Blocks of 64 x 64 results from steps of 32, in 16 x 16 tiles shared out among the subgroups. The
// left side is f32, given as the sum of two f16; the right side is exact in f16. p.state holds the
// scores, [rows, heads, p.splits].
#ifndef SG_ATTENTION_MATRIX_GLSL
#define SG_ATTENTION_MATRIX_GLSL

#include "attention_rows.glsl"
#include "half_head.glsl"

layout(constant_id = 4) const uint kTiles = 2;  // of a subgroup

const uint kPitch = 20;  // words a row of 16, and what keeps banks apart
const uint kLow = 64 * kPitch;
shared uint mat_a[2 * kLow];
shared uint mat_b[kLow];
shared float mat_c[64 * 64];

#include "matrix.glsl"

// Vector `c` of 8 of the left side's row.
void store_left(uint row, uint c, vec4 v) {
    const vec4 head = half_head(v);
    const uvec2 high = uvec2(packHalf2x16(head.xy), packHalf2x16(head.zw));
    v -= head;
    const uint at = row * kPitch + 2 * c;
    mat_a[at] = high.x;
    mat_a[at + 1] = high.y;
    mat_a[kLow + at] = packHalf2x16(v.xy);
    mat_a[kLow + at + 1] = packHalf2x16(v.zw);
}

#define ZERO_TILES                                                                       \
    MatC sums[kTiles];                                                                   \
    [[unroll]] for (uint t = 0; t < kTiles; ++t) mat_zero(sums[t])

#define MULTIPLY_TILES                                                                   \
    [[unroll]] for (uint t = 0; t < kTiles; ++t) {                                       \
        const uint tile = gl_SubgroupID * kTiles + t;                                    \
        if (tile < 16)                                                                   \
            [[unroll]] for (uint k = 0; k < 16; k += 8) {                                \
                MatA high, low;                                                          \
                MatB right;                                                              \
                mat_load_a(high, tile / 4 * 16 * kPitch + k, kPitch);                    \
                mat_load_a(low, kLow + tile / 4 * 16 * kPitch + k, kPitch);              \
                mat_load_b(right, tile % 4 * 16 * kPitch + k, kPitch);                   \
                mat_multiply_add(sums[t], low, right);                                   \
                mat_multiply_add(sums[t], high, right);                                  \
            }                                                                            \
    }

#define STORE_TILES                                                                      \
    [[unroll]] for (uint t = 0; t < kTiles; ++t) {                                       \
        const uint tile = gl_SubgroupID * kTiles + t;                                    \
        if (tile < 16) mat_store_c(sums[t], tile / 4 * 1024 + tile % 4 * 16, 64);        \
    }

#endif
