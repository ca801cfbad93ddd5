// SPDX-License-Identifier: MIT
//
// Where the rows a query sees are, and what is in them: vectors of f32 with SG_PLAIN, else codes,
// decoded to pairs of f16.
#ifndef SG_ATTENTION_ROWS_GLSL
#define SG_ATTENTION_ROWS_GLSL

#include "attention.glsl"

#ifdef SG_PLAIN
#define PACKED vec4
#define ZERO vec4(0.0)
vec4 unpack(vec4 v) {
    return v;
}
#else
#define PACKED uvec2
#define ZERO uvec2(0)
vec4 unpack(uvec2 v) {
    return vec4(unpackHalf2x16(v.x), unpackHalf2x16(v.y));
}
#endif

struct Place {
    Words at;
    uint base;
};

// The i-th visible row.
Place locate(uint row, uint i) {
    const uint position = uint(p.first_position) + row;
    const uint raw = raw_rows(position);
    if (i < raw) {
        const uint slot = (position + 1 - raw + i) % uint(p.capacity);
        return Place(p.ring, slot * (kStride / 4));
    }
    uint c = i - raw;
    if (p.selected_stride != 0) c = p.selected.v[row * uint(p.selected_stride) + c];
    const uint page = c / uint(p.rows_per_page);
    return Place(Words(Pairs(p.pages).v[page]),
                 (c - page * uint(p.rows_per_page)) * (kStride / 4));
}

#ifndef SG_PLAIN
// Code in the low 7 bits of `code`, its sign in bit 31 of `sign`.
float e4m3(uint code, uint sign, float scale) {
    // Below 2^-6 there is no hidden bit: take it off again.
    float v = uintBitsToFloat(((code & 0x7FU) << 20) + (120U << 23));
    v = v < 0.015625 ? 2.0 * (v - 0.0078125) : v;
    return uintBitsToFloat(floatBitsToUint(v * scale) | (sign & 0x80000000U));
}
#endif

PACKED load_row(Place place, uint c) {
#ifdef SG_PLAIN
    vec4 v = vec4(0.0);
    for (uint i = 0; i < 4; ++i)
        if (4 * c + i < kWidth) v[i] = uintBitsToFloat(place.at.v[place.base + 4 * c + i]);
    return v;
#else
    const uint coded = kWidth - kRotary;
    if (4 * c >= coded) {
        const uint pair = (4 * c - coded) / 2;
        return uvec2(place.at.v[place.base + pair],
                     pair + 1 < kRotary / 2 ? place.at.v[place.base + pair + 1] : 0);
    }
    const uint codes = place.at.v[place.base + kRotary / 2 + c];
    const uint at = 2 * kRotary + coded + c / 16;
    const uint exponent = (place.at.v[place.base + at / 4] >> (8 * (at & 3))) & 255;
    const float scale = uintBitsToFloat(exponent << 23);
    const vec4 v = vec4(e4m3(codes, codes << 24, scale), e4m3(codes >> 8, codes << 16, scale),
                        e4m3(codes >> 16, codes << 8, scale), e4m3(codes >> 24, codes, scale));
    return uvec2(packHalf2x16(v.xy), packHalf2x16(v.zw));
#endif
}

#endif
