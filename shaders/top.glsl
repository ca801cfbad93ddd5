// SPDX-License-Identifier: MIT
//
// The best of many floats, by a workgroup of 256. Digit by digit from the top, counts find the key
// of the last one taken; of equal ones the first are.
#ifndef SG_TOP_GLSL
#define SG_TOP_GLSL

#extension GL_KHR_memory_scope_semantics : require

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

// In the order of subgroups, which sum_before adds in.
uint thread_in_order() {
    return gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;
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

// All whose key is above `key` are taken, and the first `equal` of those with it.
struct Cut {
    uint key, equal;
};

// Where `wanted` of scores [from, from + count) are taken, 1 <= wanted <= count; every thread must
// call.
Cut find_cut(Floats scores, uint from, uint count, uint wanted) {
    const uint thread = thread_in_order();
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
            const uint key = order(scores.v[from + i]);
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
    return Cut(prefix, wanted - above);
}

#endif
