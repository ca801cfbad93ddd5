// SPDX-License-Identifier: MIT
//
// What stands between the products of experts. One workgroup takes 256 columns of a pair or a row.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "experts_params.h"
#include "swiglu.glsl"

layout(local_size_x = 256) in;

void main() {
    const uint column = gl_GlobalInvocationID.x;
    if (column >= uint(p.width)) return;
#if SG_STEP == 0
    const uint at = gl_WorkGroupID.y * uint(p.width) + column;
    const float weight = p.weighted != 0 ? p.weights.v[gl_WorkGroupID.y] : 1.0;
    p.hidden.v[at] = swiglu(p.gate.v[at], p.up.v[at], p.clamp) * weight;
#else
    const uint row = gl_WorkGroupID.y;
    const uint used = uint(p.used);
    float sum = 0.0;
    for (uint k = 0; k < used; ++k) sum += p.parts.v[(row * used + k) * uint(p.width) + column];
    const uint at = row * uint(p.width) + column;
    p.y.v[at] = p.added != 0 ? sum + p.addend.v[at] : sum;
#endif
}
