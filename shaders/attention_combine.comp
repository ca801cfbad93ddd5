// SPDX-License-Identifier: MIT
//
// Adds the splits of one head of one query, the sink, and turns the rotary part. q is where the sums
// are. Half of the threads adds the even splits, half the odd ones.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "attention.glsl"

layout(local_size_x = 256) in;

shared float largest[kSplitsMax], weight[kSplitsMax];
shared vec4 odd[128];

void main() {
    const uint thread = gl_LocalInvocationIndex;
    const uint head = gl_WorkGroupID.x;
    const uint row = gl_WorkGroupID.y;
    const uint visible = visible_rows(row);
    const uint step = rows_per_split(visible);
    const uint splits = (visible + step - 1) / step;
    const uint base = row * uint(p.splits) * uint(p.heads) + head;

    if (thread < splits) largest[thread] = p.state.v[2 * (base + thread * uint(p.heads))];
    barrier();
    const float sink = p.sinks.v[head];
    float m = sink;
    for (uint s = 0; s < splits; ++s) m = max(m, largest[s]);
    if (thread < splits) weight[thread] = exp(largest[thread] - m);
    barrier();
    float total = exp(sink - m);
    for (uint s = 0; s < splits; ++s)
        total += weight[s] * p.state.v[2 * (base + s * uint(p.heads)) + 1];

    const uint c = thread & 127;
    vec4 sum = vec4(0.0);
    if (c < kVecs)
        for (uint s = thread >> 7; s < splits; s += 2)
            sum += weight[s] * FloatVecs(p.q).v[(base + s * uint(p.heads)) * kVecs + c];
    if (thread >= 128) odd[c] = sum;
    barrier();
    if (thread < 128 && c < kVecs) store_vec(row, head, c, (sum + odd[c]) / total);
}
