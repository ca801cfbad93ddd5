// SPDX-License-Identifier: MIT
//
// Quantised forms of vectors that several workgroups make together: of those that share a piece of
// kJointValues the last to end makes that piece's part of the form. Nobody waits.
#ifndef SG_QUANTISE_JOINT_GLSL
#define SG_QUANTISE_JOINT_GLSL
#include "quantise_vector.glsl"

layout(constant_id = 5) const uint kForm = 0;

// Whole blocks of every type.
const uint kJointValues = 256;

// What other workgroups are to see, or have written.
layout(buffer_reference, scalar, buffer_reference_align = 4) coherent buffer JointFloats {
    float v[];
};

shared uint sg_last;  // whether this is the last

// This workgroup made values [first, first + made) of those at `values`, which are vectors of `width`
// one after the other; `made` divides kJointValues, which divides `width`. `ended` counts workgroups
// by piece, and is all zeros before and after. In uniform flow.
void quantise_jointly(JointFloats values, uint first, uint made, Vecs form, Words ended, uint width) {
    const uint lane = gl_LocalInvocationIndex;
    const uint piece = first / kJointValues;
    memoryBarrierBuffer();
    barrier();
    if (lane == 0) {
        sg_last = atomicAdd(ended.v[piece], 1u) + 1 == kJointValues / made ? 1 : 0;
        if (sg_last != 0) ended.v[piece] = 0;
    }
    barrier();
    if (sg_last == 0) return;
    memoryBarrierBuffer();
    const bool inside = lane < kJointValues / 16;
    const uint begin = piece * kJointValues;
    vec4 v[4];
    if (inside)
        [[unroll]] for (uint i = 0; i < 16; ++i) v[i / 4][i % 4] = values.v[begin + 16 * lane + i];
    quantise_piece(kForm, form, begin / width, width, begin % width / 16 + lane, v, inside);
}

#endif
