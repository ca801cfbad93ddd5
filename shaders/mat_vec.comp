// SPDX-License-Identifier: MIT
//
// Products of weight rows with one vector or a few. A subgroup takes SG_ROWS_TOGETHER rows at a
// time, each lane a unit of 16 bytes of codes of every one of them, so that as many loads are under
// way as registers hold; the vector is quantised once a workgroup into shared memory.
//
// SG_MODE 0: y = W x, by groups.  1: gate, up and SwiGLU of chosen experts.  2: down, summed over a
// token's experts in order.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "mat_vec_params.h"
#include "block_dot.glsl"
#include "quantise.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint kRowsTogether = 2;
layout(constant_id = 1) const uint kColumns = 1;    // vectors met at once
layout(constant_id = 2) const uint kBlocks = 1;     // of rows, one after the other

#ifdef SG_INT8
const uint kChunkBytes = 8192;  // elements of all columns together that are in shared memory
shared uvec4 x_codes[kChunkBytes / 16];
shared int x_sums[kChunkBytes / 16];      // of 16 codes
shared float x_scales[kChunkBytes / 32];  // of 32 codes (Q8_0) or 256
shared float x_extremes[kChunkBytes / 16];

// Where piece e (16 elements) of a column lies: pieces of one unit are `units` apart, so that lanes
// read neighbours.
uint place_of(uint e, uint units) {
#if SG_TYPE == SG_Q8_0
    return e;
#elif SG_TYPE == SG_Q2_K
    const uint r = e & 15;
    return ((r & 7) >> 1) * units + (e >> 4) * 4 + (r >> 3) * 2 + (r & 1);
#elif SG_TYPE == SG_IQ2_XXS
    return (e & 3) * units + (e >> 2);
#else
    const uint r = e & 15;
    return ((r & 3) >> 1) * units + (e >> 4) * 8 + (r >> 2) * 2 + (r & 1);
#endif
}

uint pack4(ivec4 codes) {
    return (uint(codes.x) & 255u) | ((uint(codes.y) & 255u) << 8) | ((uint(codes.z) & 255u) << 16) |
           (uint(codes.w) << 24);
}

// Quantises `count` elements (a multiple of the block) of every column; a barrier before and after.
void quantise(Floats x, uint stride, uint columns, uint first, uint count) {
    const uint pieces = count / 16;
    const uint units = count / kUnit;
    const float kNaN = uintBitsToFloat(0x7FC00000u);
    barrier();
    for (uint t = gl_LocalInvocationIndex; t < pieces * columns; t += gl_WorkGroupSize.x) {
        const uint column = t / pieces;
        const uint base = column * stride + first + (t - column * pieces) * 16;
        float extreme = 0.0;
        bool broken = false;
        for (uint i = 0; i < 16; ++i) {
            const float value = x.v[base + i];
            broken = broken || is_broken(value);
            if (abs(value) > abs(extreme)) extreme = value;
        }
        x_extremes[t] = broken ? kNaN : extreme;
    }
    barrier();
    for (uint t = gl_LocalInvocationIndex; t < pieces * columns; t += gl_WorkGroupSize.x) {
        const uint column = t / pieces;
        const uint e = t - column * pieces;
        const uint base = column * stride + first + e * 16;
#if SG_TYPE == SG_Q8_0
        const uint block_pieces = 2;
#else
        const uint block_pieces = 16;
#endif
        const uint begin = t - e % block_pieces;
        float extreme = 0.0;
        bool broken = false;
        for (uint i = begin; i < begin + block_pieces; ++i) {
            broken = broken || is_broken(x_extremes[i]);
            if (abs(x_extremes[i]) > abs(extreme)) extreme = x_extremes[i];
        }
#if SG_TYPE == SG_Q8_0
        const float d = quotient(abs(extreme), 127.0);
        const float inverse = d != 0.0 ? quotient(1.0, d) : 0.0;
#else
        const float inverse = extreme != 0.0 ? quotient(-127.0, extreme) : 0.0;
        const float d = extreme != 0.0 ? quotient(1.0, inverse) : 0.0;
#endif
        uvec4 codes = uvec4(0);
        int sum = 0;
        if (!broken) {
            [[unroll]] for (uint i = 0; i < 4; ++i) {
                const vec4 four = vec4(x.v[base + 4 * i], x.v[base + 4 * i + 1],
                                       x.v[base + 4 * i + 2], x.v[base + 4 * i + 3]);
                const ivec4 q = ivec4(clamp(roundEven(four * inverse), -128.0, 127.0));
                sum += q.x + q.y + q.z + q.w;
                codes[i] = pack4(q);
            }
        }
        const uint at = column * pieces + place_of(e, units);
        x_codes[at] = codes;
        x_sums[at] = sum;
        if (t == begin) x_scales[t / block_pieces] = broken ? kNaN : d;
    }
    barrier();
}

