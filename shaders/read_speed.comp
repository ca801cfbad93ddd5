// SPDX-License-Identifier: MIT
//
// Reads memory and does nothing with it: the ceiling for kernels that are bound by it.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "read_speed_params.h"

layout(local_size_x = 256) in;

void main() {
    const uint stride = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    uvec4 all_ = uvec4(0xFFFFFFFFu);
    uint i = gl_GlobalInvocationID.x;
    for (; i + 3 * stride < p.vecs; i += 4 * stride)
        all_ &= p.from.v[i] & p.from.v[i + stride] & p.from.v[i + 2 * stride] & p.from.v[i + 3 * stride];
    for (; i < p.vecs; i += stride) all_ &= p.from.v[i];
    if (all_ == uvec4(0xFFFFFFFFu)) p.to.v[0] = 1;
}
