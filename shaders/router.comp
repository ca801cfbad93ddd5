// SPDX-License-Identifier: MIT
//
// One workgroup a token. The best is sought `used` times, by a key that orders like the score.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "router_params.h"
#include "math.glsl"

const uint kPerInvocation = 4;
layout(local_size_x = 128) in;

shared float sg_value[512];
shared uint sg_selected[128];
shared uint sg_key[2][32];
shared uint sg_index[2][32];

float router_value(float logit) {
    return sqrt(softplus(logit));
}

// Ascending with the score; NaN comes last, zeros are equal.
uint key_of(float score) {
    const uint bits = floatBitsToUint(score);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return 0;
    if ((bits & 0x7FFFFFFFu) == 0) return 0x80000000u;
    return (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
}

void main() {
    const uint self = gl_LocalInvocationID.x;
    const uint row = gl_WorkGroupID.x;
    const uint experts = uint(p.experts);
    const uint used = uint(p.used);
    if (p.has_table != 0) {
        if (self < used) {
            const uint expert = p.table.v[p.tokens.v[row] * used + self];
            sg_selected[self] = expert;
            sg_value[expert] = router_value(p.logits.v[row * experts + expert]);
        }
        barrier();
    } else {
        uint key[kPerInvocation];
        uint index[kPerInvocation];
        [[unroll]] for (uint i = 0; i < kPerInvocation; ++i) {
            const uint e = i * gl_WorkGroupSize.x + self;
            key[i] = 0;
            index[i] = ~0u;
            if (e < experts) {
                const float value = router_value(p.logits.v[row * experts + e]);
                sg_value[e] = value;
                precise float score = value;
                if (p.has_bias != 0) score = value + p.bias.v[e];
                key[i] = key_of(score);
                index[i] = e;
            }
        }
        for (uint k = 0; k < used; ++k) {
            uint best = key[0];
            uint where = index[0];
            [[unroll]] for (uint i = 1; i < kPerInvocation; ++i)
                if (key[i] > best || (key[i] == best && index[i] < where)) {
                    best = key[i];
                    where = index[i];
                }
            const uint top = subgroupMax(best);
            where = subgroupMin(best == top ? where : ~0u);
            const uint side = k & 1;  // so that one barrier a round is enough
            if (subgroupElect()) {
                sg_key[side][gl_SubgroupID] = top;
                sg_index[side][gl_SubgroupID] = where;
            }
            barrier();
            best = sg_key[side][0];
            where = sg_index[side][0];
            for (uint i = 1; i < gl_NumSubgroups; ++i) {
                const uint other = sg_key[side][i];
                if (other > best || (other == best && sg_index[side][i] < where)) {
                    best = other;
                    where = sg_index[side][i];
                }
            }
            if (self == 0) sg_selected[k] = where;
            [[unroll]] for (uint i = 0; i < kPerInvocation; ++i)
                if (index[i] == where) {
                    key[i] = 0;
                    index[i] = ~0u;
                }
        }
        barrier();
    }
    if (self < used) {
        precise float sum = 0.0;
        for (uint k = 0; k < used; ++k) sum = sum + sg_value[sg_selected[k]];
        if (sum < 6.103515625e-5) sum = 6.103515625e-5;  // 2^-14
        p.selected.v[row * used + self] = sg_selected[self];
        precise float weight = sg_value[sg_selected[self]] / sum * p.scale;
        p.weights.v[row * used + self] = weight;
    }
}
