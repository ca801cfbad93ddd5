// SPDX-License-Identifier: MIT
#include <cmath>

#include "kernel/reference_kernels.h"

namespace starglass {

void rms_norm_ref(const RmsNorm& op) {
    for (std::int64_t row = 0; row < op.rows; ++row) {
        const float* x = op.x + row * op.dim;
        float* y = op.y + row * op.dim;
        double squares = 0.0;
        for (std::int64_t i = 0; i < op.dim; ++i) squares += static_cast<double>(x[i]) * x[i];
        const float mean = static_cast<float>(squares / static_cast<double>(op.dim));
        const float k = 1.0F / std::sqrt(mean + op.epsilon);
        for (std::int64_t i = 0; i < op.dim; ++i)
            y[i] = op.weight != nullptr ? x[i] * k * op.weight[i] : x[i] * k;
    }
}

}  // namespace starglass
