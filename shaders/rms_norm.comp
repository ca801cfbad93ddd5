// SPDX-License-Identifier: MIT
//
// One workgroup a row: x / rms(x) * weight. y may be x.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "rms_norm_params.h"
#include "reduce.glsl"

layout(local_size_x = 256) in;

void main() {
    const uint base = gl_WorkGroupID.x * uint(p.dim);
    const uint dim = uint(p.dim);
    float squares = 0.0;
    for (uint i = gl_LocalInvocationID.x; i < dim; i += gl_WorkGroupSize.x) {
        const float x = p.x.v[base + i];
        squares += x * x;
    }
    squares = workgroup_sum(squares);
    const float k = 1.0 / sqrt(squares / float(dim) + p.epsilon);
    for (uint i = gl_LocalInvocationID.x; i < dim; i += gl_WorkGroupSize.x) {
        const float w = p.has_weight != 0 ? p.weight.v[i] : 1.0;
        p.y.v[base + i] = p.x.v[base + i] * k * w;
    }
}
