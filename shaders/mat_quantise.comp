// SPDX-License-Identifier: MIT
//
// Vectors as int8 arithmetic sees them (model spec sections 2.3, 2.4), laid out for weights of one
// type. A workgroup takes 4096 elements, sixteen an invocation.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "mat_quantise_params.h"
#include "block_dot.glsl"
#include "quantise.glsl"
#include "mat_quantised.glsl"

layout(local_size_x = 256) in;

shared float extremes[256];

// Where piece e (16 elements) of a column lies: pieces of one unit are `units` apart, so that lanes
// read neighbours.
uint place_of(uint e, uint units) {
#if SG_TYPE == SG_Q8_0
    return e;
#elif SG_TYPE == SG_Q2_K
    const uint r = e & 15;
    return ((r & 7) >> 1) * units + (e >> 4) * 4 + (r >> 3) * 2 + (r & 1);
#elif SG_TYPE == SG_IQ2_XXS
    return (e & 3) * units + (e >> 2);
#else
    const uint r = e & 15;
    return ((r & 3) >> 1) * units + (e >> 4) * 8 + (r >> 2) * 2 + (r & 1);
#endif
}

uint pack4(ivec4 codes) {
    return (uint(codes.x) & 255u) | ((uint(codes.y) & 255u) << 8) | ((uint(codes.z) & 255u) << 16) |
           (uint(codes.w) << 24);
}

void main() {
    const uint width = uint(p.width);
    const uint pieces = width / 16;
    const uint lane = gl_LocalInvocationIndex;
    const uint e = gl_WorkGroupID.x * 256 + lane;
    const float kNaN = uintBitsToFloat(0x7FC00000u);
    vec4 v[4];
    float extreme = 0.0;
    bool broken = false;
    if (e < pieces) {
        FloatVecs from = FloatVecs(p.x);
        const uint base = gl_WorkGroupID.y * (width / 4) + e * 4;
        [[unroll]] for (uint i = 0; i < 4; ++i) v[i] = from.v[base + i];
        [[unroll]] for (uint i = 0; i < 16; ++i) {
            const float value = v[i / 4][i % 4];
            broken = broken || is_broken(value);
            if (abs(value) > abs(extreme)) extreme = value;
        }
    }
    extremes[lane] = broken ? kNaN : extreme;
    barrier();
    if (e >= pieces) return;
    const uint block_pieces = kScaleElements / 16;
    const uint begin = lane - e % block_pieces;
    extreme = 0.0;
    broken = false;
    [[unroll]] for (uint i = 0; i < block_pieces; ++i) {
        const float other = extremes[begin + i];
        broken = broken || is_broken(other);
        if (abs(other) > abs(extreme)) extreme = other;
    }
#if SG_TYPE == SG_Q8_0
    const float d = quotient(abs(extreme), 127.0);
    const float inverse = d != 0.0 ? quotient(1.0, d) : 0.0;
#else
    const float inverse = extreme != 0.0 ? quotient(-127.0, extreme) : 0.0;
    const float d = extreme != 0.0 ? quotient(1.0, inverse) : 0.0;
#endif
    uvec4 codes = uvec4(0);
    int sum = 0;
    if (!broken) {
        [[unroll]] for (uint i = 0; i < 4; ++i) {
            const ivec4 q = ivec4(clamp(roundEven(v[i] * inverse), -128.0, 127.0));
            sum += q.x + q.y + q.z + q.w;
            codes[i] = pack4(q);
        }
    }
    Quantised to = quantised(p.to, gl_WorkGroupID.y, width);
    const uint at = place_of(e, width / kUnit);
    to.vecs.v[to.codes + at] = codes;
#if SG_TYPE == SG_Q2_K || SG_TYPE == SG_Q4_K
    to.words.v[to.sums + at] = uint(sum);
#endif
    if (lane == begin) 
        to.words.v[to.scales + e / block_pieces] = floatBitsToUint(broken ? kNaN : d);
}
