// SPDX-License-Identifier: MIT
//
// One workgroup a row: x / rms(x) * weight. y may be x.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "rms_norm_params.h"

layout(local_size_x = 256) in;
#include "rms_norm.glsl"

void main() {
    const uint row = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    if (row >= uint(p.rows)) return;
    const uint base = row * uint(p.dim);
    const uint dim = uint(p.dim);
    const float factor = rms_factor(p.x, base, dim, p.epsilon);
    for (uint i = gl_LocalInvocationID.x; i < dim; i += gl_WorkGroupSize.x)
        p.y.v[base + i] =
            normed(p.x.v[base + i], factor, p.has_weight != 0 ? p.weight.v[i] : 1.0);
}
