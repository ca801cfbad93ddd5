// SPDX-License-Identifier: MIT
#ifndef SG_HALF_HEAD_GLSL
#define SG_HALF_HEAD_GLSL

// The part of values that f16 holds exactly. Cut off in bits: compilers take what was packed and
// unpacked for the value itself, and nothing would be left over.
vec4 half_head(vec4 v) {
    return uintBitsToFloat(floatBitsToUint(v) & 0xFFFFE000u);
}

#endif
