// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernel/reference_kernels.h"

namespace starglass {

float router_value(float logit) {
    float softplus;
    if (logit > 20.0F)
        softplus = logit;
    else if (logit < -20.0F)
        softplus = std::exp(logit);
    else
        softplus = std::log1p(std::exp(logit));
    return std::sqrt(softplus);
}

void route_token(const Router& op, std::int64_t row, float* value, char* taken) {
    const float* logits = op.logits + row * op.experts;
    std::int32_t* selected = op.selected + row * op.used;
    float* weights = op.weights + row * op.used;
    if (op.table != nullptr) {
        std::copy_n(op.table + static_cast<std::int64_t>(op.tokens[row]) * op.used, op.used,
                    selected);
        for (int k = 0; k < op.used; ++k) value[selected[k]] = router_value(logits[selected[k]]);
    } else {
        for (int e = 0; e < op.experts; ++e) value[e] = router_value(logits[e]);
        const auto score = [&](int e) {
            return op.bias != nullptr ? value[e] + op.bias[e] : value[e];
        };
        std::fill_n(taken, op.experts, 0);
        for (int k = 0; k < op.used; ++k) {
            int best = -1;
            for (int e = 0; e < op.experts; ++e)
                if (!taken[e] && (best < 0 || score(e) > score(best))) best = e;
            taken[best] = 1;
            selected[k] = best;
        }
    }

    float sum = 0.0F;
    for (int k = 0; k < op.used; ++k) sum += value[selected[k]];
    sum = std::max(sum, 6.103515625e-5F);  // 2^-14
    for (int k = 0; k < op.used; ++k) weights[k] = value[selected[k]] / sum * op.scale;
}

void router_ref(const Router& op) {
    std::vector<float> value(static_cast<std::size_t>(op.experts));
    std::vector<char> taken(static_cast<std::size_t>(op.experts));
    for (int row = 0; row < op.rows; ++row) route_token(op, row, value.data(), taken.data());
}

}  // namespace starglass
