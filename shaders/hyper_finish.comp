// SPDX-License-Identifier: MIT
//
// Two workgroups a row (one for the head): adds the partial sums, makes the gates and the mixing matrix of them, and
// weighs the streams into one vector, which it may norm as well.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "hyper_finish_params.h"

layout(local_size_x = 256) in;
#include "math.glsl"
#include "rms_norm.glsl"

layout(constant_id = 0) const uint kStreams = 4;  // at most 16
layout(constant_id = 1) const uint kHead = 0;     // the output head: no post, no mixing matrix
layout(constant_id = 2) const uint kNorm = 0;

const uint kSquare = kStreams * kStreams;
const uint kMix = kHead != 0 ? kStreams : 2 * kStreams + kSquare;
shared float sg_mix[16 * 16 + 2 * 16 + 1];
shared float sg_part[256];
shared float sg_comb[256];

float gate(float z) {
    if (kHead != 0 && z < 0.0) {
        const float e = exact_exp(z);
        return e / (1.0 + e);
    }
    return 1.0 / (1.0 + exact_exp(-z));
}

float mixed(uint o, uint part, float factor) {
    precise float m = sg_mix[o] * factor;
    precise float z = m * p.scale.v[part];
    z = z + p.base.v[o];
    return z;
}

// Four streams: the matrix in the registers of one invocation.
void mix_four(uint row, float factor) {
    precise vec4 m[4];
    [[unroll]] for (uint i = 0; i < 4; ++i) {
        vec4 z;
        [[unroll]] for (uint j = 0; j < 4; ++j) z[j] = mixed(8 + 4 * i + j, 2, factor);
        const float largest = max(max(z.x, z.y), max(z.z, z.w));
        [[unroll]] for (uint j = 0; j < 4; ++j) z[j] = exact_exp(z[j] - largest);
        m[i] = z * (1.0 / (((z.x + z.y) + z.z) + z.w)) + p.hyper_epsilon;
    }
    for (int iteration = 0; iteration < p.sinkhorn; ++iteration) {
        if (iteration > 0)
            [[unroll]] for (uint i = 0; i < 4; ++i)
                m[i] *= 1.0 / ((((m[i].x + m[i].y) + m[i].z) + m[i].w) + p.hyper_epsilon);
        precise vec4 inverse = 1.0 / ((((m[0] + m[1]) + m[2]) + m[3]) + p.hyper_epsilon);
        [[unroll]] for (uint i = 0; i < 4; ++i) m[i] *= inverse;
    }
    [[unroll]] for (uint i = 0; i < 16; ++i) p.comb.v[row * 16 + i] = m[i / 4][i % 4];
}

void scale_line(uint first, uint stride) {
    float sum = 0.0;
    for (uint k = 0; k < kStreams; ++k) sum += sg_comb[first + k * stride];
    const float inverse = 1.0 / (sum + p.hyper_epsilon);
    for (uint k = 0; k < kStreams; ++k) sg_comb[first + k * stride] *= inverse;
}

// Any number of streams: an invocation a row or column of the matrix.
void mix_any(uint row, float factor) {
    const uint self = gl_LocalInvocationID.x;
    if (self < kSquare) sg_comb[self] = mixed(2 * kStreams + self, 2, factor);
    barrier();
    if (self < kStreams) {
        const uint first = self * kStreams;
        float largest = sg_comb[first];
        for (uint j = 1; j < kStreams; ++j) largest = max(largest, sg_comb[first + j]);
        float sum = 0.0;
        for (uint j = 0; j < kStreams; ++j) {
            const float e = exact_exp(sg_comb[first + j] - largest);
            sg_comb[first + j] = e;
            sum += e;
        }
        const float inverse = 1.0 / sum;
        for (uint j = 0; j < kStreams; ++j) {
            precise float share = sg_comb[first + j] * inverse + p.hyper_epsilon;
            sg_comb[first + j] = share;
        }
    }
    barrier();
    for (int iteration = 0; iteration < p.sinkhorn; ++iteration) {
        if (iteration > 0) {
            if (self < kStreams) scale_line(self * kStreams, 1);
            barrier();
        }
        if (self < kStreams) scale_line(self, kStreams);
        barrier();
    }
    if (self < kSquare) p.comb.v[row * kSquare + self] = sg_comb[self];
}