int dot16(uvec4 a, uvec4 b, int sum) {
    return dot4(a.w, b.w, dot4(a.z, b.z, dot4(a.y, b.y, dot4(a.x, b.x, sum))));
}

// Unit `unit` of the chunk; `pieces` of a column, `units` of it.
float meet(Unit u, uint column, uint unit, uint pieces, uint units) {
    const uint at = column * pieces + unit;
#if SG_TYPE == SG_Q8_0
    const int sum = dot16(u.codes, x_codes[at], 0);
    return u.d * x_scales[column * (pieces / 2) + unit / 2] * float(sum);
#elif SG_TYPE == SG_Q2_K
    int sum = 0, least = 0;
    [[unroll]] for (uint s = 0; s < 4; ++s) {
        const uint scale = u.scales >> (8 * s);
        const int part = dot16((u.codes >> (2 * s)) & 0x03030303u, x_codes[at + s * units], 0);
        sum += int(scale & 15u) * part;
        least += int(scale >> 4 & 15u) * x_sums[at + s * units];
    }
    const float xd = x_scales[column * (pieces / 16) + unit / 4];
    return (xd * u.d.x) * float(sum) - (xd * u.d.y) * float(least);
#elif SG_TYPE == SG_IQ2_XXS
    int total = 0;
    [[unroll]] for (uint b = 0; b < 2; ++b) {
        const uvec2 code = b == 0 ? u.codes.xy : u.codes.zw;
        int sum = 0;
        [[unroll]] for (uint half_ = 0; half_ < 2; ++half_) {
            const uvec4 x = x_codes[at + (2 * b + half_) * units];
            const uvec2 low = iq2_eight(code, 2 * half_);
            const uvec2 high = iq2_eight(code, 2 * half_ + 1);
            sum = dot16(uvec4(low, high), x, sum);
        }
        total += int(2 * (code.y >> 28) + 1) * sum;
    }
    return u.d * x_scales[column * (pieces / 16) + unit / 4] * float(total) * 0.125;
#elif SG_TYPE == SG_Q4_K
    const uint pair = (unit & 7) / 2;
    const vec2 d = unpackHalf2x16(u.head.x);
    const uvec2 low = q4_scale(u.head, 2 * pair);
    const uvec2 high = q4_scale(u.head, 2 * pair + 1);
    const int sum =
        int(low.x) * dot16(u.codes & 0x0F0F0F0Fu, x_codes[at], 0) +
        int(high.x) * dot16((u.codes >> 4) & 0x0F0F0F0Fu, x_codes[at + units], 0);
    const int least = int(low.y) * x_sums[at] + int(high.y) * x_sums[at + units];
    const float xd = x_scales[column * (pieces / 16) + unit / 8];
    return (xd * d.x) * float(sum) - (xd * d.y) * float(least);
#endif
}

#else  // f32 values

#if SG_TYPE <= SG_IQ2_XXS
float byte_at(uint word, uint i) {
    return float(bitfieldExtract(int(word), int(8 * i), 8));
}
float dot_bytes(uvec4 codes, Floats x, uint base) {
    float sum = 0.0;
    [[unroll]] for (uint i = 0; i < 16; ++i) sum += byte_at(codes[i / 4], i % 4) * x.v[base + i];
    return sum;
}
float sum_16(Floats x, uint base) {
    float sum = 0.0;
    [[unroll]] for (uint i = 0; i < 16; ++i) sum += x.v[base + i];
    return sum;
}
#endif

