// SPDX-License-Identifier: MIT
//
// 64 elements of the results of 64 heads of one query: shares by rows.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "attention_matrix.glsl"
#include "attention_scale.glsl"

layout(local_size_x = 256) in;

void main() {
    const uint thread = gl_LocalInvocationIndex;
    const uint first = gl_WorkGroupID.x * 16;  // vector
    const uint row = gl_WorkGroupID.y;
    const uint block = gl_WorkGroupID.z * 64;
    const uint visible = visible_rows(row);

    const uint mine = thread >> 2;
    const uint part = 2 * (thread & 3);
    const bool wanted = block + mine < uint(p.heads);
    const uint shares =
        (row * uint(p.heads) + min(block + mine, uint(p.heads) - 1)) * uint(p.splits);
    const uint pair = thread & 15;  // of rows
    const uint c = thread >> 4;
    ZERO_TILES;
    Place even = locate(row, min(2 * pair, visible - 1));
    Place odd = locate(row, min(2 * pair + 1, visible - 1));
    for (uint step = 0; step < visible; step += 32) {
        for (uint i = part; i < part + 2; ++i)
            store_left(mine, i,
                       wanted ? FloatVecs(p.state).v[(shares + step) / 4 + i] : vec4(0.0));
        const uint at = step + 2 * pair;
        const bool inside = first + c < kVecs;
        const uvec2 x = inside && at < visible ? load_row(even, first + c) : uvec2(0);
        const uvec2 y = inside && at + 1 < visible ? load_row(odd, first + c) : uvec2(0);
        even = locate(row, min(at + 32, visible - 1));
        odd = locate(row, min(at + 33, visible - 1));
        const uint to = 4 * c * kPitch + pair;
        mat_b[to] = (x.x & 0xFFFFU) | y.x << 16;
        mat_b[to + kPitch] = x.x >> 16 | (y.x & 0xFFFF0000U);
        mat_b[to + 2 * kPitch] = (x.y & 0xFFFFU) | y.y << 16;
        mat_b[to + 3 * kPitch] = x.y >> 16 | (y.y & 0xFFFF0000U);
        barrier();
        MULTIPLY_TILES
        barrier();
    }
    STORE_TILES
    barrier();
    for (uint i = thread; i < 64 * 16; i += 256) {
        const uint head = i / 16;
        const uint v = i % 16;
        if (block + head < uint(p.heads) && first + v < kVecs)
            store_vec(row, block + head, first + v,
                      vec4(mat_c[4 * i], mat_c[4 * i + 1], mat_c[4 * i + 2], mat_c[4 * i + 3]) /
                          kShareScale);
    }
}
