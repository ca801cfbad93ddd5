// SPDX-License-Identifier: MIT
//
// y += x, a workgroup 1,024 elements at a time.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "add_params.h"

layout(local_size_x = 256) in;

void main() {
    for (uint first = gl_WorkGroupID.x * 1024; first < p.count; first += gl_NumWorkGroups.x * 1024)
        [[unroll]] for (uint part = 0; part < 4; ++part) {
            const uint i = first + part * 256 + gl_LocalInvocationID.x;
            if (i < p.count) p.y.v[i] += p.x.v[i];
        }
}
