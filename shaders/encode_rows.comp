// SPDX-License-Identifier: MIT
//
// One workgroup a row. An invocation makes whole words of the destination, byte by byte, so that no
// layout needs a form of its own.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_buffer_reference_uvec2 : require
#include "encode_rows_params.h"

layout(local_size_x = 128) in;
#include "hadamard.glsl"
#include "row_codes.glsl"

layout(constant_id = 0) const uint kKind = 0;  // 0 kv, 1 index, 2 plain

shared uint sg_largest[128];  // of each group, finite magnitudes

uint byte_at(uint i) {
    const uint width = uint(p.width);
    if (kKind == 0) {
        const uint rotary = uint(p.rotary);
        const uint coded = width - rotary;
        if (i < 2 * rotary) return (half_of(sg_row[coded + (i >> 1)]) >> (8 * (i & 1))) & 0xFF;
        i -= 2 * rotary;
        if (i < coded) return e4m3_code_of(sg_row[i], fp8_exponent_of(sg_largest[i >> 6]));
        i -= coded;
        return i < coded / 64 ? uint(fp8_exponent_of(sg_largest[i]) + 127) : 0;
    }
    if (i < width / 2) {
        const int exponent = fp4_exponent_of(sg_largest[i >> 4]);
        return e2m1_code_of(sg_row[2 * i], exponent) |
               (e2m1_code_of(sg_row[2 * i + 1], exponent) << 4);
    }
    i -= width / 2;
    return i < width / 32 ? uint(fp4_exponent_of(sg_largest[i]) + 127) : 0;
}

void main() {
    const uint row = gl_WorkGroupID.x;
    Words to = p.destination;
    if (gl_NumWorkGroups.x > 1)
        to = Words(uvec2(p.destinations.v[2 * row], p.destinations.v[2 * row + 1]));
    const uint width = uint(p.width);
    const uint groups = kKind == 0 ? (width - uint(p.rotary)) / 64 : width / 32;
    const uint group_width = kKind == 0 ? 64 : 32;
    for (uint i = gl_LocalInvocationID.x; i < width; i += gl_WorkGroupSize.x)
        sg_row[i] = p.x.v[row * width + i];
    if (gl_LocalInvocationID.x < groups && kKind != 2) sg_largest[gl_LocalInvocationID.x] = 0;
    barrier();
    if (p.transform != 0) hadamard_row(width, p.scale);
    if (kKind != 2) {
        for (uint i = gl_LocalInvocationID.x; i < groups * group_width; i += gl_WorkGroupSize.x) {
            const uint magnitude = sg_row[i] & 0x7FFFFFFFu;
            if (magnitude < 0x7F800000u)
                atomicMax(sg_largest[i / group_width], magnitude, gl_ScopeWorkgroup,
                          gl_StorageSemanticsShared, gl_SemanticsRelaxed);
        }
        barrier();
    }
    for (uint word = gl_LocalInvocationID.x; word < uint(p.words); word += gl_WorkGroupSize.x) {
        if (kKind == 2) {
            to.v[word] = sg_row[word];
            continue;
        }
        uint value = 0;
        [[unroll]] for (uint i = 0; i < 4; ++i) value |= byte_at(4 * word + i) << (8 * i);
        to.v[word] = value;
    }
}
