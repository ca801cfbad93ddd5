// SPDX-License-Identifier: MIT
//
// Products of weight rows with one vector or a few. A subgroup takes SG_ROWS_TOGETHER rows at a
// time, each lane a unit of 16 bytes of codes of every one of them; where there are too few rows to
// fill the device, several subgroups share a row. The vector comes quantised (mat_quantise.comp),
// and what is made may be quantised for the next product.
//
// SG_MODE 0: y = W x, by groups.  1: gate, up and SwiGLU of chosen experts.  2: down, summed over a
// token's experts in order.  3: several matrices of one type and one vector.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_buffer_reference_uvec2 : require
#include "mat_vec_params.h"
#include "block_dot.glsl"
#if SG_MODE <= 1
#include "quantise_joint.glsl"
#endif

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint kRowsTogether = 2;
layout(constant_id = 1) const uint kColumns = 1;    // vectors met at once
layout(constant_id = 2) const uint kBlocks = 1;     // of rows, one after the other
#if SG_MODE == 3
uint kSplit;
#else
layout(constant_id = 3) const uint kSplit = 1;      // subgroups that share a row
#endif
layout(constant_id = 4) const uint kDepth = 2;      // units of a lane on their way at once

#ifdef SG_INT8
#include "mat_quantised.glsl"

int dot16(uvec4 a, uvec4 b, int sum) {
    return dot4(a.w, b.w, dot4(a.z, b.z, dot4(a.y, b.y, dot4(a.x, b.x, sum))));
}

