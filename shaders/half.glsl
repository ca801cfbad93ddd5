// SPDX-License-Identifier: MIT
//
// One half of a row of halves.
#ifndef SG_HALF_GLSL
#define SG_HALF_GLSL

float half_at(Words row, uint i) {
    const vec2 pair = unpackHalf2x16(row.v[i >> 1]);
    return (i & 1) == 0 ? pair.x : pair.y;
}

#endif
