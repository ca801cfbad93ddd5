// SPDX-License-Identifier: MIT
//
// Sums and maxima over a workgroup of at most 256 invocations, for any subgroup size from 4 on. Every
// invocation must call them; each gets the result. The order is fixed by the subgroup size.
#ifndef SG_REDUCE_GLSL
#define SG_REDUCE_GLSL

shared float sg_partial[64];

float workgroup_sum(float value) {
    value = subgroupAdd(value);
    if (subgroupElect()) sg_partial[gl_SubgroupID] = value;
    barrier();
    float total = 0.0;
    for (uint i = 0; i < gl_NumSubgroups; ++i) total += sg_partial[i];
    barrier();
    return total;
}

float workgroup_max(float value) {
    value = subgroupMax(value);
    if (subgroupElect()) sg_partial[gl_SubgroupID] = value;
    barrier();
    float total = sg_partial[0];
    for (uint i = 1; i < gl_NumSubgroups; ++i) total = max(total, sg_partial[i]);
    barrier();
    return total;
}

#endif
