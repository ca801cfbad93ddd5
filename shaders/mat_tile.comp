// SPDX-License-Identifier: MIT
//
// Products of weight rows with many vectors: a workgroup makes a tile of SG_TILE vectors by SG_TILE
// weight rows, 32 columns at a time. Weights are unpacked to f16 in shared memory, once for all
// vectors of the tile; sums are f32. While one step is multiplied the next one's bytes are on the way.
//
// Three forms: cooperative matrices (SG_MATRIX), the same emulated (SG_EMULATE_MATRIX, for tests), and
// registers of f32 for devices without.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "mat_tile_params.h"

#if defined(SG_MATRIX) || defined(SG_EMULATE_MATRIX)
#define SG_TILE 128
#else
#define SG_TILE 64
#endif
#define SG_STEP 32
#define SG_STRIDE 20  // words of a row in shared memory: 16 and a pad that spreads banks

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint kAcross = 2;  // subgroups along the vectors
layout(constant_id = 1) const uint kAlong = 4;   // subgroups along the weight rows

#if defined(SG_MATRIX) || defined(SG_EMULATE_MATRIX)
shared uint mat_a[SG_TILE * SG_STRIDE];
shared uint mat_b[SG_TILE * SG_STRIDE];
#else
// Pairs of f32: what f16 pairs would have to be unpacked to again for every product.
#define SG_PAIRS 17
shared vec2 pairs_a[SG_TILE * SG_PAIRS];
shared vec2 pairs_b[SG_TILE * SG_PAIRS];
#endif

#if defined(SG_MATRIX) || defined(SG_EMULATE_MATRIX)
shared float mat_c[8 * 256];  // of 8 subgroups at a time
#include "matrix.glsl"
#endif
#include "block_dot.glsl"

// What one invocation fetches of a step: SG_TILE * 4 vectors of x by all, and 16 weights (or 8).
const uint kVectors = SG_TILE * 4 / 256;
const uint kPieces = SG_TILE * 2 / 256 == 0 ? 1 : SG_TILE * 2 / 256;

struct Step {
    uvec4 a[kVectors];
#if !defined(SG_MATRIX) && !defined(SG_EMULATE_MATRIX)
    uvec4 rest[kVectors];
#endif
    Unit b[kPieces];
#if SG_TYPE == SG_F16
    uvec4 more[kPieces];
#endif
};

// Where pair `pair` of the 16 of a row of the weights' tile goes.
void put_pair(uint row, uint pair, vec2 two) {
#if defined(SG_MATRIX) || defined(SG_EMULATE_MATRIX)
    mat_b[row * SG_STRIDE + pair] = packHalf2x16(two);
#else
    pairs_b[row * SG_PAIRS + pair] = two;
#endif
}

void put16(uint row, uint half_, uvec4 bytes, float scale, float least) {
    [[unroll]] for (uint i = 0; i < 8; ++i) {
        const int word = int(bytes[i / 2]), first = int((i & 1) * 16);
        put_pair(row, half_ * 8 + i,
                 vec2(scale * float(bitfieldExtract(word, first, 8)) - least,
                      scale * float(bitfieldExtract(word, first + 8, 8)) - least));
    }
}