// `base`: of the row's first element in x.
float meet_values(Unit u, uint unit, Floats x, uint base) {
#if SG_TYPE == SG_Q8_0
    return u.d * dot_bytes(u.codes, x, base + unit * 16);
#elif SG_TYPE == SG_Q2_K
    const uint first = base + unit / 4 * 256 + (unit >> 1 & 1) * 128 + (unit & 1) * 16;
    float sum = 0.0;
    [[unroll]] for (uint s = 0; s < 4; ++s) {
        const uint scale = u.scales >> (8 * s);
        sum += u.d.x * float(scale & 15u) *
                   dot_bytes((u.codes >> (2 * s)) & 0x03030303u, x, first + 32 * s) -
               u.d.y * float(scale >> 4 & 15u) * sum_16(x, first + 32 * s);
    }
    return sum;
#elif SG_TYPE == SG_IQ2_XXS
    float total = 0.0;
    [[unroll]] for (uint b = 0; b < 2; ++b) {
        const uvec2 code = b == 0 ? u.codes.xy : u.codes.zw;
        float sum = 0.0;
        [[unroll]] for (uint half_ = 0; half_ < 2; ++half_)
            sum += dot_bytes(uvec4(iq2_eight(code, 2 * half_), iq2_eight(code, 2 * half_ + 1)), x,
                             base + unit * 64 + b * 32 + half_ * 16);
        total += u.d * (0.5 + float(code.y >> 28)) * 0.25 * sum;
    }
    return total;
#elif SG_TYPE == SG_Q4_K
    const uint pair = (unit & 7) / 2;
    const uint first = base + unit / 8 * 256 + pair * 64 + (unit & 1) * 16;
    const vec2 d = unpackHalf2x16(u.head.x);
    const uvec2 low = q4_scale(u.head, 2 * pair);
    const uvec2 high = q4_scale(u.head, 2 * pair + 1);
    return d.x * float(low.x) * dot_bytes(u.codes & 0x0F0F0F0Fu, x, first) -
           d.y * float(low.y) * sum_16(x, first) +
           d.x * float(high.x) * dot_bytes((u.codes >> 4) & 0x0F0F0F0Fu, x, first + 32) -
           d.y * float(high.y) * sum_16(x, first + 32);
#elif SG_TYPE == SG_F16
    const uint at = base + unit * 8;
    float sum = 0.0;
    [[unroll]] for (uint i = 0; i < 4; ++i) {
        const vec2 two = unpackHalf2x16(u.codes[i]);
        sum += two.x * x.v[at + 2 * i] + two.y * x.v[at + 2 * i + 1];
    }
    return sum;
#else
    const uint at = base + unit * 4;
    const vec4 w = uintBitsToFloat(u.codes);
    return w.x * x.v[at] + w.y * x.v[at + 1] + w.z * x.v[at + 2] + w.w * x.v[at + 3];
#endif
}
#endif

#if SG_MODE == 0

