// SPDX-License-Identifier: MIT
//
// Factors that keep the low halves of split values away from f16's subnormals, which a device may take
// for zero: shares are at most 1, a normed query's elements at most the root of its width.
#ifndef SG_ATTENTION_SCALE_GLSL
#define SG_ATTENTION_SCALE_GLSL

const float kShareScale = 16384.0;
const float kQueryScale = 64.0;

#endif