void main() {
    const uint width = uint(p.width), out_rows = uint(p.out_rows);
    const uint t = gl_LocalInvocationIndex;
    uint matrix, first, count;
    if (p.used != 0) {
        matrix = p.tiles.v[4 * gl_WorkGroupID.x];
        first = p.tiles.v[4 * gl_WorkGroupID.x + 1];
        count = p.tiles.v[4 * gl_WorkGroupID.x + 2];
        if (count == 0) return;
    } else {
        matrix = gl_WorkGroupID.z;
        first = gl_WorkGroupID.x * SG_TILE;
        count = min(SG_TILE, uint(p.rows) - first);
    }
    const uint first_out = gl_WorkGroupID.y * SG_TILE;
    Planes w = make_planes(p.codes, p.scales, p.extra, width);
#if SG_TYPE == SG_IQ2_XXS
    load_grid(p.grid);
#endif

    // Which rows of x this invocation fetches; rows that are not there repeat the last one.
    uint x_rows[kVectors];
    [[unroll]] for (uint i = 0; i < kVectors; ++i) {
        const uint m = min((t + i * 256) / 4, count - 1);
        x_rows[i] = (p.used != 0 ? p.order.v[first + m] / uint(p.used)
                                 : (first + m) * uint(p.groups) + matrix) *
                        uint(p.x_stride) +
                    (t & 3);
    }
    const uint b_half = t & 1;  // which 16 of the 32 columns

    const uint steps = (width + SG_STEP - 1) / SG_STEP;
#if defined(SG_MATRIX) || defined(SG_EMULATE_MATRIX)
    const uint total = p.twice != 0 ? 2 * steps : steps;
#else
    const uint total = steps;  // both parts at once
#endif

#if defined(SG_MATRIX) || defined(SG_EMULATE_MATRIX)
#define FETCH_REST(i, k)
#else
#define FETCH_REST(i, k) \
    if (p.twice != 0) next.rest[i] = p.x.v[x_rows[i] + uint(p.x_stride) / 2 + (k) * 4];
#endif
    Step next;
#define FETCH(step)                                                                               \
    {                                                                                             \
        const uint k_ = (step) >= steps ? (step) - steps : (step);                                \
        const uint part_ = (step) >= steps ? uint(p.x_stride) / 2 : 0;                            \
        [[unroll]] for (uint i = 0; i < kVectors; ++i) {                                          \
            next.a[i] = p.x.v[x_rows[i] + part_ + k_ * 4];                                        \
            FETCH_REST(i, k_)                                                                     \
        }                                                                                         \
        [[unroll]] for (uint i = 0; i < kPieces; ++i) {                                           \
            const uint row_ = matrix * out_rows + min(first_out + t / 2 + i * 128, out_rows - 1); \
            FETCH_WEIGHTS(i, row_, k_)                                                            \
        }                                                                                         \
    }
#if SG_TYPE == SG_Q8_0
#define FETCH_WEIGHTS(i, row, k) next.b[i] = load_unit(w, row, 2 * (k) + b_half);
#elif SG_TYPE == SG_Q2_K
    // Step k of a block: half k/4, shift k%4; unit 2 * half + b_half.
#define FETCH_WEIGHTS(i, row, k) \
    next.b[i] = load_unit(w, row, (k) / 8 * 4 + ((k) >> 2 & 1) * 2 + b_half);
#elif SG_TYPE == SG_IQ2_XXS
#define FETCH_WEIGHTS(i, row, k) next.b[i] = load_unit(w, row, (k) / 2);
#elif SG_TYPE == SG_Q4_K
    // Step k: group k of 32; its pair's unit.
#define FETCH_WEIGHTS(i, row, k) \
    next.b[i] = load_unit(w, row, (k) / 8 * 8 + ((k) >> 1 & 3) * 2 + b_half);
#else
#define FETCH_WEIGHTS(i, row, k)                                                             \
    if ((k) * SG_STEP + SG_STEP <= width && (width & 7) == 0) {                              \
        next.b[i] = load_unit(w, row, 4 * (k) + 2 * b_half);                                 \
        next.more[i] = load_unit(w, row, 4 * (k) + 2 * b_half + 1).codes;                    \
    } else {                                                                                 \
        for (uint j_ = 0; j_ < 8; ++j_) {                                                    \
            const uint at_ = (k) * SG_STEP + b_half * 16 + 2 * j_;                           \
            uint word_ = at_ < width ? w.scales.v[(row) * w.row_scales + at_ / 2] : 0;       \
            if (at_ + 1 >= width) word_ &= 0xFFFFu;                                          \
            if (j_ < 4)                                                                      \
                next.b[i].codes[j_] = word_;                                                 \
            else                                                                             \
                next.more[i][j_ - 4] = word_;                                                \
        }                                                                                    \
    }
#endif

#if defined(SG_MATRIX) || defined(SG_EMULATE_MATRIX)
    const uint kHigh = SG_TILE / 16 / kAcross, kWide = SG_TILE / 16 / kAlong;
    const uint m0 = gl_SubgroupID / kAlong * kHigh * 16, n0 = gl_SubgroupID % kAlong * kWide * 16;
    MatC acc[SG_TILE / 16 / kAcross * (SG_TILE / 16 / kAlong)];
    [[unroll]] for (uint i = 0; i < SG_TILE / 16 / kAcross * (SG_TILE / 16 / kAlong); ++i) {
        mat_zero(acc[i]);
    }
#else
    float acc[16];
    for (uint i = 0; i < 16; ++i) acc[i] = 0.0;
    const uint tx = t & 15, ty = t >> 4;
#endif

    FETCH(0)
    for (uint step = 0; step < total; ++step) {
        const uint k = step >= steps ? step - steps : step;
        barrier();
        [[unroll]] for (uint i = 0; i < kVectors; ++i) {
            const uint row = (t + i * 256) / 4;
            [[unroll]] for (uint j = 0; j < 4; ++j) {
#if defined(SG_MATRIX) || defined(SG_EMULATE_MATRIX)
                mat_a[row * SG_STRIDE + (t & 3) * 4 + j] = next.a[i][j];
#else
                vec2 two = unpackHalf2x16(next.a[i][j]);
                if (p.twice != 0) two += unpackHalf2x16(next.rest[i][j]);
                pairs_a[row * SG_PAIRS + (t & 3) * 4 + j] = two;
#endif
            }
        }
        if (t < SG_TILE * 2) {
            [[unroll]] for (uint i = 0; i < kPieces; ++i) {
                const uint row = t / 2 + i * 128;
                const Unit u = next.b[i];
#if SG_TYPE == SG_Q8_0
                put16(row, b_half, u.codes, u.d, 0.0);
#elif SG_TYPE == SG_Q2_K
                const uint s = k & 3;
                const uint scale = u.scales >> (8 * s);
                put16(row, b_half, (u.codes >> (2 * s)) & 0x03030303u, u.d.x * float(scale & 15u),
                      u.d.y * float(scale >> 4 & 15u));
#elif SG_TYPE == SG_IQ2_XXS
                const uvec2 code = (k & 1) == 0 ? u.codes.xy : u.codes.zw;
                put16(row, b_half,
                      uvec4(iq2_eight(code, 2 * b_half), iq2_eight(code, 2 * b_half + 1)),
                      u.d * (0.5 + float(u.scales >> (4 * (k & 1)) & 15u)) * 0.25, 0.0);
#elif SG_TYPE == SG_Q4_K
                const vec2 d = unpackHalf2x16(u.head.x);
                const uvec2 scale = q4_scale(u.head, k & 7);
                put16(row, b_half, (u.codes >> (4 * (k & 1))) & 0x0F0F0F0Fu, d.x * float(scale.x),
                      d.y * float(scale.y));
#else
                [[unroll]] for (uint j = 0; j < 4; ++j) {
#if defined(SG_MATRIX) || defined(SG_EMULATE_MATRIX)
                    mat_b[row * SG_STRIDE + b_half * 8 + j] = u.codes[j];
                    mat_b[row * SG_STRIDE + b_half * 8 + 4 + j] = next.more[i][j];
#else
                    put_pair(row, b_half * 8 + j, unpackHalf2x16(u.codes[j]));
                    put_pair(row, b_half * 8 + 4 + j, unpackHalf2x16(next.more[i][j]));
#endif
                }
#endif
            }
        }
        barrier();
        if (step + 1 < total) FETCH(step + 1)
#if defined(SG_MATRIX) || defined(SG_EMULATE_MATRIX)
        [[unroll]] for (uint kk = 0; kk < 2; ++kk) {
            MatA a[SG_TILE / 16 / kAcross];
            [[unroll]] for (uint i = 0; i < SG_TILE / 16 / kAcross; ++i) {
                mat_load_a(a[i], (m0 + 16 * i) * SG_STRIDE + kk * 8, SG_STRIDE);
            }
            [[unroll]] for (uint j = 0; j < SG_TILE / 16 / kAlong; ++j) {
                MatB b;
                mat_load_b(b, (n0 + 16 * j) * SG_STRIDE + kk * 8, SG_STRIDE);
                [[unroll]] for (uint i = 0; i < SG_TILE / 16 / kAcross; ++i) {
                    mat_multiply_add(acc[j * kHigh + i], a[i], b);
                }
            }
        }
#else
        for (uint kk = 0; kk < 16; ++kk) {
            vec2 a[4], b[4];
            [[unroll]] for (uint i = 0; i < 4; ++i) {
                a[i] = pairs_a[(ty + 16 * i) * SG_PAIRS + kk];
                b[i] = pairs_b[(tx + 16 * i) * SG_PAIRS + kk];
            }
            [[unroll]] for (uint i = 0; i < 4; ++i)
                [[unroll]] for (uint j = 0; j < 4; ++j)
                    acc[4 * i + j] += a[i].x * b[j].x + a[i].y * b[j].y;
        }
#endif
    }

#if defined(SG_MATRIX) || defined(SG_EMULATE_MATRIX)
    // Unrolled: a matrix that is chosen while running would live in memory all along.
    [[unroll]] for (uint f = 0; f < SG_TILE / 16 / kAcross * (SG_TILE / 16 / kAlong); ++f) {
        const uint j = f / kHigh, i = f % kHigh;
        // mat_c holds a 16 x 16 part a subgroup; with more than 8 subgroups they take turns.
        for (uint turn = 0; turn < (gl_NumSubgroups + 7) / 8; ++turn) {
            barrier();
            const bool my_turn = gl_SubgroupID / 8 == turn;
            if (my_turn) {
                mat_store_c(acc[f], gl_SubgroupID % 8 * 256, 16);
            }
            barrier();
            if (my_turn)
                for (uint e = gl_SubgroupInvocationID; e < 256; e += gl_SubgroupSize) {
                    const uint m = m0 + 16 * i + e / 16, n = first_out + n0 + 16 * j + e % 16;
                    if (m >= count || n >= out_rows) continue;
                    const uint row = p.used != 0 ? p.order.v[first + m] : first + m;
                    const uint column = p.used != 0 ? n : matrix * out_rows + n;
                    p.y.v[row * uint(p.y_stride) + column] = mat_c[gl_SubgroupID % 8 * 256 + e];
                }
        }
    }
#else
    for (uint i = 0; i < 4; ++i)
        for (uint j = 0; j < 4; ++j) {
            const uint m = ty + 16 * i, n = first_out + tx + 16 * j;
            if (m >= count || n >= out_rows) continue;
            const uint row = p.used != 0 ? p.order.v[first + m] : first + m;
            const uint column = p.used != 0 ? n : matrix * out_rows + n;
            p.y.v[row * uint(p.y_stride) + column] = acc[4 * i + j];
        }
#endif
}
