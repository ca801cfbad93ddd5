// SPDX-License-Identifier: MIT
//
// The instruction sets every SIMD file is compiled for. Include before any Highway header.
//
// AVX-512 with VNNI (Ice Lake, Zen 4 and later), AVX-512, AVX2, and scalar code for anything
// older: each further target costs compile time in every file and serves few machines.
#pragma once

#define HWY_WANT_AVX3_DL
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
