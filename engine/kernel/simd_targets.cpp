// SPDX-License-Identifier: MIT
#include "kernel/simd_targets.h"

#include <hwy/targets.h>

#include <bit>

#include "kernel/cpu_context.h"

namespace starglass {

std::uint32_t best_simd_target() {
    // Highway gives better targets lower bits and takes the lowest that both sides have.
    return static_cast<std::uint32_t>(
        std::countr_zero(static_cast<std::uint64_t>(hwy::SupportedTargets() & HWY_TARGETS)));
}

}  // namespace starglass
