// SPDX-License-Identifier: MIT
//
// Corrects what Highway 1.0.3 lets the compiler use for AVX3_DL. Included by simd_float-inl.h
// before any of Highway's operations, once per instruction set.
//
// AVX3_DL is chosen at run time for AVX-512 with VNNI (Ice Lake, Zen 4), but Highway's target
// string names AVX-VNNI instead, the VEX-encoded set that came with Alder Lake and Sapphire
// Rapids. Compilers then emit "{vex} vpdpbusd", an illegal instruction on Ice Lake and Zen 4.
// GFNI came to every one of these processors too; a machine without it is kept from AVX3_DL
// (simd_targets.cpp).
// Highway defines its string anew in every header, so it is corrected where it is used.
#include <hwy/base.h>

#undef SG_TARGET_CORRECTION
#if HWY_TARGET == HWY_AVX3_DL
#define SG_TARGET_CORRECTION ",avx512vnni,no-avxvnni,gfni"
#else
#define SG_TARGET_CORRECTION ""
#endif

// One more level of macros, so that the correction is expanded before it becomes a pragma.
#undef HWY_PUSH_ATTRIBUTES
#define HWY_PUSH_ATTRIBUTES(targets) SG_PUSH_ATTRIBUTES(targets SG_TARGET_CORRECTION)
#undef SG_PUSH_ATTRIBUTES
#if HWY_COMPILER_CLANG
#define SG_PUSH_ATTRIBUTES(targets) \
    HWY_PRAGMA(clang attribute push(__attribute__((target(targets))), apply_to = function))
#else
#define SG_PUSH_ATTRIBUTES(targets) HWY_PRAGMA(GCC push_options) HWY_PRAGMA(GCC target targets)
#endif
