// SPDX-License-Identifier: MIT
//
// The norm of dim values from x[base], by a workgroup of 256 whose invocation k owns values 4k to
// 4k + 3, those 1024 further on, and so forth. Every kernel that norms adds squares in this order, so
// that fused ones give the same bits.
//
// Included after the size of the workgroup is declared.
#ifndef SG_RMS_NORM_GLSL
#define SG_RMS_NORM_GLSL
#include "reduce.glsl"

// Of an invocation's own squares, added in order. Every invocation must call it.
float rms_factor_of(float own_squares, uint dim, float epsilon) {
    const float squares = workgroup_sum(own_squares);
    precise float factor = 1.0 / sqrt(squares / float(dim) + epsilon);
    return factor;
}

float add_squares(float sum, vec4 v) {
    precise float squares = fma(v.x, v.x, sum);
    squares = fma(v.y, v.y, squares);
    squares = fma(v.z, v.z, squares);
    squares = fma(v.w, v.w, squares);
    return squares;
}

// Values that are no whole vectors, or more than registers take. Every invocation must call it; no
// element is read after it returns.
float rms_factor(Floats x, uint base, uint dim, float epsilon) {
    float squares = 0.0;
    for (uint first = 4 * gl_LocalInvocationID.x; first < dim; first += 1024) {
        vec4 v;
        [[unroll]] for (uint c = 0; c < 4; ++c) v[c] = first + c < dim ? x.v[base + first + c] : 0.0;
        squares = add_squares(squares, v);
    }
    return rms_factor_of(squares, dim, epsilon);
}

float normed(float value, float factor, float weight) {
    precise float scaled = value * factor;
    scaled = scaled * weight;
    return scaled;
}

vec4 normed(vec4 value, float factor, vec4 weight) {
    precise vec4 scaled = value * factor;
    scaled = scaled * weight;
    return scaled;
}

#endif
