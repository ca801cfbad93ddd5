// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "kernel/reference_kernels.h"

namespace starglass {
namespace {

// Larger for better; zeros of both signs are equal, NaN is the worst: an order even of broken rows.
std::uint32_t order(float value) {
    auto bits = std::bit_cast<std::uint32_t>(value);
    if (std::isnan(value)) bits = 0xFF800000U;
    if (bits == 0x80000000U) bits = 0;
    return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

}  // namespace

void top_logits_row(const TopLogits& op, std::int64_t row, std::int32_t* by_rank) {
    const std::int64_t count = op.vocabulary;
    const std::int64_t kept = op.kept();
    const float* const x = op.logits + row * count;
    for (std::int64_t i = 0; i < count; ++i) by_rank[i] = static_cast<std::int32_t>(i);
    if (kept < count) {
        std::nth_element(by_rank, by_rank + kept, by_rank + count,
                         [&](std::int32_t a, std::int32_t b) {
                             const std::uint32_t left = order(x[a]);
                             const std::uint32_t right = order(x[b]);
                             return left != right ? left > right : a < b;
                         });
        std::sort(by_rank, by_rank + kept);
    }
    std::int32_t* const ids = op.ids + row * kept;
    float* const values = op.values + row * kept;
    for (std::int64_t i = 0; i < kept; ++i) {
        ids[i] = by_rank[i];
        values[i] = x[by_rank[i]];
    }

    const float maximum = *std::max_element(values, values + kept);
    double mass = 0;
    double moment = 0;
    double tempered = 0;
    std::int32_t first_broken = -1;
    std::int64_t next = 0;  // of the kept ones
    for (std::int64_t i = 0; i < count; ++i) {
        if (!std::isfinite(x[i]) && first_broken < 0) first_broken = static_cast<std::int32_t>(i);
        if (next < kept && ids[next] == i) {
            ++next;
            continue;
        }
        const double z = static_cast<double>(x[i]) - maximum;
        mass += std::exp(z);
        moment += std::exp(z) * z;
        tempered += std::exp(z / op.temperature);
    }
    op.rest[row] = {.maximum = maximum,
                    .rest_mass = static_cast<float>(mass),
                    .rest_moment = static_cast<float>(moment),
                    .rest_tempered = static_cast<float>(tempered),
                    .first_broken = first_broken};
}

void top_logits_ref(const TopLogits& op) {
    std::vector<std::int32_t> by_rank(static_cast<std::size_t>(op.vocabulary));
    for (std::int64_t row = 0; row < op.rows; ++row) top_logits_row(op, row, by_rank.data());
}

}  // namespace starglass
