// SPDX-License-Identifier: MIT
//
// One workgroup a head: norm, then rotation of the last pairs. y may be x.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "rms_norm_rope_params.h"

layout(local_size_x = 256) in;
// Vectors of four that an invocation has in registers; 0: heads that are no vectors, or wide.
layout(constant_id = 0) const uint kOwn = 0;  // at most 4
#include "rms_norm.glsl"
#include "rotate.glsl"

float value_at(uint base, uint i, float factor) {
    return normed(p.x.v[base + i], factor, p.has_weight != 0 ? p.weight.v[i] : 1.0);
}

vec2 turned(vec2 two, vec2 angle) {
    return rotate(two, angle.x, p.inverse != 0 ? -angle.y : angle.y);
}

void main() {
    const uint self = gl_LocalInvocationIndex;
    const uint dim = uint(p.dim);
    const uint pairs = uint(p.pairs);
    const uint row = gl_WorkGroupID.y;
    const uint base = (row * gl_NumWorkGroups.x + gl_WorkGroupID.x) * dim;
    const uint front = dim - 2 * pairs;
    if (kOwn == 0) {
        const float factor = rms_factor(p.x, base, dim, p.epsilon);
        // An invocation writes what it alone reads from here on.
        for (uint i = self; i < front; i += 256) p.y.v[base + i] = value_at(base, i, factor);
        for (uint pair = self; pair < pairs; pair += 256) {
            const uint i = front + 2 * pair;
            const uint angle = 2 * (row * pairs + pair);
            const vec2 two = turned(vec2(value_at(base, i, factor), value_at(base, i + 1, factor)),
                                    vec2(p.table.v[angle], p.table.v[angle + 1]));
            p.y.v[base + i] = two.x;
            p.y.v[base + i + 1] = two.y;
        }
        return;
    }
    vec4 v[kOwn != 0 ? kOwn : 1], w[kOwn != 0 ? kOwn : 1], angles[kOwn != 0 ? kOwn : 1];
    float squares = 0.0;
    [[unroll]] for (uint k = 0; k < kOwn; ++k) {
        const uint at = self + 256 * k;
        const bool inside = 4 * at < dim;
        v[k] = inside ? FloatVecs(p.x).v[base / 4 + at] : vec4(0.0);
        w[k] = inside && p.has_weight != 0 ? FloatVecs(p.weight).v[at] : vec4(1.0);
        // Of a vector's two pairs; front is even.
        angles[k] = vec4(1.0, 0.0, 1.0, 0.0);
        [[unroll]] for (uint two = 0; two < 4; two += 2)
            if (inside && 4 * at + two >= front) {
                const uint angle = row * 2 * pairs + 4 * at + two - front;
                angles[k][two] = p.table.v[angle];
                angles[k][two + 1] = p.table.v[angle + 1];
            }
    }
    [[unroll]] for (uint k = 0; k < kOwn; ++k) squares = add_squares(squares, v[k]);
    const float factor = rms_factor_of(squares, dim, p.epsilon);
    [[unroll]] for (uint k = 0; k < kOwn; ++k) {
        const uint at = self + 256 * k;
        vec4 value = normed(v[k], factor, w[k]);
        if (4 * at + 2 >= front) {
            if (4 * at >= front) value.xy = turned(value.xy, angles[k].xy);
            value.zw = turned(value.zw, angles[k].zw);
        }
        if (4 * at < dim) FloatVecs(p.y).v[base / 4 + at] = value;
    }
}
