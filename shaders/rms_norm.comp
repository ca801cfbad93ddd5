// SPDX-License-Identifier: MIT
//
// One workgroup a row: x / rms(x) * weight. y may be x. With kForm a quantised form of y is made too.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "rms_norm_params.h"

layout(local_size_x = 256) in;
// Vectors of four that an invocation has in registers; 0: rows that are no vectors, or long.
layout(constant_id = 0) const uint kOwn = 0;  // at most 4
layout(constant_id = 1) const uint kForm = 0;  // with kOwn only
#include "rms_norm.glsl"
#include "quantise_vector.glsl"

shared vec4 sg_y[kForm != kFormNone ? 1024 : 1];

void main() {
    const uint row = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    if (row >= uint(p.rows)) return;
    const uint self = gl_LocalInvocationIndex;
    const uint dim = uint(p.dim);
    const uint base = row * dim;
    if (kOwn == 0) {
        const float factor = rms_factor(p.x, base, dim, p.epsilon);
        for (uint first = 4 * self; first < dim; first += 1024)
            for (uint i = first; i < min(first + 4, dim); ++i)
                p.y.v[base + i] =
                    normed(p.x.v[base + i], factor, p.has_weight != 0 ? p.weight.v[i] : 1.0);
        return;
    }
    vec4 v[kOwn != 0 ? kOwn : 1], w[kOwn != 0 ? kOwn : 1];
    float squares = 0.0;
    [[unroll]] for (uint k = 0; k < kOwn; ++k) {
        const uint at = self + 256 * k;
        const bool inside = 4 * at < dim;
        v[k] = inside ? FloatVecs(p.x).v[base / 4 + at] : vec4(0.0);
        w[k] = inside && p.has_weight != 0 ? FloatVecs(p.weight).v[at] : vec4(1.0);
    }
    [[unroll]] for (uint k = 0; k < kOwn; ++k) squares = add_squares(squares, v[k]);
    const float factor = rms_factor_of(squares, dim, p.epsilon);
    [[unroll]] for (uint k = 0; k < kOwn; ++k) {
        const uint at = self + 256 * k;
        const vec4 value = normed(v[k], factor, w[k]);
        if (4 * at < dim) FloatVecs(p.y).v[base / 4 + at] = value;
        if (kForm != kFormNone) sg_y[at] = value;
    }
    if (kForm == kFormNone) return;
    barrier();
    const bool inside = 16 * self < dim;
    vec4 piece[4];
    if (inside) [[unroll]] for (uint i = 0; i < 4; ++i) piece[i] = sg_y[4 * self + i];
    quantise_piece(kForm, p.form, row, dim, self, piece, inside);
}
