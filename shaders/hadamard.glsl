// SPDX-License-Identifier: MIT
//
// sg_row[0..width): a power of two of floats, transformed by the whole workgroup in the order the CPU
// adds. Every invocation must call it, after the row was stored and with a barrier since.
//
// Included after the size of the workgroup is declared.
#ifndef SG_HADAMARD_GLSL
#define SG_HADAMARD_GLSL

shared uint sg_row[4096];  // bits

void hadamard_row(uint width, float scale) {
    for (uint stride = 1; stride < width; stride *= 2) {
        for (uint k = gl_LocalInvocationID.x; k < width / 2; k += gl_WorkGroupSize.x) {
            const uint low = k & (stride - 1);
            const uint i = 2 * (k - low) + low;
            const float a = uintBitsToFloat(sg_row[i]);
            const float b = uintBitsToFloat(sg_row[i + stride]);
            precise float sum = a + b;
            precise float difference = a - b;
            sg_row[i] = floatBitsToUint(sum);
            sg_row[i + stride] = floatBitsToUint(difference);
        }
        barrier();
    }
    for (uint i = gl_LocalInvocationID.x; i < width; i += gl_WorkGroupSize.x) {
        precise float value = uintBitsToFloat(sg_row[i]) * scale;
        sg_row[i] = floatBitsToUint(value);
    }
    barrier();
}

#endif
