// SPDX-License-Identifier: MIT
//
// Groups are counted from the one that the first row belongs to: group 0 may have begun in the
// frontier, group -1 lies there.
//
// Many rows take two kernels: the pools of all groups side by side, reading the old frontier, then
// the new frontier, an invocation a column and phase (with overlap both slots of the phase, so
// that what one invocation reads no other writes). Few rows, at most one group of them complete,
// take one kernel in which an invocation owns the columns of one output.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "compress_params.h"
#include "half.glsl"
#include "math.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kMode = 0;  // 0 pool, 1 frontier, 2 both
layout(constant_id = 1) const uint kHalf = 1;  // ape in F16
layout(constant_id = 2) const uint kOverlap = 1;

uint columns() {
    return kOverlap != 0 ? 2 * uint(p.width) : uint(p.width);
}

// First slot of the group being filled.
int current() {
    return kOverlap != 0 ? p.ratio : 0;
}

// Value and score of token t of a group.
vec2 token(int group, int t, uint column) {
    const int row = group * p.ratio + t - p.phase;
    if (group < 0 || row < 0) {
        const uint at = uint(group < 0 ? t : current() + t) * columns() + column;
        return vec2(p.frontier_kv.v[at], p.frontier_score.v[at]);
    }
    const uint at = uint(row) * columns() + column;
    const uint ape_row = uint(t * p.ape_words);
    const float ape = kHalf != 0 ? half_at(p.ape, 2 * ape_row + column)
                                 : uintBitsToFloat(p.ape.v[ape_row + column]);
    precise float score = p.gate.v[at] + ape;
    return vec2(p.kv.v[at], score);
}

void pool(int group, uint j) {
    const uint late = kOverlap != 0 ? uint(p.width) + j : j;
    float largest = token(group, 0, late).y;
    for (int t = 0; t < p.ratio; ++t) {
        largest = max(largest, token(group, t, late).y);
        if (kOverlap != 0) largest = max(largest, token(group - 1, t, j).y);
    }
    precise float denominator = 0.0;
    precise float sum = 0.0;
    for (int t = 0; t < p.ratio; ++t) {
        const vec2 now = token(group, t, late);
        const float b = exact_exp(now.y - largest);
        if (kOverlap != 0) {
            const vec2 before = token(group - 1, t, j);
            const float a = exact_exp(before.y - largest);
            denominator = denominator + (a + b);
            sum = fma(a, before.x, sum);
        } else {
            denominator = denominator + b;
        }
        sum = fma(b, now.x, sum);
    }
    precise float mean = sum / denominator;
    p.y.v[uint(group * p.width) + j] = mean;
}

void put(int slot, uint column, vec2 value) {
    const uint at = uint(slot) * columns() + column;
    p.frontier_kv.v[at] = value.x;
    p.frontier_score.v[at] = value.y;
}

void advance(int t, uint column) {
    const int end = p.phase + p.rows;
    const int complete = end / p.ratio;
    const int rest = end - complete * p.ratio;
    if (kOverlap != 0 && complete > 0) put(t, column, token(complete - 1, t, column));
    if (t < rest)
        put(current() + t, column, token(complete, t, column));
    else if (complete > 0)
        put(current() + t, column, vec2(0.0, p.empty));
}

void main() {
    const uint j = gl_GlobalInvocationID.x;
    if (kMode == 0) {
        if (j < uint(p.width)) pool(int(gl_WorkGroupID.y), j);
    } else if (kMode == 1) {
        if (j < columns()) advance(p.first_slot + int(gl_WorkGroupID.y), j);
    } else if (j < uint(p.width)) {
        if (p.phase + p.rows >= p.ratio) pool(0, j);
        for (int t = p.first_slot; t < p.first_slot + p.slots; ++t) {
            advance(t, j);
            if (kOverlap != 0) advance(t, uint(p.width) + j);
        }
    }
}
