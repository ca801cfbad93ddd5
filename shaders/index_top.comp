// SPDX-License-Identifier: MIT
//
// The top_k best of one row's scores, or of each slice of them, in ascending order of row; of equal
// scores the first. Digit by digit from the top, counts find the key of the last one taken.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_memory_scope_semantics : require
#include "index_top_params.h"

layout(local_size_x = 256) in;

const uint kBins = 2048;

shared uint bins[kBins];
shared uint partial[64];
shared uint found_bin, found_above;

// Larger for better; equal scores, and zeros of both signs, are equal. NaN is the worst.
uint order(float score) {
    uint bits = floatBitsToUint(score);
    if ((bits & 0x7FFFFFFFU) > 0x7F800000U) bits = 0xFF800000U;
    if (bits == 0x80000000U) bits = 0;
    return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

// Sum over the threads before this one; every thread must call.
uint sum_before(uint value) {
    const uint inside = subgroupExclusiveAdd(value);
    const uint whole = subgroupAdd(value);
    if (subgroupElect()) partial[gl_SubgroupID] = whole;
    barrier();
    uint before = inside;
    for (uint i = 0; i < gl_SubgroupID; ++i) before += partial[i];
    barrier();
    return before;
}

uint capped(uint count) {
    return min(count, uint(p.top_k));
}

void main() {
    // In the order of subgroups, which sum_before adds in.
    const uint thread = gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;
    const uint row = gl_WorkGroupID.y;
    const uint visible = (uint(p.first_position) + row + 1) / uint(p.ratio);
    const uint slice = uint(p.slice);
    const uint named = uint(p.named);
    const bool scored = visible > uint(p.top_k);

    uint total = visible;
    if (named != 0 && scored)
        total = visible / named * uint(p.top_k) + capped(visible % named);
    uint begin = 0;
    uint count = total;
    if (slice != 0) {
        begin = gl_WorkGroupID.x * slice;
        if (begin >= total || !scored) return;
        count = min(slice, total - begin);
    }
    const uint from = row * uint(p.score_stride) + begin;
    const uint to = row * uint(p.best_stride) + gl_WorkGroupID.x * uint(p.top_k);
    const uint wanted = capped(count);
    if (slice == 0 && thread == 0) p.counts.v[row] = wanted;
    if (!scored) {
        for (uint i = thread; i < wanted; i += 256) p.best.v[to + i] = i;
        return;
    }

    // 11 + 11 + 10 bits. `above`: how many are known to be better than the prefix.
    uint prefix = 0;
    uint mask = 0;
    uint above = 0;
    for (uint digit = 0; digit < 3; ++digit) {
        const uint shift = digit == 0 ? 21 : digit == 1 ? 10 : 0;
        const uint digit_mask = digit == 2 ? 1023 : 2047;
        for (uint i = thread; i < kBins; i += 256) bins[i] = 0;
        barrier();
        for (uint i = thread; i < count; i += 256) {
            const uint key = order(p.scores.v[from + i]);
            if ((key & mask) == prefix)
                atomicAdd(bins[(key >> shift) & digit_mask], 1, gl_ScopeWorkgroup,
                          gl_StorageSemanticsShared, gl_SemanticsRelaxed);
        }
        barrier();
        // Thread t has the 8 bins below those of the threads before it.
        const uint top = kBins - 1 - 8 * thread;
        uint mine = 0;
        for (uint i = 0; i < 8; ++i) mine += bins[top - i];
        uint before = above + sum_before(mine);
        if (before < wanted && before + mine >= wanted) {
            uint bin = top;
            while (before + bins[bin] < wanted) before += bins[bin--];
            found_bin = bin;
            found_above = before;
        }
        barrier();
        prefix |= found_bin << shift;
        mask |= digit_mask << shift;
        above = found_above;
        barrier();
    }

    // Each thread a piece: what is above the last key, and as many equal ones as are left.
    const uint equal_wanted = wanted - above;
    const uint piece = (count + 255) / 256;
    const uint low = min(count, thread * piece);
    const uint high = min(count, low + piece);
    uint better = 0;
    uint equal = 0;
    for (uint i = low; i < high; ++i) {
        const uint key = order(p.scores.v[from + i]);
        if (key > prefix) ++better;
        if (key == prefix) ++equal;
    }
    better = sum_before(better);
    equal = sum_before(equal);
    for (uint i = low; i < high; ++i) {
        const float score = p.scores.v[from + i];
        const uint key = order(score);
        if (key > prefix || (key == prefix && equal < equal_wanted)) {
            const uint place = to + better + min(equal, equal_wanted);
            p.best.v[place] = named != 0 ? p.names.v[from + i] : begin + i;
            if (slice != 0) p.best_scores.v[place] = score;
        }
        if (key > prefix) ++better;
        if (key == prefix) ++equal;
    }
}
