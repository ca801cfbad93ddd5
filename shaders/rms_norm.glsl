// SPDX-License-Identifier: MIT
//
// The norm of dim values from x[base], by a workgroup of 256 whose invocation k owns k, k + 256, ...
// Every kernel that norms does it with these, so that fused ones give the same bits.
//
// Included after the size of the workgroup is declared.
#ifndef SG_RMS_NORM_GLSL
#define SG_RMS_NORM_GLSL
#include "reduce.glsl"

// Every invocation must call it; no element is read after it returns.
float rms_factor(Floats x, uint base, uint dim, float epsilon) {
    precise float squares = 0.0;
    // Four loads at once; a zero more changes no sum.
    for (uint i = gl_LocalInvocationID.x; i < dim; i += 4 * gl_WorkGroupSize.x) {
        float value[4];
        [[unroll]] for (uint k = 0; k < 4; ++k) {
            const uint at = i + k * gl_WorkGroupSize.x;
            value[k] = at < dim ? x.v[base + at] : 0.0;
        }
        [[unroll]] for (uint k = 0; k < 4; ++k) squares = fma(value[k], value[k], squares);
    }
    squares = workgroup_sum(squares);
    precise float factor = 1.0 / sqrt(squares / float(dim) + epsilon);
    return factor;
}

float normed(float value, float factor, float weight) {
    precise float scaled = value * factor;
    scaled = scaled * weight;
    return scaled;
}

#endif
