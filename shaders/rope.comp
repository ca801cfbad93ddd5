// SPDX-License-Identifier: MIT
//
// One invocation a pair.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "rope_params.h"
#include "rotate.glsl"

layout(local_size_x = 64) in;

void main() {
    const uint pairs = uint(p.pairs);
    const uint at = gl_GlobalInvocationID.x;
    const uint head = at / pairs;
    const uint pair = at - head * pairs;
    const uint row = gl_WorkGroupID.y;
    if (head >= uint(p.heads)) return;
    const uint i = (row * uint(p.heads) + head + 1) * uint(p.width) - 2 * (pairs - pair);
    const uint angle = 2 * (row * pairs + pair);
    const float sine = p.table.v[angle + 1];
    const vec2 turned = rotate(vec2(p.x.v[i], p.x.v[i + 1]), p.table.v[angle],
                               p.inverse != 0 ? -sine : sine);
    p.x.v[i] = turned.x;
    p.x.v[i + 1] = turned.y;
}
