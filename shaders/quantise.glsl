// SPDX-License-Identifier: MIT
#ifndef SG_QUANTISE_GLSL
#define SG_QUANTISE_GLSL

// Correctly rounded but for rare cases: a quotient that is off by a step flips codes at ties.
float quotient(float a, float b) {
    const float q = a / b;
    const float r = fma(-q, b, a);
    return abs(q) < 3e38 && abs(b) < 3e38 ? q + r / b : q;
}

bool is_broken(float value) {
    return (floatBitsToUint(value) & 0x7F800000u) == 0x7F800000u;
}

#endif