void main() {
    const uint width = uint(p.width), out_rows = uint(p.out_rows);
    const uint group = gl_WorkGroupID.z;
    const uint first_column = gl_WorkGroupID.y * kColumns;
    const uint columns = min(kColumns, uint(p.rows) - first_column);
    const uint matrix = p.used != 0 ? p.selected.v[first_column] : group;
    const uint x_row = p.used != 0 ? first_column / uint(p.used) : first_column;
    const uint x_base = x_row * uint(p.x_stride) + group * width;
    Planes w = make_planes(p.codes, p.scales, p.extra, width);
#if SG_TYPE == SG_IQ2_XXS
    load_grid(p.grid);
    barrier();
#endif
#ifdef SG_INT8
    const uint chunk = min(width, kChunkBytes / kColumns);
    if (chunk == width) quantise(p.x, uint(p.x_stride), columns, x_base, width);
#endif
    const uint block_rows = gl_NumSubgroups * kRowsTogether;
    for (uint block = 0; block < kBlocks; ++block) {
        const uint row = (gl_WorkGroupID.x * kBlocks + block) * block_rows + gl_SubgroupID * kRowsTogether;
        float sum[kRowsTogether * kColumns];
        for (uint i = 0; i < kRowsTogether * kColumns; ++i) sum[i] = 0.0;
#ifdef SG_INT8
        for (uint first = 0; first < width; first += chunk) {
            const uint count = min(chunk, width - first);
            if (chunk != width) quantise(p.x, uint(p.x_stride), columns, x_base + first, count);
            for (uint unit = gl_SubgroupInvocationID; unit < count / kUnit; unit += gl_SubgroupSize) {
                Unit u[kRowsTogether];
                [[unroll]] for (uint r = 0; r < kRowsTogether; ++r)
                    u[r] = load_unit(w, matrix * out_rows + min(row + r, out_rows - 1),
                                     first / kUnit + unit);
                for (uint c = 0; c < columns; ++c)
                    [[unroll]] for (uint r = 0; r < kRowsTogether; ++r)
                        sum[c * kRowsTogether + r] += meet(u[r], c, unit, count / 16, count / kUnit);
            }
        }
#else
        if (SG_TYPE <= SG_IQ2_XXS || p.aligned != 0) {
            for (uint unit = gl_SubgroupInvocationID; unit < width / kUnit; unit += gl_SubgroupSize) {
                Unit u[kRowsTogether];
                [[unroll]] for (uint r = 0; r < kRowsTogether; ++r)
                    u[r] = load_unit(w, matrix * out_rows + min(row + r, out_rows - 1), unit);
                for (uint c = 0; c < columns; ++c)
                    [[unroll]] for (uint r = 0; r < kRowsTogether; ++r)
                        sum[c * kRowsTogether + r] +=
                            meet_values(u[r], unit, p.x, x_base + c * uint(p.x_stride));
            }
        }
#if SG_TYPE == SG_F16 || SG_TYPE == SG_F32
        else {
            // A row that is no multiple of a vector.
            for (uint i = gl_SubgroupInvocationID; i < width; i += gl_SubgroupSize)
                for (uint r = 0; r < kRowsTogether; ++r) {
                    const uint at = (matrix * out_rows + min(row + r, out_rows - 1)) * w.row_scales;
#if SG_TYPE == SG_F16
                    const float value = half_at(w.scales, 2 * at + i);
#else
                    const float value = uintBitsToFloat(w.scales.v[at + i]);
#endif
                    for (uint c = 0; c < columns; ++c)
                        sum[c * kRowsTogether + r] +=
                            value * p.x.v[x_base + c * uint(p.x_stride) + i];
                }
        }
#endif
#endif
        for (uint c = 0; c < columns; ++c)
            for (uint r = 0; r < kRowsTogether; ++r) {
                const float total = subgroupAdd(sum[c * kRowsTogether + r]);
                if (subgroupElect() && row + r < out_rows)
                    p.y.v[(first_column + c) * uint(p.y_stride) + group * out_rows + row + r] = total;
            }
    }
}

#elif SG_MODE == 1

#include "swiglu.glsl"

