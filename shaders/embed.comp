// SPDX-License-Identifier: MIT
//
// One invocation an element of a token's row, written into every stream.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_buffer_reference_uvec2 : require
#include "embed_params.h"
#include "half.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint kFormat = 0;  // 0 F32, 1 F16, 2 BF16, 3 Q8_0, 4 Q4_K

float value_of(Words row, Words scales, uint i) {
    if (kFormat == 1) return half_at(row, i);
    if (kFormat == 2) return uintBitsToFloat(((row.v[i >> 1] >> (16 * (i & 1))) & 0xFFFFu) << 16);
    if (kFormat == 3)
        return half_at(scales, i >> 5) * float(bitfieldExtract(int(row.v[i >> 2]), 8 * int(i & 3), 8));
    if (kFormat == 4) {
        // Every product is exact, so only the subtraction rounds (block_format.cpp).
        const uint block = (i >> 8) * 36;
        const uint group = (i >> 5) & 7;
        const uint j = group & 3;
        const uint low = (row.v[block + 1] >> (8 * j)) & 0xFF;
        const uint high = (row.v[block + 2] >> (8 * j)) & 0xFF;
        const uint top = (row.v[block + 3] >> (8 * j)) & 0xFF;
        const uint scale = group < 4 ? low & 63 : (top & 15) | ((low >> 6) << 4);
        const uint least = group < 4 ? high & 63 : (top >> 4) | ((high >> 6) << 4);
        const uint byte = 32 * (group >> 1) + (i & 31);
        const uint q = (row.v[block + 4 + (byte >> 2)] >> (8 * (byte & 3) + 4 * (group & 1))) & 15;
        const vec2 d = unpackHalf2x16(row.v[block]);
        precise float value = d.x * float(scale) * float(q) - d.y * float(least);
        return value;
    }
    return uintBitsToFloat(row.v[i]);
}

void main() {
    const uint i = gl_GlobalInvocationID.x;
    const uint dim = uint(p.dim);
    const uint token = gl_WorkGroupID.y;
    if (i >= dim) return;
    Words row = Words(uvec2(p.sources.v[4 * token], p.sources.v[4 * token + 1]));
    Words scales = Words(uvec2(p.sources.v[4 * token + 2], p.sources.v[4 * token + 3]));
    const float value = value_of(row, scales, i);
    for (uint stream = 0; stream < uint(p.streams); ++stream)
        p.y.v[(token * uint(p.streams) + stream) * dim + i] = value;
}
