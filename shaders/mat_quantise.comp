// SPDX-License-Identifier: MIT
//
// Quantised forms of vectors. A workgroup takes 4096 elements, sixteen an invocation.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "mat_quantise_params.h"
#include "quantise_vector.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint kForm = 1;

void main() {
    const uint width = uint(p.width);
    const uint e = gl_WorkGroupID.x * 256 + gl_LocalInvocationIndex;
    const bool inside = e < width / 16;
    vec4 v[4];
    if (inside) {
        FloatVecs from = FloatVecs(p.x);
        const uint base = gl_WorkGroupID.y * (width / 4) + e * 4;
        [[unroll]] for (uint i = 0; i < 4; ++i) v[i] = from.v[base + i];
    }
    quantise_piece(kForm, p.to, gl_WorkGroupID.y, width, e, v, inside);
}