// A unit of a row and the same of a vector of `units`.
float meet(Unit u, Quantised x, uint unit, uint units) {
#if SG_TYPE == SG_Q8_0
    const int sum = dot16(u.codes, codes_at(x, unit), 0);
    return u.d * scale_at(x, unit / 2) * float(sum);
#elif SG_TYPE == SG_Q2_K
    int sum = 0, least = 0;
    [[unroll]] for (uint s = 0; s < 4; ++s) {
        const uint scale = u.scales >> (8 * s);
        const int part = dot16((u.codes >> (2 * s)) & 0x03030303u, codes_at(x, unit + s * units), 0);
        sum += int(scale & 15u) * part;
        least += int(scale >> 4 & 15u) * sum_at(x, unit + s * units);
    }
    const float xd = scale_at(x, unit / 4);
    return (xd * u.d.x) * float(sum) - (xd * u.d.y) * float(least);
#elif SG_TYPE == SG_IQ2_XXS
    int total = 0;
    [[unroll]] for (uint b = 0; b < 2; ++b) {
        const uvec2 code = b == 0 ? u.codes.xy : u.codes.zw;
        int sum = 0;
        [[unroll]] for (uint half_ = 0; half_ < 2; ++half_) {
            const uvec4 sixteen = codes_at(x, unit + (2 * b + half_) * units);
            const uvec2 low = iq2_eight(code, 2 * half_);
            const uvec2 high = iq2_eight(code, 2 * half_ + 1);
            sum = dot16(uvec4(low, high), sixteen, sum);
        }
        total += int(2 * (u.scales >> (4 * b) & 15u) + 1) * sum;
    }
    return u.d * scale_at(x, unit / 4) * float(total) * 0.125;
#elif SG_TYPE == SG_Q4_K
    const uint pair = (unit & 7) / 2;
    const vec2 d = unpackHalf2x16(u.head.x);
    const uvec2 low = q4_scale(u.head, 2 * pair);
    const uvec2 high = q4_scale(u.head, 2 * pair + 1);
    const int sum =
        int(low.x) * dot16(u.codes & 0x0F0F0F0Fu, codes_at(x, unit), 0) +
        int(high.x) * dot16((u.codes >> 4) & 0x0F0F0F0Fu, codes_at(x, unit + units), 0);
    const int least = int(low.y) * sum_at(x, unit) + int(high.y) * sum_at(x, unit + units);
    const float xd = scale_at(x, unit / 8);
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
        total += u.d * (0.5 + float(u.scales >> (4 * b) & 15u)) * 0.25 * sum;
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

// The sums of the subgroups that share rows, in order; each gives `value` for result `which` of
// `results`. Those with gl_SubgroupID % kSplit == 0 get the sum.
shared float split_parts[512];

float join(float value, uint which, uint results) {
    value = subgroupAdd(value);
    if (kSplit == 1) return value;
    if (subgroupElect()) split_parts[gl_SubgroupID * results + which] = value;
    return value;
}

float joined(float value, uint which, uint results) {
    if (kSplit == 1) return value;
    float sum = 0.0;
    for (uint i = 0; i < kSplit; ++i)
        sum += split_parts[(gl_SubgroupID / kSplit * kSplit + i) * results + which];
    return sum;
}

#define TEAM_LANE (gl_SubgroupID % kSplit * gl_SubgroupSize + gl_SubgroupInvocationID)
#define TEAM_LANES (kSplit * gl_SubgroupSize)
#define BLOCK_ROWS (gl_NumSubgroups / kSplit * kRowsTogether)
#define FIRST_ROW \
    (gl_WorkGroupID.x * kBlocks * BLOCK_ROWS + gl_SubgroupID / kSplit * kRowsTogether)

// A lane's units of a row: its own, then one every TEAM_LANES. kDepth of them are on their way while
// one is met, in registers that loops unrolled by kDepth name by constants: a unit that had to move
// from one register to the next would have to have arrived.
#define WALK(units)                                                      \
    for (uint base = 0; base < (units); base += kDepth * TEAM_LANES) \
        [[unroll]] for (uint d = 0; d < kDepth; ++d)

#if SG_MODE == 0

void main() {
    const uint width = uint(p.width), out_rows = uint(p.out_rows);
    const uint group = gl_WorkGroupID.z;
    const uint first_column = gl_WorkGroupID.y * kColumns;
    const uint columns = min(kColumns, uint(p.rows) - first_column);
    const uint matrix = p.used != 0 ? p.selected.v[first_column] : group;
    const uint x_row = p.used != 0 ? first_column / uint(p.used) : first_column;
    Planes w = make_planes(p.codes, p.scales, p.extra, width);
    const uint first_row = FIRST_ROW;
    const uint matrix_row = matrix * out_rows;
    const uint out_base = p.used != 0 ? 0 : group * out_rows;
    const uint results = kRowsTogether * kColumns;

#ifdef SG_INT8
    Quantised x[kColumns];
    [[unroll]] for (uint c = 0; c < kColumns; ++c)
        x[c] = quantised(p.x, (x_row + min(c, columns - 1)) * gl_NumWorkGroups.z + group, width);
#else
    const uint x_base = x_row * uint(p.x_stride) + group * width;
#endif

#if SG_TYPE >= SG_F16
    if (p.aligned == 0) {
        // Rows that are no whole vectors.
        for (uint block = 0; block < kBlocks; ++block) {
            const uint row = first_row + block * BLOCK_ROWS;
            [[unroll]] for (uint r = 0; r < kRowsTogether; ++r)
                [[unroll]] for (uint c = 0; c < kColumns; ++c) {
                    const uint at = (matrix_row + min(row + r, out_rows - 1)) * w.row_scales;
                    const uint from = x_base + min(c, columns - 1) * uint(p.x_stride);
                    float sum = 0.0;
                    for (uint i = TEAM_LANE; i < width; i += TEAM_LANES) {
#if SG_TYPE == SG_F16
                        const float value = half_at(w.scales, 2 * at + i);
#else
                        const float value = uintBitsToFloat(w.scales.v[at + i]);
#endif
                        sum += value * p.x.v[from + i];
                    }
                    barrier();
                    sum = join(sum, 0, 1);
                    barrier();
                    sum = joined(sum, 0, 1);
                    if (subgroupElect() && gl_SubgroupID % kSplit == 0 && row + r < out_rows &&
                        c < columns)
                        p.y.v[(first_column + c) * uint(p.y_stride) + out_base + row + r] = sum;
                }
        }
        return;
    }
#endif

    const uint units = width / kUnit;
    const uint lane = TEAM_LANE;
    Unit queue[kDepth][kRowsTogether];
#define LOAD(unit)                                                                     \
    if ((unit) < units)                                                                \
        [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) queue[d][r] =              \
            load_unit(w, matrix_row + min(row + r, out_rows - 1), unit);
    for (uint block = 0; block < kBlocks; ++block) {
        const uint row = first_row + block * BLOCK_ROWS;
        [[unroll]] for (uint d = 0; d < kDepth; ++d) LOAD(lane + d * TEAM_LANES)
#if SG_TYPE == SG_IQ2_XXS
        if (block == 0) {
            load_grid(p.grid);
            barrier();
        }
#endif
        float sum[kRowsTogether * kColumns];
        [[unroll]] for (uint i = 0; i < kRowsTogether * kColumns; ++i) sum[i] = 0.0;
        WALK(units) {
            const uint unit = base + d * TEAM_LANES + lane;
            Unit u[kRowsTogether];
            [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) u[r] = queue[d][r];
            LOAD(unit + kDepth * TEAM_LANES)
            if (unit < units)
                [[unroll]] for (uint c = 0; c < kColumns; ++c)
                    [[unroll]] for (uint r = 0; r < kRowsTogether; ++r)
#ifdef SG_INT8
                        sum[c * kRowsTogether + r] += meet(u[r], x[c], unit, units);
#else
                        sum[c * kRowsTogether + r] += meet_values(
                            u[r], unit, p.x, x_base + min(c, columns - 1) * uint(p.x_stride));
#endif
        }
        if (kSplit > 1) barrier();
        [[unroll]] for (uint i = 0; i < results; ++i) sum[i] = join(sum[i], i, results);
        if (kSplit > 1) barrier();
        [[unroll]] for (uint c = 0; c < kColumns; ++c)
            [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) {
                const float total =
                    joined(sum[c * kRowsTogether + r], c * kRowsTogether + r, results);
                if (subgroupElect() && gl_SubgroupID % kSplit == 0 && row + r < out_rows &&
                    c < columns)
                    JointFloats(p.y)
                        .v[(first_column + c) * uint(p.y_stride) + out_base + row + r] = total;
            }
    }
    if (kForm != kFormNone)
        quantise_jointly(JointFloats(p.y), out_base + gl_WorkGroupID.x * kBlocks * BLOCK_ROWS,
                         kBlocks * BLOCK_ROWS, p.form, p.ended, uint(p.form_width));
}

#elif SG_MODE == 1

#include "swiglu.glsl"

// Half of the subgroups meets rows of gate, the other half the same rows of up.
void main() {
    const uint width = uint(p.width), out_rows = uint(p.out_rows);
    const uint pair = gl_WorkGroupID.y;
    const uint expert = p.routed != 0 ? p.selected.v[pair] : 0;
    const uint team = gl_SubgroupID / kSplit;
    const uint couples = gl_NumSubgroups / kSplit / 2;
    const uint couple = team >> 1;
    const uint block_rows = couples * kRowsTogether;
    Planes w;
    if ((team & 1) == 0)
        w = make_planes(p.gate_codes, p.gate_scales, p.gate_extra, width);
    else
        w = make_planes(p.up_codes, p.up_scales, p.up_extra, width);
#ifdef SG_INT8
    Quantised x = quantised(p.x, pair / uint(p.used), width);
#else
    const uint x_base = pair / uint(p.used) * width;
#endif
    const uint units = width / kUnit;
    const uint lane = TEAM_LANE;
    Unit queue[kDepth][kRowsTogether];
#define LOAD(unit)                                                        \
    if ((unit) < units)                                                   \
        [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) queue[d][r] = \
            load_unit(w, expert * out_rows + min(row + r, out_rows - 1), unit);
    for (uint block = 0; block < kBlocks; ++block) {
        const uint first_row = (gl_WorkGroupID.x * kBlocks + block) * block_rows;
        const uint row = first_row + couple * kRowsTogether;
        [[unroll]] for (uint d = 0; d < kDepth; ++d) LOAD(lane + d * TEAM_LANES)
#if SG_TYPE == SG_IQ2_XXS
        if (block == 0) load_grid(p.grid);
#endif
        barrier();  // the grid is there, the sums of the block before have been read
        float sum[kRowsTogether];
        [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) sum[r] = 0.0;
        WALK(units) {
            const uint unit = base + d * TEAM_LANES + lane;
            Unit u[kRowsTogether];
            [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) u[r] = queue[d][r];
            LOAD(unit + kDepth * TEAM_LANES)
            if (unit < units)
                [[unroll]] for (uint r = 0; r < kRowsTogether; ++r)
#ifdef SG_INT8
                    sum[r] += meet(u[r], x, unit, units);
#else
                    sum[r] += meet_values(u[r], unit, p.x, x_base);
#endif
        }
        [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) {
            const float part = subgroupAdd(sum[r]);
            if (subgroupElect()) split_parts[gl_SubgroupID * kRowsTogether + r] = part;
        }
        barrier();
        // An invocation a row.
        const uint self = gl_LocalInvocationIndex;
        if (self < block_rows && first_row + self < out_rows) {
            const uint gates = self / kRowsTogether * 2 * kSplit, r = self % kRowsTogether;
            float g = 0.0, u = 0.0;
            for (uint i = 0; i < kSplit; ++i) {
                g += split_parts[(gates + i) * kRowsTogether + r];
                u += split_parts[(gates + kSplit + i) * kRowsTogether + r];
            }
            const float weight = p.routed != 0 ? p.weights.v[pair] : 1.0;
            JointFloats(p.hidden).v[pair * out_rows + first_row + self] =
                swiglu(g, u, p.clamp) * weight;
        }
    }
    if (kForm != kFormNone)
        quantise_jointly(JointFloats(p.hidden),
                         pair * out_rows + gl_WorkGroupID.x * kBlocks * block_rows,
                         kBlocks * block_rows, p.form, p.ended, uint(p.form_width));
}

#elif SG_MODE == 2

void main() {
    const uint width = uint(p.width), out_rows = uint(p.out_rows), used = uint(p.used);
    const uint token = gl_WorkGroupID.y;
    Planes w = make_planes(p.codes, p.scales, p.extra, width);
    const uint first_row = FIRST_ROW;
    // The token's hidden vectors are one long one.
#ifdef SG_INT8
    Quantised x = quantised(p.x, token, used * width);
#else
    const uint x_base = token * used * width;
#endif
    const uint expert_units = width / kUnit;
    const uint units = used * expert_units;
    const uint lane = TEAM_LANE;
    Unit queue[kDepth][kRowsTogether];
#define LOAD(unit)                                                                       \
    if ((unit) < units) {                                                                \
        const uint k = (unit) / expert_units;                                            \
        const uint expert = p.routed != 0 ? p.selected.v[token * used + k] : 0;          \
        [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) queue[d][r] = load_unit(     \
            w, expert * out_rows + min(row + r, out_rows - 1), (unit) - k * expert_units); \
    }
    for (uint block = 0; block < kBlocks; ++block) {
        const uint row = first_row + block * BLOCK_ROWS;
        [[unroll]] for (uint d = 0; d < kDepth; ++d) LOAD(lane + d * TEAM_LANES)
#if SG_TYPE == SG_IQ2_XXS
        if (block == 0) {
            load_grid(p.grid);
            barrier();
        }
#endif
        float sum[kRowsTogether];
        [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) sum[r] = 0.0;
        WALK(units) {
            const uint unit = base + d * TEAM_LANES + lane;
            Unit u[kRowsTogether];
            [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) u[r] = queue[d][r];
            LOAD(unit + kDepth * TEAM_LANES)
            if (unit < units)
                [[unroll]] for (uint r = 0; r < kRowsTogether; ++r)
#ifdef SG_INT8
                    sum[r] += meet(u[r], x, unit, units);
#else
                    sum[r] += meet_values(u[r], unit % expert_units, p.x,
                                          x_base + unit / expert_units * width);
#endif
        }
        if (kSplit > 1) barrier();
        [[unroll]] for (uint r = 0; r < kRowsTogether; ++r)
            sum[r] = join(sum[r], r, kRowsTogether);
        if (kSplit > 1) barrier();
        [[unroll]] for (uint r = 0; r < kRowsTogether; ++r) {
            const float total = joined(sum[r], r, kRowsTogether);
            if (subgroupElect() && gl_SubgroupID % kSplit == 0 && row + r < out_rows) {
                const uint at = token * out_rows + row + r;
                p.y.v[at] = p.added != 0 ? total + p.addend.v[at] : total;
            }
        }
    }
}

#else

const uint kJobWords = 12;

uvec2 address_at(uint word) {
    return uvec2(p.jobs.v[word], p.jobs.v[word + 1]);
}

void main() {
    const uint width = uint(p.width);
    uint job = 0;
    for (uint i = 1; i < uint(p.count); ++i)
        if (gl_WorkGroupID.x >= p.jobs.v[i * kJobWords + 9]) job = i;
    const uint at = job * kJobWords;
    const uint out_rows = p.jobs.v[at + 8];
    kSplit = p.jobs.v[at + 10];
    Planes w = make_planes(Vecs(address_at(at)), Words(address_at(at + 2)), Words(address_at(at + 4)),
                           width);
    Floats y = Floats(address_at(at + 6));
    const uint row = (gl_WorkGroupID.x - p.jobs.v[at + 9]) * (gl_NumSubgroups / kSplit) +
                     gl_SubgroupID / kSplit;
    const uint from = min(row, out_rows - 1);
#ifdef SG_INT8
    Quantised x = quantised(p.x, 0, width);
#endif
    const uint units = width / kUnit;
    const uint lane = TEAM_LANE;
    Unit queue[kDepth];
#define LOAD(unit) \
    if ((unit) < units) queue[d] = load_unit(w, from, unit);
    [[unroll]] for (uint d = 0; d < kDepth; ++d) LOAD(lane + d * TEAM_LANES)
#if SG_TYPE == SG_IQ2_XXS
    load_grid(p.grid);
    barrier();
#endif
    float sum = 0.0;
    WALK(units) {
        const uint unit = base + d * TEAM_LANES + lane;
        const Unit u = queue[d];
        LOAD(unit + kDepth * TEAM_LANES)
        if (unit < units)
#ifdef SG_INT8
            sum += meet(u, x, unit, units);
#else
            sum += meet_values(u, unit, p.x, 0);
#endif
    }
    sum = join(sum, 0, 1);
    barrier();
    const float total = joined(sum, 0, 1);
    if (subgroupElect() && gl_SubgroupID % kSplit == 0 && row < out_rows) y.v[row] = total;
}

#endif
