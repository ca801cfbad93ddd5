// SPDX-License-Identifier: MIT
//
// A quantised vector in memory: codes | f32 scales (of 32 for Q8_0, else 256) | i32 sums of 16 codes
// (Q2_K and Q4_K). Codes lie as their weights want them: of each unit's 16-byte pieces all first
// ones, then all second ones, so that lanes read neighbours.
#ifndef SG_MAT_QUANTISED_GLSL
#define SG_MAT_QUANTISED_GLSL

struct Quantised {
    Vecs vecs;
    Words words;      // the same memory
    uint codes;       // of the first code, in vectors
    uint scales, sums;  // of the first, in words
};

#if SG_TYPE == SG_Q8_0
const uint kScaleElements = 32;
#else
const uint kScaleElements = 256;
#endif

// 16-byte vectors from one vector of `width` elements to the next (quantised_bytes in mat_mul_vk.h).
uint quantised_stride(uint width) {
#if SG_TYPE == SG_Q2_K || SG_TYPE == SG_Q4_K
    return (width + width / 64 + width / 4 + 15) / 16;
#else
    return (width + width / kScaleElements * 4 + 15) / 16;
#endif
}

Quantised quantised(Vecs base, uint index, uint width) {
    Quantised x;
    x.vecs = base;
    x.words = Words(base);
    x.codes = index * quantised_stride(width);
    x.scales = 4 * x.codes + width / 4;
    x.sums = x.scales + width / kScaleElements;
    return x;
}

uvec4 codes_at(Quantised x, uint i) {
    return x.vecs.v[x.codes + i];
}
float scale_at(Quantised x, uint i) {
    return uintBitsToFloat(x.words.v[x.scales + i]);
}
int sum_at(Quantised x, uint i) {
    return int(x.words.v[x.sums + i]);
}

#endif
