// SPDX-License-Identifier: MIT
#include "kernel/simd_targets.h"

#include <hwy/targets.h>

#include <bit>
#include <mutex>

#include "kernel/cpu_context.h"

namespace starglass {

void choose_simd_targets() {
#if defined(__x86_64__)
    static std::once_flag once;
    std::call_once(once, [] {
        // Our AVX3_DL code uses GFNI, which Highway does not ask for.
        if (!__builtin_cpu_supports("gfni")) hwy::DisableTargets(HWY_AVX3_DL);
    });
#endif
}

std::uint32_t best_simd_target() {
    choose_simd_targets();
    // Highway gives better targets lower bits and takes the lowest that both sides have.
    return static_cast<std::uint32_t>(
        std::countr_zero(static_cast<std::uint64_t>(hwy::SupportedTargets() & HWY_TARGETS)));
}

}  // namespace starglass