void main() {
    const uint self = gl_LocalInvocationID.x;
    const uint row = gl_WorkGroupID.x;
    const uint dim = uint(p.dim);
    const uint chunks = uint(p.chunks);
    for (uint first = 0; first <= kMix; first += 32) {
        const uint o = first + self / 8;
        precise float sum = 0.0;
        if (o <= kMix)
            for (uint chunk = self & 7; chunk < chunks; chunk += 32) {
                float part[4];
                [[unroll]] for (uint k = 0; k < 4; ++k)
                    part[k] = chunk + 8 * k < chunks
                                  ? p.parts.v[(row * (kMix + 1) + o) * chunks + chunk + 8 * k]
                                  : 0.0;
                [[unroll]] for (uint k = 0; k < 4; ++k) sum = sum + part[k];
            }
        sg_part[self] = sum;
        barrier();
        const uint done = first + self;
        if (self < 32 && done <= kMix) {
            precise float total = 0.0;
            [[unroll]] for (uint i = 0; i < 8; ++i) total = total + sg_part[8 * self + i];
            sg_mix[done] = total;
        }
        barrier();
    }
    const float factor =
        1.0 / sqrt(sg_mix[kMix] / float(kStreams * dim) + p.epsilon);
    // The first workgroup of a row weighs the streams, the second makes what spreads the block's output
    // over them again: its chain of divisions is long.
    if (gl_WorkGroupID.y != 0) {
        if (self < kStreams)
            p.post.v[row * kStreams + self] = 2.0 * gate(mixed(kStreams + self, 1, factor));
        if (kStreams == 4) {
            if (self == gl_WorkGroupSize.x - 1) mix_four(row, factor);
        } else {
            mix_any(row, factor);
        }
        return;
    }
    float pre[kStreams];
    [[unroll]] for (uint c = 0; c < kStreams; ++c)
        pre[c] = gate(mixed(c, 0, factor)) + p.hyper_epsilon;
    const uint streams = row * kStreams * dim;
    for (uint i = self; i < dim; i += 4 * gl_WorkGroupSize.x) {
        float h[4 * kStreams];
        [[unroll]] for (uint k = 0; k < 4; ++k)
            [[unroll]] for (uint c = 0; c < kStreams; ++c) {
                const uint at = i + k * gl_WorkGroupSize.x;
                h[k * kStreams + c] = at < dim ? p.h.v[streams + c * dim + at] : 0.0;
            }
        [[unroll]] for (uint k = 0; k < 4; ++k) {
            precise float sum = pre[0] * h[k * kStreams];
            [[unroll]] for (uint c = 1; c < kStreams; ++c)
                sum = fma(pre[c], h[k * kStreams + c], sum);
            const uint at = i + k * gl_WorkGroupSize.x;
            if (at < dim) p.u.v[row * dim + at] = sum;
        }
    }
    if (kNorm != 0) {
        // An invocation reads only what it wrote itself.
        const float norm = rms_factor(p.u, row * dim, dim, p.norm_epsilon);
        for (uint i = self; i < dim; i += 4 * gl_WorkGroupSize.x) {
            float value[4], weight[4];
            [[unroll]] for (uint k = 0; k < 4; ++k) {
                const uint at = i + k * gl_WorkGroupSize.x;
                value[k] = at < dim ? p.u.v[row * dim + at] : 0.0;
                weight[k] = at < dim && p.has_weight != 0 ? p.weight.v[at] : 1.0;
            }
            [[unroll]] for (uint k = 0; k < 4; ++k) {
                const uint at = i + k * gl_WorkGroupSize.x;
                if (at < dim) p.x.v[row * dim + at] = normed(value[k], norm, weight[k]);
            }
        }
    }
}
