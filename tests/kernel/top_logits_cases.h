// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/support.h"

namespace starglass::testing {

enum class Values { normal, coarse, equal, zeros, steep };

struct TopLogitsCase {
    int rows, vocabulary, k;
    float temperature = 1.0F;
    float scale = 3.0F;
    Values values = Values::normal;
};

inline std::vector<TopLogitsCase> top_logits_cases() {
    std::vector<TopLogitsCase> cases;
    for (const int vocabulary : {1, 2, 3, 7, 64, 255, 256, 257, 1000, 2049, 4096, 4097})
        for (const int k : {1, 2, 5, 64, 256, TopLogits::kMost})
            cases.push_back({1 + vocabulary % 3, vocabulary, k, 0.7F, 3.0F,
                             vocabulary % 2 == 0 ? Values::normal : Values::coarse});
    // Slices: two of them at 8,193, a last one shorter than k, one value in the last.
    for (const int vocabulary : {8191, 8192, 8193, 12289, 13000, 20481})
        for (const int k : {1, 70, 1024, TopLogits::kMost})
            for (const Values values : {Values::normal, Values::coarse})
                cases.push_back({1 + k % 3, vocabulary, k, 1.3F, 4.0F, values});
    for (const int vocabulary : {40, 300, 8300, 9000})
        for (const Values values : {Values::equal, Values::zeros, Values::steep})
            for (const int k : {1, 37, 256})
                cases.push_back({2, vocabulary, k, 0.25F, 1.0F, values});
    for (const int k : {1, 256, TopLogits::kMost})
        cases.push_back({1, 129280, k, 1.0F, 3.0F, Values::normal});
    return cases;
}

struct TopLogitsProblem {
    TopLogitsCase shape;
    Floats logits, values;
    std::vector<std::int32_t> ids;
    std::vector<TopLogitsRest> rest;

    explicit TopLogitsProblem(const TopLogitsCase& c, std::uint64_t seed = 1) : shape(c) {
        Random random(seed);
        logits = Floats::random(random, static_cast<std::int64_t>(c.rows) * c.vocabulary, c.scale);
        std::size_t at = 0;
        for (float& v : logits.span()) {
            if (c.values == Values::coarse) v = std::round(v * 2.0F) / 2.0F;
            if (c.values == Values::equal) v = -7.25F;
            if (c.values == Values::zeros) v = random.below(2) == 0 ? 0.0F : -0.0F;
            if (c.values == Values::steep) v = -0.7F * static_cast<float>(at % 211);
            ++at;
        }
        const auto kept = static_cast<std::size_t>(c.rows) *
                          static_cast<std::size_t>(std::min(c.k, c.vocabulary));
        ids.assign(kept, -1);
        values = Floats(static_cast<std::int64_t>(kept));
        rest.assign(static_cast<std::size_t>(c.rows), TopLogitsRest{});
    }
    [[nodiscard]] TopLogits op() {
        return {.logits = logits.data(),
                .rows = shape.rows,
                .vocabulary = shape.vocabulary,
                .k = shape.k,
                .temperature = shape.temperature,
                .ids = ids.data(),
                .values = values.data(),
                .rest = rest.data()};
    }
};

}  // namespace starglass::testing
