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
    for (uint i = gl_LocalInvocationID.x; i < dim; i += gl_WorkGroupSize.x) {
        const float value = x.v[base + i];
        squares = fma(value, value, squares);
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
