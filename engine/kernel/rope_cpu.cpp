// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "kernel/cpu_context.h"

namespace starglass {
namespace {

// cos and sin of every pair at one position. The angle advances by multiplication as in the
// scalar form; queries and keys have to agree on it.
void angle_table(const RopeParams& params, bool inverse, std::int64_t position, float* cosine,
                 float* sine) {
    const float step = std::pow(params.base, -2.0F / static_cast<float>(params.rotary));
    const float stretch = 1.0F / params.scale;
    const float width = std::max(0.001F, params.high - params.low);
    float angle = static_cast<float>(position);
    for (int pair = 0; pair < params.rotary / 2; ++pair) {
        float phi = stretch * angle;
        if (params.yarn) {
            const float ramp = (static_cast<float>(pair) - params.low) / width;
            const float g = 1.0F - std::min(1.0F, std::max(0.0F, ramp));
            phi = phi * (1.0F - g) + angle * g;
        }
        cosine[pair] = std::cos(phi);
        sine[pair] = inverse ? -std::sin(phi) : std::sin(phi);
        angle *= step;
    }
}

}  // namespace

void rope_cpu(CpuContext& context, const Rope& op) {
    const int pairs = op.params.rotary / 2;
    if (pairs == 0) return;
    // One item is a position with all of its heads: the table costs as much as a few heads.
    context.pool().parallel_for(op.rows, 4, [&](std::int64_t row, int worker) {
        Arena& scratch = context.start_item(worker);
        auto* cosine = scratch.take<float>(pairs);
        auto* sine = scratch.take<float>(pairs);
        angle_table(op.params, op.inverse, op.positions[row], cosine, sine);
        for (int head = 0; head < op.heads; ++head) {
            float* v = op.x + (row * op.heads + head + 1) * op.width - op.params.rotary;
            for (int pair = 0; pair < pairs; ++pair) {
                const float v0 = v[2 * pair];
                const float v1 = v[2 * pair + 1];
                v[2 * pair] = v0 * cosine[pair] - v1 * sine[pair];
                v[2 * pair + 1] = v0 * sine[pair] + v1 * cosine[pair];
            }
        }
    });
}

}  // namespace starglass
