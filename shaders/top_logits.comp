// SPDX-License-Identifier: MIT
//
// The k best logits of a row, or of each slice of it, in ascending order of id, and sums over what
// is left out (kernel/top_logits.h). Sums are relative to the workgroup's own maximum and brought
// to the row's where slices meet.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "top_logits_params.h"
#include "math.glsl"
#include "reduce.glsl"
#include "top.glsl"

layout(local_size_x = 256) in;

const uint kRestWords = 5;
const uint kNone = 0xFFFFFFFFu;
const float kLowest = -3.40282347e38;

shared uint first_broken;

bool is_finite(float value) {
    return (floatBitsToUint(value) & 0x7F800000u) != 0x7F800000u;
}

void main() {
    const uint thread = thread_in_order();
    const uint row = gl_WorkGroupID.y;
    const uint begin = gl_WorkGroupID.x * uint(p.slice);
    const uint count = min(uint(p.slice), uint(p.count) - begin);
    const uint from = row * uint(p.stride) + begin;
    const uint wanted = min(count, uint(p.k));
    const bool named = p.part_count != 0;

    float highest = kLowest;
    uint broken = kNone;
    for (uint i = thread; i < count; i += 256) {
        const float value = p.values.v[from + i];
        if (is_finite(value))
            highest = max(highest, value);
        else if (!named)
            broken = min(broken, begin + i);
    }
    const uint parts = row * uint(p.part_count) * kRestWords;
    for (uint i = thread; i < uint(p.part_count); i += 256)
        broken = min(broken, p.parts.v[parts + i * kRestWords + 4]);
    highest = workgroup_max(highest);
    if (thread == 0) first_broken = kNone;
    barrier();
    if (broken != kNone)
        atomicMin(first_broken, broken, gl_ScopeWorkgroup, gl_StorageSemanticsShared,
                  gl_SemanticsRelaxed);

    // Each thread a piece: what is above the last key, and as many equal ones as are left.
    const Cut cut = find_cut(p.values, from, count, wanted);
    const uint to = row * uint(p.best_stride) + gl_WorkGroupID.x * uint(p.k);
    const uint piece = (count + 255) / 256;
    const uint low = min(count, thread * piece);
    const uint high = min(count, low + piece);
    uint better = 0;
    uint equal = 0;
    for (uint i = low; i < high; ++i) {
        const uint key = order(p.values.v[from + i]);
        if (key > cut.key) ++better;
        if (key == cut.key) ++equal;
    }
    better = sum_before(better);
    equal = sum_before(equal);
    float mass = 0.0;
    float moment = 0.0;
    float tempered = 0.0;
    for (uint i = low; i < high; ++i) {
        const float value = p.values.v[from + i];
        const uint key = order(value);
        if (key > cut.key || (key == cut.key && equal < cut.equal)) {
            const uint place = to + better + min(equal, cut.equal);
            p.ids.v[place] = named ? p.names.v[from + i] : begin + i;
            p.best.v[place] = value;
        } else {
            const float z = value - highest;
            const float e = exact_exp(z);
            mass += e;
            moment += e * z;
            tempered += exact_exp(z / p.temperature);
        }
        if (key > cut.key) ++better;
        if (key == cut.key) ++equal;
    }
    for (uint i = thread; i < uint(p.part_count); i += 256) {
        const uint part = parts + i * kRestWords;
        const float z = uintBitsToFloat(p.parts.v[part]) - highest;
        const float e = exact_exp(z);
        const float part_mass = uintBitsToFloat(p.parts.v[part + 1]);
        mass += e * part_mass;
        if (e > 0.0) moment += e * (uintBitsToFloat(p.parts.v[part + 2]) + z * part_mass);
        tempered += exact_exp(z / p.temperature) * uintBitsToFloat(p.parts.v[part + 3]);
    }
    mass = workgroup_sum(mass);
    moment = workgroup_sum(moment);
    tempered = workgroup_sum(tempered);
    if (thread == 0) {
        const uint at = (row * gl_NumWorkGroups.x + gl_WorkGroupID.x) * kRestWords;
        p.rest.v[at] = floatBitsToUint(highest);
        p.rest.v[at + 1] = floatBitsToUint(mass);
        p.rest.v[at + 2] = floatBitsToUint(moment);
        p.rest.v[at + 3] = floatBitsToUint(tempered);
        p.rest.v[at + 4] = first_broken;
    }
}
