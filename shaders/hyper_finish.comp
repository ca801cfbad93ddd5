// SPDX-License-Identifier: MIT
//
// Two workgroups a row (one for the head): adds the partial sums, makes the gates and the mixing
// matrix of them, and weighs the streams into one vector, which it may norm, and make quantised forms
// of, as well.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "hyper_finish_params.h"

layout(local_size_x = 256) in;
#include "math.glsl"
#include "rms_norm.glsl"
#include "quantise_vector.glsl"

layout(constant_id = 0) const uint kStreams = 4;  // at most 16
layout(constant_id = 1) const uint kHead = 0;     // the output head: no post, no mixing matrix
layout(constant_id = 2) const uint kNorm = 0;
// Vectors of four of each stream that an invocation has in registers, on their way before the sums are
// known; 0: rows that are no vectors, or long, which go through memory and give no forms.
layout(constant_id = 3) const uint kOwn = 0;  // at most 4
layout(constant_id = 4) const uint kForm = 0;
layout(constant_id = 5) const uint kOtherForm = 0;

const uint kSquare = kStreams * kStreams;
const uint kMix = kHead != 0 ? kStreams : 2 * kStreams + kSquare;
shared float sg_mix[16 * 16 + 2 * 16 + 1];
shared float sg_scale[3], sg_base[16 * 16 + 2 * 16];
shared float sg_part[256];
shared float sg_comb[256];
shared vec4 sg_x[kForm != kFormNone ? 1024 : 1];

float gate(float z) {
    if (kHead != 0 && z < 0.0) {
        const float e = exact_exp(z);
        return e / (1.0 + e);
    }
    return 1.0 / (1.0 + exact_exp(-z));
}

float mixed(uint o, uint part, float factor) {
    precise float m = sg_mix[o] * factor;
    precise float z = m * sg_scale[part];
    z = z + sg_base[o];
    return z;
}

// Four streams: sixteen invocations make the matrix, one has it in its registers from then on.
void mix_four(uint row, float factor) {
    const uint self = gl_LocalInvocationID.x;
    if (self < 16) sg_comb[self] = mixed(8 + self, 2, factor);
    barrier();
    float power = 0.0;
    if (self < 16) {
        const uint line = self & ~3u;
        power = exact_exp(sg_comb[self] - max(max(sg_comb[line], sg_comb[line + 1]),
                                              max(sg_comb[line + 2], sg_comb[line + 3])));
    }
    barrier();
    if (self < 16) sg_comb[self] = power;
    barrier();
    if (self != 0) return;
    precise vec4 m[4];
    [[unroll]] for (uint i = 0; i < 4; ++i) {
        const vec4 z = vec4(sg_comb[4 * i], sg_comb[4 * i + 1], sg_comb[4 * i + 2],
                            sg_comb[4 * i + 3]);
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
    if (self < (kHead != 0 ? 1 : 3)) sg_scale[self] = p.scale.v[self];
    for (uint o = self; o < kMix; o += gl_WorkGroupSize.x) sg_base[o] = p.base.v[o];
    const uint streams = row * kStreams * dim;
    const bool mixes = gl_WorkGroupID.y != 0;
    vec4 own[kOwn != 0 ? kOwn * kStreams : 1], weights[kOwn != 0 ? kOwn : 1];
    if (kOwn != 0 && !mixes)
        [[unroll]] for (uint k = 0; k < kOwn; ++k) {
            const uint at = self + 256 * k;
            const bool inside = 4 * at < dim;
            [[unroll]] for (uint c = 0; c < kStreams; ++c)
                own[k * kStreams + c] =
                    inside ? FloatVecs(p.h).v[(streams + c * dim) / 4 + at] : vec4(0.0);
            weights[k] = kNorm != 0 && p.has_weight != 0 && inside ? FloatVecs(p.weight).v[at]
                                                                   : vec4(1.0);
        }
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
    if (mixes) {
        if (self < kStreams)
            p.post.v[row * kStreams + self] = 2.0 * gate(mixed(kStreams + self, 1, factor));
        if (kStreams == 4) {
            mix_four(row, factor);
        } else {
            mix_any(row, factor);
        }
        return;
    }
    if (self < kStreams) sg_part[self] = gate(mixed(self, 0, factor)) + p.hyper_epsilon;
    barrier();
    float pre[kStreams];
    [[unroll]] for (uint c = 0; c < kStreams; ++c) pre[c] = sg_part[c];
    if (kOwn != 0) {
        vec4 u[kOwn != 0 ? kOwn : 1];
        float squares = 0.0;
        [[unroll]] for (uint k = 0; k < kOwn; ++k) {
            const uint at = self + 256 * k;
            precise vec4 sum = pre[0] * own[k * kStreams];
            [[unroll]] for (uint c = 1; c < kStreams; ++c)
                sum = fma(vec4(pre[c]), own[k * kStreams + c], sum);
            u[k] = sum;
            squares = add_squares(squares, sum);
            if (4 * at < dim) FloatVecs(p.u).v[row * dim / 4 + at] = sum;
        }
        if (kNorm == 0) return;
        const float norm = rms_factor_of(squares, dim, p.norm_epsilon);
        [[unroll]] for (uint k = 0; k < kOwn; ++k) {
            const uint at = self + 256 * k;
            const vec4 value = normed(u[k], norm, weights[k]);
            if (4 * at < dim) FloatVecs(p.x).v[row * dim / 4 + at] = value;
            if (kForm != kFormNone) sg_x[at] = value;
        }
        if (kForm == kFormNone) return;
        barrier();
        const bool inside = 16 * self < dim;
        vec4 v[4];
        if (inside) [[unroll]] for (uint i = 0; i < 4; ++i) v[i] = sg_x[4 * self + i];
        quantise_piece(kForm, p.form, row, dim, self, v, inside);
        if (kOtherForm != kFormNone)
            quantise_piece(kOtherForm, p.other_form, row, dim, self, v, inside);
        return;
    }
    for (uint first = 4 * self; first < dim; first += 1024)
        for (uint i = first; i < min(first + 4, dim); ++i) {
            precise float sum = pre[0] * p.h.v[streams + i];
            for (uint c = 1; c < kStreams; ++c)
                sum = fma(pre[c], p.h.v[streams + c * dim + i], sum);
            p.u.v[row * dim + i] = sum;
        }
    if (kNorm == 0) return;
    // An invocation reads only what it wrote itself.
    const float norm = rms_factor(p.u, row * dim, dim, p.norm_epsilon);
    for (uint first = 4 * self; first < dim; first += 1024)
        for (uint i = first; i < min(first + 4, dim); ++i)
            p.x.v[row * dim + i] = normed(p.u.v[row * dim + i], norm,
                                          p.has_weight != 0 ? p.weight.v[i] : 1.0);
}
