// SPDX-License-Identifier: MIT
//
// What the kernels of attention share. Widths are cut into vectors of 4; what a row lacks of the
// last vector reads as zero.
#ifndef SG_ATTENTION_GLSL
#define SG_ATTENTION_GLSL

#extension GL_EXT_buffer_reference_uvec2 : require
#include "attention_params.h"

layout(constant_id = 0) const uint kWidth = 512;
layout(constant_id = 1) const uint kRotary = 64;   // of a coded row
layout(constant_id = 2) const uint kStride = 584;  // bytes from row to row
layout(constant_id = 3) const bool kVectors = true;  // q and results are whole, aligned vectors

const uint kVecs = (kWidth + 3) / 4;
const float kLowest = -3.0e38;

// Rows a split covers grow with what there is to see, so there are never more than 64 splits. A
// query's splits depend on nothing else.
layout(constant_id = 5) const uint kSplitStep = 32;
const uint kSplitsMax = 64;

uint raw_rows(uint position) {
    return min(uint(p.window), position + 1);
}
uint visible_rows(uint row) {
    const uint position = uint(p.first_position) + row;
    uint count = raw_rows(position);
    if (p.ratio != 0)
        count += p.selected_stride != 0 ? p.counts.v[row] : (position + 1) / uint(p.ratio);
    return count;
}
uint rows_per_split(uint visible) {
    const uint whole = kSplitStep * kSplitsMax;
    return kSplitStep * max(1, (visible + whole - 1) / whole);
}

vec4 load_vec(Floats at, uint base, uint c) {
    if (kVectors) return FloatVecs(at).v[base / 4 + c];
    vec4 v = vec4(0.0);
    for (uint i = 0; i < 4; ++i)
        if (4 * c + i < kWidth) v[i] = at.v[base + 4 * c + i];
    return v;
}

// The result of one vector of a head, rotated where it belongs to the rotary part, stored.
vec4 store_vec(uint row, uint head, uint c, vec4 v) {
    const uint first = kWidth - uint(p.rope_rotary);
    if (p.rope_rotary != 0)
        for (uint i = 0; i < 4; i += 2)
            if (4 * c + i >= first && 4 * c + i < kWidth) {
                const uint pair = (4 * c + i - first) / 2;
                const uint at = row * uint(p.rope_rotary) + 2 * pair;
                const float cosine = p.rotation.v[at];
                const float sine = p.turn * p.rotation.v[at + 1];
                const vec2 x = vec2(v[i], v[i + 1]);
                v[i] = x.x * cosine - x.y * sine;
                v[i + 1] = x.x * sine + x.y * cosine;
            }
    const uint base = (row * uint(p.heads) + head) * kWidth;
    if (kVectors) {
        FloatVecs(p.y).v[base / 4 + c] = v;
        return v;
    }
    for (uint i = 0; i < 4; ++i)
        if (4 * c + i < kWidth) p.y.v[base + 4 * c + i] = v[i];
    return v;
}

#endif
