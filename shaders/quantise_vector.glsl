// SPDX-License-Identifier: MIT
//
// Vectors as int8 arithmetic sees them (model spec sections 2.3, 2.4), laid out for weights of one
// type as mat_quantised.glsl reads them. For workgroups of 256.
#ifndef SG_QUANTISE_VECTOR_GLSL
#define SG_QUANTISE_VECTOR_GLSL
#include "quantise.glsl"

// What weights a form is for.
const uint kFormNone = 0;
const uint kFormQ8_0 = 1;
const uint kFormQ2_K = 2;
const uint kFormQ4_K = 3;
const uint kFormIq2Xxs = 4;

shared float sg_extremes[256];

// Where piece e (16 elements) of a vector lies: pieces of one unit are `units` apart, so that lanes
// read neighbours.
uint form_place(uint form, uint e, uint width) {
    const uint r = e & 15;
    if (form == kFormQ8_0) return e;
    if (form == kFormQ2_K)
        return ((r & 7) >> 1) * (width / 64) + (e >> 4) * 4 + (r >> 3) * 2 + (r & 1);
    if (form == kFormIq2Xxs) return (e & 3) * (width / 64) + (e >> 2);
    return ((r & 3) >> 1) * (width / 32) + (e >> 4) * 8 + (r >> 2) * 2 + (r & 1);
}

uint pack4(ivec4 codes) {
    return (uint(codes.x) & 255u) | ((uint(codes.y) & 255u) << 8) | ((uint(codes.z) & 255u) << 16) |
           (uint(codes.w) << 24);
}

// Piece `e` of vector `index` of those at `to`, made of `v` where `inside`. Every invocation must call
// it, those of a block with pieces that follow one another.
void quantise_piece(uint form, Vecs to, uint index, uint width, uint e, vec4 v[4], bool inside) {
    const uint lane = gl_LocalInvocationIndex;
    const float kNaN = uintBitsToFloat(0x7FC00000u);
    const uint scale_elements = form == kFormQ8_0 ? 32 : 256;
    const bool sums = form == kFormQ2_K || form == kFormQ4_K;
    float extreme = 0.0;
    bool broken = false;
    if (inside)
        [[unroll]] for (uint i = 0; i < 16; ++i) {
            const float value = v[i / 4][i % 4];
            broken = broken || is_broken(value);
            if (abs(value) > abs(extreme)) extreme = value;
        }
    sg_extremes[lane] = broken ? kNaN : extreme;
    barrier();
    if (inside) {
        const uint block_pieces = scale_elements / 16;
        const uint begin = lane - e % block_pieces;
        extreme = 0.0;
        broken = false;
        for (uint i = 0; i < block_pieces; ++i) {
            const float other = sg_extremes[begin + i];
            broken = broken || is_broken(other);
            if (abs(other) > abs(extreme)) extreme = other;
        }
        float d, inverse;
        if (form == kFormQ8_0) {
            d = quotient(abs(extreme), 127.0);
            inverse = d != 0.0 ? quotient(1.0, d) : 0.0;
        } else {
            inverse = extreme != 0.0 ? quotient(-127.0, extreme) : 0.0;
            d = extreme != 0.0 ? quotient(1.0, inverse) : 0.0;
        }
        uvec4 codes = uvec4(0);
        int sum = 0;
        if (!broken) {
            [[unroll]] for (uint i = 0; i < 4; ++i) {
                const ivec4 q = ivec4(clamp(roundEven(v[i] * inverse), -128.0, 127.0));
                sum += q.x + q.y + q.z + q.w;
                codes[i] = pack4(q);
            }
        }
        // codes | scales | sums of pieces, as in mat_quantised.glsl
        const uint bytes = width + width / scale_elements * 4 + (sums ? width / 4 : 0);
        const uint first = index * ((bytes + 15) / 16);
        const uint scales = 4 * first + width / 4;
        const uint at = form_place(form, e, width);
        Words words = Words(to);
        to.v[first + at] = codes;
        if (sums) words.v[scales + width / scale_elements + at] = uint(sum);
        if (lane == begin) words.v[scales + e / block_pieces] = floatBitsToUint(broken ? kNaN : d);
    }
    barrier();
}

#endif
