// SPDX-License-Identifier: MIT
#include "machine.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace starglass::bench {

const MachineCeilings& machine_ceilings(int threads) {
    static std::map<int, MachineCeilings> measured;
    const auto found = measured.find(threads);
    if (found != measured.end()) return found->second;
    MachineCeilings ceilings;
    const std::array<int, 1> one = {threads};
    const auto read = measure_read_speed(one, kReadBytes, CancelToken());
    if (!read) {
        std::fprintf(stderr, "%s\n", read.error().message.c_str());
        std::exit(1);
    }
    ceilings.read_bytes_s = read->front();
    ceilings.arithmetic = measure_arithmetic_speed(threads);
    std::fprintf(stderr, "%d thread%s: reads %.1f GB/s, f32 %.0f GFLOP/s, int8 %.0f GOP/s (%s)\n",
                 threads, threads == 1 ? "" : "s", ceilings.read_bytes_s * 1e-9,
                 ceilings.arithmetic.f32_flop_s * 1e-9, ceilings.arithmetic.int8_op_s * 1e-9,
                 std::string(simd_target_name()).c_str());
    return measured.emplace(threads, ceilings).first->second;
}

}  // namespace starglass::bench
