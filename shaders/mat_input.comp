// SPDX-License-Identifier: MIT
//
// Rows of f32 as pairs of f16 for matrix products. kFormat 0: rounded only; 1 and 2: first to the
// values of their codes, as int8 arithmetic sees them (Q8_0 by 32, Q8_K by 256); 3: each row twice, the
// rounded values and behind them what rounding took away, so that 22 bits are met.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "mat_input_params.h"
#include "half_head.glsl"
#include "quantise.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint kFormat = 0;

shared float extremes[256];

void main() {
    const uint width = uint(p.width);
    const uint row = gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y;
    if (row >= uint(p.rows)) return;
    const uint t = gl_LocalInvocationIndex;
    const uint first = gl_WorkGroupID.x * 4096 + t * 16;
    const uint half_stride = kFormat == 3 ? uint(p.y_stride) / 2 : uint(p.y_stride);
    float value[16];
    float extreme = 0.0;
    bool broken = false;
    for (uint i = 0; i < 16; ++i) {
        value[i] = first + i < width ? p.x.v[row * uint(p.x_stride) + first + i] : 0.0;
        broken = broken || is_broken(value[i]);
        if (abs(value[i]) > abs(extreme)) extreme = value[i];
    }
    if (kFormat == 1 || kFormat == 2) {
        const float kNaN = uintBitsToFloat(0x7FC00000u);
        extremes[t] = broken ? kNaN : extreme;
        barrier();
        const uint pieces = kFormat == 1 ? 2 : 16;
        const uint begin = t - t % pieces;
        extreme = 0.0;
        broken = false;
        for (uint i = begin; i < begin + pieces; ++i) {
            broken = broken || is_broken(extremes[i]);
            if (abs(extremes[i]) > abs(extreme)) extreme = extremes[i];
        }
        float d, inverse;
        if (kFormat == 1) {
            d = quotient(abs(extreme), 127.0);
            inverse = d != 0.0 ? quotient(1.0, d) : 0.0;
        } else {
            inverse = extreme != 0.0 ? quotient(-127.0, extreme) : 0.0;
            d = extreme != 0.0 ? quotient(1.0, inverse) : 0.0;
        }
        for (uint i = 0; i < 16; ++i)
            value[i] = broken ? kNaN : d * clamp(roundEven(value[i] * inverse), -128.0, 127.0);
    }
    for (uint i = 0; i < 8; ++i) {
        const uint word = first / 2 + i;
        if (word >= half_stride) break;
        const vec2 two = vec2(value[2 * i], value[2 * i + 1]);
        const vec2 head = kFormat == 3 ? half_head(two.xyxy).xy : two;
        p.y.v[row * uint(p.y_stride) + word] = packHalf2x16(head);
        if (kFormat == 3)
            p.y.v[row * uint(p.y_stride) + half_stride + word] = packHalf2x16(two - head);
    }
}
