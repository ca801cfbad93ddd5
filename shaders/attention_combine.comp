// SPDX-License-Identifier: MIT
//
// Adds the splits of one head of one query, the sink, and turns the rotary part. q is where the sums
// are. Half of the threads adds the even splits, half the odd ones. The results may be quantised, too.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "attention.glsl"
#include "quantise_vector.glsl"

layout(local_size_x = 256) in;

shared float largest[kSplitsMax], weight[kSplitsMax], denominators[kSplitsMax];
shared vec4 odd[128];

void main() {
    const uint thread = gl_LocalInvocationIndex;
    const uint head = gl_WorkGroupID.x;
    const uint row = gl_WorkGroupID.y;
    const uint visible = visible_rows(row);
    const uint step = rows_per_split(visible);
    const uint splits = (visible + step - 1) / step;
    const uint base = row * uint(p.splits) * uint(p.heads) + head;

    const float sink = p.sinks.v[head];
    if (thread < splits) {
        const uint at = 2 * (base + thread * uint(p.heads));
        largest[thread] = p.state.v[at];
        denominators[thread] = p.state.v[at + 1];
    }
    barrier();
    float m = sink;
    for (uint s = 0; s < splits; ++s) m = max(m, largest[s]);
    if (thread < splits) weight[thread] = exp(largest[thread] - m);
    barrier();

    // Four vectors on their way at once.
    const uint c = thread & 127;
    vec4 sum = vec4(0.0);
    if (c < kVecs)
        for (uint first = thread >> 7; first < splits; first += 8) {
            vec4 part[4];
            [[unroll]] for (uint k = 0; k < 4; ++k) {
                const uint s = min(first + 2 * k, splits - 1);
                part[k] = FloatVecs(p.q).v[(base + s * uint(p.heads)) * kVecs + c];
            }
            [[unroll]] for (uint k = 0; k < 4; ++k)
                if (first + 2 * k < splits) sum += weight[first + 2 * k] * part[k];
        }
    float total = exp(sink - m);
    for (uint s = 0; s < splits; ++s) total += weight[s] * denominators[s];
    if (thread >= 128) odd[c] = sum;
    barrier();
    if (thread < 128 && c < kVecs) odd[c] = store_vec(row, head, c, (sum + odd[c]) / total);
    if (p.form_width == 0) return;
    barrier();
    const uint width = uint(p.form_width);
    const uint first = (row * uint(p.heads) + head) * kWidth;  // of all results
    const bool inside = 16 * thread < kWidth;
    vec4 v[4];
    if (inside) [[unroll]] for (uint i = 0; i < 4; ++i) v[i] = odd[4 * thread + i];
    quantise_piece(kFormQ8_0, p.form, first / width, width, first % width / 16 + thread, v, inside);
}
