// SPDX-License-Identifier: MIT
//
// Scores of one head of one query into its rows' shares, in place; zeros up to a whole 64 of rows.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "attention.glsl"
#include "attention_scale.glsl"
#include "reduce.glsl"

layout(local_size_x = 256) in;

void main() {
    const uint thread = gl_LocalInvocationIndex;
    const uint head = gl_WorkGroupID.x;
    const uint row = gl_WorkGroupID.y;
    const uint visible = visible_rows(row);
    const uint base = (row * uint(p.heads) + head) * uint(p.splits);
    const float sink = p.sinks.v[head];
    float m = max(sink, kLowest);
    for (uint i = thread; i < visible; i += 256) m = max(m, p.state.v[base + i]);
    m = workgroup_max(m);
    float total = 0.0;
    for (uint i = thread; i < visible; i += 256) total += exp(p.state.v[base + i] - m);
    total = workgroup_sum(total) + exp(sink - m);
    for (uint i = thread; i < (visible + 63) / 64 * 64; i += 256)
        p.state.v[base + i] =
            i < visible ? exp(p.state.v[base + i] - m) / total * kShareScale : 0.0;
}