void main() {
    const uint width = uint(p.width), out_rows = uint(p.out_rows);
    const uint pair = gl_WorkGroupID.y;
    const uint expert = p.routed != 0 ? p.selected.v[pair] : 0;
    const float weight = p.routed != 0 ? p.weights.v[pair] : 1.0;
    const uint x_base = pair / uint(p.used) * width;
    Planes gate = make_planes(p.gate_codes, p.gate_scales, p.gate_extra, width);
    Planes up = make_planes(p.up_codes, p.up_scales, p.up_extra, width);
#if SG_TYPE == SG_IQ2_XXS
    load_grid(p.grid);
    barrier();
#endif
#ifdef SG_INT8
    const uint chunk = min(width, kChunkBytes);
    if (chunk == width) quantise(p.x, 0, 1, x_base, width);
#else
    const uint chunk = width;
#endif
    const uint block_rows = gl_NumSubgroups * kRowsTogether;
    for (uint block = 0; block < kBlocks; ++block) {
        const uint row = (gl_WorkGroupID.x * kBlocks + block) * block_rows + gl_SubgroupID * kRowsTogether;
        float gates[kRowsTogether], ups[kRowsTogether];
        for (uint r = 0; r < kRowsTogether; ++r) gates[r] = ups[r] = 0.0;
        for (uint first = 0; first < width; first += chunk) {
            const uint count = min(chunk, width - first);
#ifdef SG_INT8
            if (chunk != width) quantise(p.x, 0, 1, x_base + first, count);
#endif
            for (uint unit = gl_SubgroupInvocationID; unit < count / kUnit; unit += gl_SubgroupSize) {
                Unit g[kRowsTogether], u[kRowsTogether];
                [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) {
                    const uint at = expert * out_rows + min(row + r, out_rows - 1);
                    g[r] = load_unit(gate, at, first / kUnit + unit);
                    u[r] = load_unit(up, at, first / kUnit + unit);
                }
                [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) {
#ifdef SG_INT8
                    gates[r] += meet(g[r], 0, unit, count / 16, count / kUnit);
                    ups[r] += meet(u[r], 0, unit, count / 16, count / kUnit);
#else
                    gates[r] += meet_values(g[r], unit, p.x, x_base);
                    ups[r] += meet_values(u[r], unit, p.x, x_base);
#endif
                }
            }
        }
        for (uint r = 0; r < kRowsTogether; ++r) {
            const float g = subgroupAdd(gates[r]);
            const float u = subgroupAdd(ups[r]);
            if (subgroupElect() && row + r < out_rows)
                p.hidden.v[pair * out_rows + row + r] = swiglu(g, u, p.clamp) * weight;
        }
    }
}

#else

void main() {
    const uint width = uint(p.width), out_rows = uint(p.out_rows), used = uint(p.used);
    const uint token = gl_WorkGroupID.y;
    Planes w = make_planes(p.codes, p.scales, p.extra, width);
#if SG_TYPE == SG_IQ2_XXS
    load_grid(p.grid);
    barrier();
#endif
    // The token's hidden vectors are one long one, cut between experts.
    const uint x_base = token * used * width;
#ifdef SG_INT8
    const uint together = max(1, min(used, kChunkBytes / width));  // experts in shared memory
    const uint chunk = min(width, kChunkBytes);
    const bool all = together == used && chunk == width;
    if (all) quantise(p.x, 0, 1, x_base, used * width);
#else
    const uint together = used, chunk = width;
    const bool all = true;
#endif
    const uint block_rows = gl_NumSubgroups * kRowsTogether;
    for (uint block = 0; block < kBlocks; ++block) {
        const uint row = (gl_WorkGroupID.x * kBlocks + block) * block_rows + gl_SubgroupID * kRowsTogether;
        float total[kRowsTogether];
        for (uint r = 0; r < kRowsTogether; ++r) total[r] = 0.0;
        for (uint k0 = 0; k0 < used; k0 += together) {
            const uint experts = min(together, used - k0);
            for (uint first = 0; first < width; first += chunk) {
                const uint count = chunk == width ? experts * width : min(chunk, width - first);
#ifdef SG_INT8
                if (!all) quantise(p.x, 0, 1, x_base + k0 * width + first, count);
#endif
                const uint units = min(chunk, width - first) / kUnit;
                for (uint unit = gl_SubgroupInvocationID; unit < count / kUnit; unit += gl_SubgroupSize) {
                    const uint k = unit / units;
                    const uint expert = p.routed != 0 ? p.selected.v[token * used + k0 + k] : 0;
                    Unit u[kRowsTogether];
                    [[unroll]] for (uint r = 0; r < kRowsTogether; ++r)
                        u[r] = load_unit(w, expert * out_rows + min(row + r, out_rows - 1),
                                         first / kUnit + unit - k * units);
                    [[unroll]] for (uint r = 0; r < kRowsTogether; ++r)
#ifdef SG_INT8
                        total[r] += meet(u[r], 0, unit, count / 16, count / kUnit);
#else
                        total[r] += meet_values(u[r], unit - k * units, p.x,
                                                x_base + (k0 + k) * width + first);
#endif
                }
            }
        }
        for (uint r = 0; r < kRowsTogether; ++r) {
            const float sum = subgroupAdd(total[r]);
            if (subgroupElect() && row + r < out_rows) {
                const uint at = token * out_rows + row + r;
                p.y.v[at] = p.added != 0 ? sum + p.addend.v[at] : sum;
            }
        }
    }
}

#endif
