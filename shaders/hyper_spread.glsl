// SPDX-License-Identifier: MIT
//
// One step of out[d] = y * post[d] + sum over s of comb[s][d] * h[s], the same in every kernel.
#ifndef SG_HYPER_SPREAD_GLSL
#define SG_HYPER_SPREAD_GLSL

float spread_first(float y, float post) {
    precise float product = y * post;
    return product;
}

float spread_next(float sum, float comb, float h) {
    precise float next = fma(comb, h, sum);
    return next;
}

#endif
