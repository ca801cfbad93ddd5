// SPDX-License-Identifier: MIT
//
// One workgroup a head: norm, then rotation of the last pairs. y may be x.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "rms_norm_rope_params.h"

layout(local_size_x = 256) in;
#include "rms_norm.glsl"
#include "rotate.glsl"

float value_at(uint base, uint i, float factor) {
    return normed(p.x.v[base + i], factor, p.has_weight != 0 ? p.weight.v[i] : 1.0);
}

void main() {
    const uint dim = uint(p.dim);
    const uint pairs = uint(p.pairs);
    const uint row = gl_WorkGroupID.y;
    const uint base = (row * gl_NumWorkGroups.x + gl_WorkGroupID.x) * dim;
    const uint front = dim - 2 * pairs;
    const float factor = rms_factor(p.x, base, dim, p.epsilon);
    for (uint i = gl_LocalInvocationID.x; i < front; i += gl_WorkGroupSize.x)
        p.y.v[base + i] = value_at(base, i, factor);
    for (uint pair = gl_LocalInvocationID.x; pair < pairs; pair += gl_WorkGroupSize.x) {
        const uint i = front + 2 * pair;
        const uint angle = 2 * (row * pairs + pair);
        const float sine = p.table.v[angle + 1];
        const vec2 turned = rotate(vec2(value_at(base, i, factor), value_at(base, i + 1, factor)),
                                   p.table.v[angle], p.inverse != 0 ? -sine : sine);
        p.y.v[base + i] = turned.x;
        p.y.v[base + i + 1] = turned.y;
    }
}
