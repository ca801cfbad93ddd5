// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>

#include "kernel/vulkan_context.h"
#include "read_speed_params.h"

namespace starglass {

double read_speed_vk(VulkanContext& context, std::uint64_t address, std::int64_t bytes) {
    const shaders::ReadSpeedParams params{
        .from = address, .to = address, .vecs = static_cast<std::uint32_t>(bytes / 16)};
    context.stream.fill(address, bytes, 0);
    // Several passes a measurement, so that what it costs to start one does not count.
    constexpr int kPasses = 8;
    // A device that was idle takes a while to raise its clocks.
    constexpr double kWarmSeconds = 0.06;
    double best = 0, spent = 0;
    for (int round = 0; round < 4 || (spent < kWarmSeconds && round < 1000); ++round) {
        if (!context.stream.finish()) return 0;
        const auto start = std::chrono::steady_clock::now();
        for (int pass = 0; pass < kPasses; ++pass)
            context.stream.dispatch(Shader::read_speed, {}, params,
                                    {std::min<std::int64_t>(4096, divide_up(bytes / 16, 1024))},
                                    {range_of(address, bytes)}, {range_of(address, 4)});
        if (!context.stream.finish()) return 0;
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        spent += seconds;
        if (round > 0) best = std::max(best, kPasses * static_cast<double>(bytes) / seconds);
    }
    return best;
}

}  // namespace starglass
