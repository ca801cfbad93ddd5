// SPDX-License-Identifier: MIT
//
// Functions whose precision Vulkan leaves open (exp may be off by 3 + 2|x| ulp, log by 2^-21 near
// 1), to about an ulp and alike on every device.
#ifndef SG_MATH_GLSL
#define SG_MATH_GLSL

float exact_exp(float x) {
    if (!(x > -87.0)) return x != x ? x : 0.0;
    if (x > 88.72) return uintBitsToFloat(0x7F800000u);
    precise float n = floor(x * 1.44269504 + 0.5);
    precise float r = fma(-n, 0.693145751953125, x);  // ln 2 in two parts; the first is short
    r = fma(-n, 1.42860682e-6, r);
    precise float sum = 1.0 / 5040.0;
    sum = fma(sum, r, 1.0 / 720.0);
    sum = fma(sum, r, 1.0 / 120.0);
    sum = fma(sum, r, 1.0 / 24.0);
    sum = fma(sum, r, 1.0 / 6.0);
    sum = fma(sum, r, 0.5);
    sum = fma(sum, r, 1.0);
    sum = fma(sum, r, 1.0);
    const int half_way = int(n) >> 1;  // 2^128 is no float
    sum = sum * uintBitsToFloat(uint(half_way + 127) << 23);
    sum = sum * uintBitsToFloat(uint(int(n) - half_way + 127) << 23);
    return sum;
}

// log(1 + e) of 0 <= e <= 1 as 2 artanh(e / (2 + e)).
float exact_log1p(float e) {
    precise float s = e / (2.0 + e);
    precise float q = s * s;
    precise float sum = 1.0 / 17.0;
    sum = fma(sum, q, 1.0 / 15.0);
    sum = fma(sum, q, 1.0 / 13.0);
    sum = fma(sum, q, 1.0 / 11.0);
    sum = fma(sum, q, 1.0 / 9.0);
    sum = fma(sum, q, 1.0 / 7.0);
    sum = fma(sum, q, 1.0 / 5.0);
    sum = fma(sum, q, 1.0 / 3.0);
    precise float twice = 2.0 * s;
    sum = fma(sum * q, twice, twice);
    return sum;
}

float softplus(float x) {
    precise float sum = (x > 0.0 ? x : 0.0) + exact_log1p(exact_exp(-abs(x)));
    return sum;
}

#endif
