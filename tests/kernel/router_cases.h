// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/support.h"

namespace starglass::testing {

struct RouterCase {
    int rows, experts, used;
    bool biased, table, ties;
};

inline std::vector<RouterCase> router_cases() {
    std::vector<RouterCase> cases{{5, 8, 6, true, false, false},   {3, 256, 6, true, false, false},
                                  {3, 256, 6, false, false, true}, {4, 16, 3, true, false, true},
                                  {4, 8, 6, false, true, false},   {1, 1, 1, false, false, false}};
    for (int experts = 2; experts <= 34; ++experts)
        cases.push_back({2, experts, std::min(experts, 1 + experts % 7), experts % 2 == 0, false,
                         experts % 3 == 0});
    return cases;
}

struct RouterProblem {
    static constexpr int kVocabulary = 11;
    RouterCase shape;
    Floats logits, bias, weights;
    std::vector<std::int32_t> table, tokens, selected;

    explicit RouterProblem(const RouterCase& c, std::uint64_t seed = 1) : shape(c) {
        Random random(seed);
        logits = Floats::random(random, c.rows * c.experts, 3.0F);
        bias = Floats::random(random, c.experts, 0.3F);
        if (c.ties) {
            for (float& v : logits.span()) v = static_cast<float>(random.below(3));
            for (float& v : bias.span()) v = 0.0F;
        }
        for (int i = 0; i < kVocabulary * c.used; ++i) table.push_back(random.below(c.experts));
        for (int i = 0; i < c.rows; ++i) tokens.push_back(random.below(kVocabulary));
        selected.assign(static_cast<std::size_t>(c.rows) * c.used, -1);
        weights = Floats(c.rows * c.used);
    }
    [[nodiscard]] Router op() {
        return {.logits = logits.data(),
                .bias = shape.biased ? bias.data() : nullptr,
                .table = shape.table ? table.data() : nullptr,
                .tokens = shape.table ? tokens.data() : nullptr,
                .rows = shape.rows,
                .experts = shape.experts,
                .used = shape.used,
                .scale = 1.5F,
                .selected = selected.data(),
                .weights = weights.data()};
    }
};

}  // namespace starglass::testing
