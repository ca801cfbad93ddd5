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
layout(constant_id = 3) const uint kShared = 8192;  // quantised elements in shared memory, all columns

#ifdef SG_INT8
shared uvec4 x_codes[kShared / 16];
#if SG_TYPE == SG_Q2_K || SG_TYPE == SG_Q4_K
shared int x_sums[kShared / 16];  // of 16 codes
#endif
#if SG_TYPE == SG_Q8_0
shared float x_scales[kShared / 32];
#else
shared float x_scales[kShared / 256];
#endif
shared float x_extremes[256];

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

// Quantises `count` elements (a multiple of the block) of every column; a barrier before and after. A
// turn takes 4096 elements, sixteen an invocation, which stay in registers between the two halves.
void quantise(Floats x, uint stride, uint columns, uint first, uint count) {
    const uint pieces = count / 16;
    const uint units = count / kUnit;
    const float kNaN = uintBitsToFloat(0x7FC00000u);
    const uint lane = gl_LocalInvocationIndex;
    for (uint turn = 0; turn < pieces * columns; turn += 256) {
        const uint t = turn + lane;
        const uint column = t / pieces;
        const uint e = t - column * pieces;
        vec4 v[4];
        float extreme = 0.0;
        bool broken = false;
        if (t < pieces * columns) {
            FloatVecs from = FloatVecs(x);
            const uint base = (column * stride + first) / 4 + e * 4;
            [[unroll]] for (uint i = 0; i < 4; ++i) v[i] = from.v[base + i];
            [[unroll]] for (uint i = 0; i < 16; ++i) {
                const float value = v[i / 4][i % 4];
                broken = broken || is_broken(value);
                if (abs(value) > abs(extreme)) extreme = value;
            }
        }
        barrier();
        x_extremes[lane] = broken ? kNaN : extreme;
        barrier();
        if (t < pieces * columns) {
#if SG_TYPE == SG_Q8_0
            const uint block_pieces = 2;
#else
            const uint block_pieces = 16;
#endif
            const uint begin = lane - e % block_pieces;
            extreme = 0.0;
            broken = false;
            [[unroll]] for (uint i = 0; i < block_pieces; ++i) {
                const float other = x_extremes[begin + i];
                broken = broken || is_broken(other);
                if (abs(other) > abs(extreme)) extreme = other;
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
                    const ivec4 q = ivec4(clamp(roundEven(v[i] * inverse), -128.0, 127.0));
                    sum += q.x + q.y + q.z + q.w;
                    codes[i] = pack4(q);
                }
            }
            const uint at = column * pieces + place_of(e, units);
            x_codes[at] = codes;
#if SG_TYPE == SG_Q2_K || SG_TYPE == SG_Q4_K
            x_sums[at] = sum;
#endif
            if (lane == begin) x_scales[t / block_pieces] = broken ? kNaN : d;
        }
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
    FloatVecs from = FloatVecs(x);
    const uint at = base / 4 + unit * 2;
    const vec4 low = from.v[at], high = from.v[at + 1];
    return dot(vec4(unpackHalf2x16(u.codes.x), unpackHalf2x16(u.codes.y)), low) +
           dot(vec4(unpackHalf2x16(u.codes.z), unpackHalf2x16(u.codes.w)), high);
#else
    FloatVecs from = FloatVecs(x);
    return dot(uintBitsToFloat(u.codes), from.v[base / 4 + unit]);
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
    const uint lane = gl_SubgroupInvocationID;
    const uint block_rows = gl_NumSubgroups * kRowsTogether;
    const uint first_row =
        gl_WorkGroupID.x * kBlocks * block_rows + gl_SubgroupID * kRowsTogether;
    const uint matrix_row = matrix * out_rows;
    const uint out_base = p.used != 0 ? 0 : group * out_rows;

#if SG_TYPE >= SG_F16
    if (p.aligned == 0) {
        // Rows that are no whole vectors.
        for (uint block = 0; block < kBlocks; ++block) {
            const uint row = first_row + block * block_rows;
            [[unroll]] for (uint r = 0; r < kRowsTogether; ++r)
                for (uint c = 0; c < columns; ++c) {
                    const uint at = (matrix_row + min(row + r, out_rows - 1)) * w.row_scales;
                    float sum = 0.0;
                    for (uint i = lane; i < width; i += gl_SubgroupSize) {
#if SG_TYPE == SG_F16
                        const float value = half_at(w.scales, 2 * at + i);
#else
                        const float value = uintBitsToFloat(w.scales.v[at + i]);
#endif
                        sum += value * p.x.v[x_base + c * uint(p.x_stride) + i];
                    }
                    sum = subgroupAdd(sum);
                    if (subgroupElect() && row + r < out_rows)
                        p.y.v[(first_column + c) * uint(p.y_stride) + out_base + row + r] = sum;
                }
        }
        return;
    }
#endif

    // All of the vector in shared memory at once, or a chunk of it after the other.
#ifdef SG_INT8
    const uint chunk = min(width, kShared / kColumns);
#else
    const uint chunk = width;
#endif
    const uint all_units = width / kUnit;
    // Steps of a lane through the rows it shares, block after block. Two steps are on the way while
    // one is met: that many bytes in flight are what a fast memory asks for.
    const uint block_steps = (all_units + gl_SubgroupSize - 1) / gl_SubgroupSize;
    Unit next[kRowsTogether], after[kRowsTogether];
#define LOAD_STEP(to, step)                                                            \
    {                                                                                  \
        const uint block_ = (step) / block_steps;                                      \
        const uint unit_ = ((step) - block_ * block_steps) * gl_SubgroupSize + lane;   \
        const uint row_ = first_row + block_ * block_rows;                             \
        if (unit_ < all_units)                                                         \
            [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) to[r] =                \
                load_unit(w, matrix_row + min(row_ + r, out_rows - 1), unit_);         \
    }
    LOAD_STEP(next, 0)
    if (block_steps * kBlocks > 1) LOAD_STEP(after, 1)
#if SG_TYPE == SG_IQ2_XXS
    load_grid(p.grid);
    barrier();
#endif
#ifdef SG_INT8
    if (chunk == width) quantise(p.x, uint(p.x_stride), columns, x_base, width);
#endif
    uint step = 0;
    for (uint block = 0; block < kBlocks; ++block) {
        const uint row = first_row + block * block_rows;
        float sum[kRowsTogether * kColumns];
        [[unroll]] for (uint i = 0; i < kRowsTogether * kColumns; ++i) sum[i] = 0.0;
        for (uint first = 0; first < width; first += chunk) {
            const uint count = min(chunk, width - first);
            const uint units = count / kUnit;
#ifdef SG_INT8
            if (chunk != width) quantise(p.x, uint(p.x_stride), columns, x_base + first, count);
#endif
            for (uint begin = 0; begin < units; begin += gl_SubgroupSize) {
                const uint unit = begin + lane;
                Unit u[kRowsTogether];
                if (chunk == width) {
                    [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) {
                        u[r] = next[r];
                        next[r] = after[r];
                    }
                    if (step + 2 < block_steps * kBlocks) LOAD_STEP(after, step + 2)
                    ++step;
                } else if (unit < units) {
                    [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) u[r] =
                        load_unit(w, matrix_row + min(row + r, out_rows - 1), first / kUnit + unit);
                }
                if (unit >= units) continue;
                [[unroll]] for (uint c = 0; c < kColumns; ++c)
                    [[unroll]] for (uint r = 0; r < kRowsTogether; ++r)
#ifdef SG_INT8
                        sum[c * kRowsTogether + r] +=
                            meet(u[r], min(c, columns - 1), unit, count / 16, units);
#else
                        sum[c * kRowsTogether + r] += meet_values(
                            u[r], unit, p.x, x_base + min(c, columns - 1) * uint(p.x_stride));
#endif
            }
        }
        [[unroll]] for (uint c = 0; c < kColumns; ++c)
            [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) {
                const float total = subgroupAdd(sum[c * kRowsTogether + r]);
                if (subgroupElect() && row + r < out_rows && c < columns)
                    p.y.v[(first_column + c) * uint(p.y_stride) + out_base + row + r] = total;
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
    const uint lane = gl_SubgroupInvocationID;
    const uint block_rows = gl_NumSubgroups * kRowsTogether;
    const uint first_row =
        gl_WorkGroupID.x * kBlocks * block_rows + gl_SubgroupID * kRowsTogether;
#ifdef SG_INT8
    const uint chunk = min(width, kShared);
#else
    const uint chunk = width;
#endif
    Unit ahead_gate[kRowsTogether], ahead_up[kRowsTogether];
#define LOAD_AHEAD(row, unit)                                              \
    [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) {                  \
        const uint at_ = expert * out_rows + min((row) + r, out_rows - 1); \
        ahead_gate[r] = load_unit(gate, at_, unit);                        \
        ahead_up[r] = load_unit(up, at_, unit);                            \
    }
    if (lane < chunk / kUnit) {
        LOAD_AHEAD(first_row, lane)
    }
#if SG_TYPE == SG_IQ2_XXS
    load_grid(p.grid);
    barrier();
#endif
#ifdef SG_INT8
    if (chunk == width) quantise(p.x, 0, 1, x_base, width);
#endif
    for (uint block = 0; block < kBlocks; ++block) {
        const uint row = first_row + block * block_rows;
        float gates[kRowsTogether], ups[kRowsTogether];
        [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) gates[r] = ups[r] = 0.0;
        for (uint first = 0; first < width; first += chunk) {
            const uint count = min(chunk, width - first);
            const uint units = count / kUnit;
#ifdef SG_INT8
            if (chunk != width) quantise(p.x, 0, 1, x_base + first, count);
#endif
            for (uint unit = lane; unit < units; unit += gl_SubgroupSize) {
                Unit g[kRowsTogether], u[kRowsTogether];
                [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) {
                    g[r] = ahead_gate[r];
                    u[r] = ahead_up[r];
                }
                if (unit + gl_SubgroupSize < units) {
                    LOAD_AHEAD(row, first / kUnit + unit + gl_SubgroupSize)
                } else if (first + count < width) {
                    if (lane < min(chunk, width - first - count) / kUnit) {
                        LOAD_AHEAD(row, (first + count) / kUnit + lane)
                    }
                } else if (block + 1 < kBlocks) {
                    LOAD_AHEAD(row + block_rows, lane)
                }
                [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) {
#ifdef SG_INT8
                    gates[r] += meet(g[r], 0, unit, count / 16, units);
                    ups[r] += meet(u[r], 0, unit, count / 16, units);
#else
                    gates[r] += meet_values(g[r], unit, p.x, x_base);
                    ups[r] += meet_values(u[r], unit, p.x, x_base);
#endif
                }
            }
        }
        [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) {
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
    const uint lane = gl_SubgroupInvocationID;
    const uint block_rows = gl_NumSubgroups * kRowsTogether;
    const uint first_row =
        gl_WorkGroupID.x * kBlocks * block_rows + gl_SubgroupID * kRowsTogether;
    // The token's hidden vectors are one long one, cut between experts.
    const uint x_base = token * used * width;
#ifdef SG_INT8
    const uint together = max(1, min(used, kShared / width));  // experts in shared memory
    const uint chunk = min(width, kShared);
    const bool all = together == used && chunk == width;
#else
    const uint together = used, chunk = width;
    const bool all = true;
#endif
    const uint expert_units = width / kUnit, all_units = used * expert_units;
    const uint block_steps = (all_units + gl_SubgroupSize - 1) / gl_SubgroupSize;
    Unit next[kRowsTogether], after[kRowsTogether];
#define LOAD_UNIT(to, row, k, unit)                                                      \
    {                                                                                    \
        const uint expert_ = p.routed != 0 ? p.selected.v[token * used + (k)] : 0;       \
        [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) to[r] =                      \
            load_unit(w, expert_ * out_rows + min((row) + r, out_rows - 1), unit);       \
    }
#define LOAD_STEP(to, step)                                                              \
    {                                                                                    \
        const uint block_ = (step) / block_steps;                                        \
        const uint unit_ = ((step) - block_ * block_steps) * gl_SubgroupSize + lane;     \
        if (unit_ < all_units)                                                           \
            LOAD_UNIT(to, first_row + block_ * block_rows, unit_ / expert_units,         \
                      unit_ % expert_units)                                              \
    }
    if (all) {
        LOAD_STEP(next, 0)
        if (block_steps * kBlocks > 1) LOAD_STEP(after, 1)
    }
#if SG_TYPE == SG_IQ2_XXS
    load_grid(p.grid);
    barrier();
#endif
#ifdef SG_INT8
    if (all) quantise(p.x, 0, 1, x_base, used * width);
#endif
    uint step = 0;
    for (uint block = 0; block < kBlocks; ++block) {
        const uint row = first_row + block * block_rows;
        float total[kRowsTogether];
        [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) total[r] = 0.0;
        for (uint k0 = 0; k0 < used; k0 += together) {
            const uint experts = min(together, used - k0);
            for (uint first = 0; first < width; first += chunk) {
                const uint count = chunk == width ? experts * width : min(chunk, width - first);
                const uint units = min(chunk, width - first) / kUnit;  // of one expert
#ifdef SG_INT8
                if (!all) quantise(p.x, 0, 1, x_base + k0 * width + first, count);
#endif
                for (uint begin = 0; begin < count / kUnit; begin += gl_SubgroupSize) {
                    const uint unit = begin + lane;
                    Unit u[kRowsTogether];
                    if (all) {
                        [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) {
                            u[r] = next[r];
                            next[r] = after[r];
                        }
                        if (step + 2 < block_steps * kBlocks) LOAD_STEP(after, step + 2)
                        ++step;
                    } else if (unit < count / kUnit) {
                        LOAD_UNIT(u, row, k0 + unit / units, first / kUnit + unit % units)
                    }
                    if (unit >= count / kUnit) continue;
                    [[unroll]] for (uint r = 0; r < kRowsTogether; ++r)
#ifdef SG_INT8
                        total[r] += meet(u[r], 0, unit, count / 16, count / kUnit);
#else
                        total[r] += meet_values(u[r], unit % units, p.x,
                                                x_base + (k0 + unit / units) * width + first);
#endif
                }
            }
        }
        [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) {
            const float sum = subgroupAdd(total[r]);
            if (subgroupElect() && row + r < out_rows) {
                const uint at = token * out_rows + row + r;
                p.y.v[at] = p.added != 0 ? sum + p.addend.v[at] : sum;
            }
        }
    }
}

#endif
