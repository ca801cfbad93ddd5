// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "kernel/reference_kernels.h"

namespace starglass {

void rope_ref(const Rope& op) {
    const RopeParams& params = op.params;
    if (params.rotary == 0) return;
    const float step = std::pow(params.base, -2.0F / static_cast<float>(params.rotary));
    const float stretch = 1.0F / params.scale;
    const float width = std::max(0.001F, params.high - params.low);
    for (std::int64_t row = 0; row < op.rows; ++row) {
        // The angle advances by multiplication, as in the reference: powers computed directly
        // differ by a few 1e-7, enough to flip a rounded code.
        float angle = static_cast<float>(op.positions[row]);
        for (int pair = 0; pair < params.rotary / 2; ++pair) {
            float phi = stretch * angle;
            if (params.yarn) {
                const float ramp = (static_cast<float>(pair) - params.low) / width;
                const float g = 1.0F - std::min(1.0F, std::max(0.0F, ramp));
                phi = phi * (1.0F - g) + angle * g;
            }
            const float c = std::cos(phi);
            const float s = op.inverse ? -std::sin(phi) : std::sin(phi);
            for (int head = 0; head < op.heads; ++head) {
                float* v = op.x + (row * op.heads + head + 1) * op.width - params.rotary + 2 * pair;
                const float v0 = v[0];
                const float v1 = v[1];
                v[0] = v0 * c - v1 * s;
                v[1] = v0 * s + v1 * c;
            }
            angle *= step;
        }
    }
}

}  // namespace starglass
