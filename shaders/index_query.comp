// SPDX-License-Identifier: MIT
//
// One workgroup a head: rotation where there is one, Hadamard transform, FP4 rounding.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_memory_scope_semantics : require
#include "index_query_params.h"

layout(local_size_x = 64) in;
#include "hadamard.glsl"
#include "rotate.glsl"
#include "row_codes.glsl"

shared uint sg_largest[128];

void main() {
    const uint width = uint(p.width);
    const uint pairs = uint(p.pairs);
    const uint row = gl_WorkGroupID.y;
    const uint base = (row * uint(p.heads) + gl_WorkGroupID.x) * width;
    for (uint i = gl_LocalInvocationID.x; i < width - 2 * pairs; i += gl_WorkGroupSize.x)
        sg_row[i] = p.x.v[base + i];
    for (uint pair = gl_LocalInvocationID.x; pair < pairs; pair += gl_WorkGroupSize.x) {
        const uint i = width - 2 * (pairs - pair);
        const uint angle = 2 * (row * pairs + pair);
        const float sine = p.table.v[angle + 1];
        const vec2 turned = rotate(uintBitsToFloat(uvec2(p.x.v[base + i], p.x.v[base + i + 1])),
                                   p.table.v[angle], p.inverse != 0 ? -sine : sine);
        sg_row[i] = floatBitsToUint(turned.x);
        sg_row[i + 1] = floatBitsToUint(turned.y);
    }
    for (uint i = gl_LocalInvocationID.x; i < width / 32; i += gl_WorkGroupSize.x)
        sg_largest[i] = 0;
    barrier();
    hadamard_row(width, p.scale);
    if (p.round != 0) {
        for (uint i = gl_LocalInvocationID.x; i < width; i += gl_WorkGroupSize.x) {
            const uint magnitude = sg_row[i] & 0x7FFFFFFFu;
            if (magnitude < 0x7F800000u)
                atomicMax(sg_largest[i / 32], magnitude, gl_ScopeWorkgroup,
                          gl_StorageSemanticsShared, gl_SemanticsRelaxed);
        }
        barrier();
    }
    for (uint i = gl_LocalInvocationID.x; i < width; i += gl_WorkGroupSize.x) {
        uint value = sg_row[i];
        if (p.round != 0) {
            const int exponent = fp4_exponent_of(sg_largest[i / 32]);
            value = e2m1_bits(e2m1_code_of(value, exponent), exponent);
        }
        p.x.v[base + i] = value;
    }
}
