// SPDX-License-Identifier: MIT
//
// The rotation of one pair, rounded like the CPU's: no contraction.
#ifndef SG_ROTATE_GLSL
#define SG_ROTATE_GLSL

vec2 rotate(vec2 v, float cosine, float sine) {
    precise float a = v.x * cosine;
    precise float b = v.y * sine;
    precise float c = v.x * sine;
    precise float d = v.y * cosine;
    precise vec2 turned = vec2(a - b, c + d);
    return turned;
}

#endif
