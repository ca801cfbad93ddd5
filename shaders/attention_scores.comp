// SPDX-License-Identifier: MIT
//
// Scores of 64 heads of one query against 64 of its rows.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "attention_matrix.glsl"
#include "attention_scale.glsl"

layout(local_size_x = 256) in;

void main() {
    const uint thread = gl_LocalInvocationIndex;
    const uint first = gl_WorkGroupID.x * 64;
    const uint row = gl_WorkGroupID.y;
    const uint block = gl_WorkGroupID.z * 64;
    const uint visible = visible_rows(row);
    if (first >= visible) return;

    // 4 threads a head and a row, two vectors of 8 each.
    const uint mine = thread >> 2;
    const uint part = 2 * (thread & 3);
    const bool there = first + mine < visible;
    const bool wanted = block + mine < uint(p.heads);
    Place place = locate(row, min(first + mine, visible - 1));
    const uint q_base = (row * uint(p.heads) + min(block + mine, uint(p.heads) - 1)) * kWidth;
    ZERO_TILES;
    for (uint step = 0; step < kVecs; step += 8) {
        for (uint i = part; i < part + 2; ++i) {
            const bool inside = step + i < kVecs;
            const uvec2 k = inside && there ? load_row(place, step + i) : uvec2(0);
            mat_b[mine * kPitch + 2 * i] = k.x;
            mat_b[mine * kPitch + 2 * i + 1] = k.y;
            store_left(mine, i, inside && wanted ? kQueryScale * load_vec(p.q, q_base, step + i)
                                                : vec4(0.0));
        }
        barrier();
        MULTIPLY_TILES
        barrier();
    }
    STORE_TILES
    barrier();
    for (uint i = thread; i < 64 * 64; i += 256)
        if (block + i / 64 < uint(p.heads))
            p.state.v[(row * uint(p.heads) + block + i / 64) * uint(p.splits) + first + i % 64] =
                mat_c[i] * (p.scale / kQueryScale);
}
