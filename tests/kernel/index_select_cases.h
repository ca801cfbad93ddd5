// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/support.h"

namespace starglass::testing {

struct IndexSelectCase {
    int heads, width;
    std::int64_t first;
    int rows, ratio, top_k;
    bool coarse;  // every product and sum exact in f32, with many ties
};

inline std::vector<IndexSelectCase> index_select_cases() {
    std::vector<IndexSelectCase> cases;
    for (const bool coarse : {true, false}) {
        cases.push_back({8, 128, 0, 20, 4, 16, coarse});   // all kept
        cases.push_back({8, 128, 55, 24, 4, 16, coarse});  // the limit lies inside the batch
        cases.push_back({8, 128, 400, 5, 4, 16, coarse});
        cases.push_back({1, 32, 99, 3, 4, 1, coarse});
        cases.push_back({3, 64, 200, 4, 4, 49, coarse});
        cases.push_back({64, 128, 1000, 1, 4, 64, coarse});
    }
    for (int visible = 1; visible <= 34; ++visible)
        cases.push_back({2, 32, 4 * visible - 1, 1, 4, 7, true});
    return cases;
}

struct IndexSelectProblem {
    IndexSelectCase shape;
    std::int64_t total;  // rows that exist
    Floats query, weights, scores;
    std::unique_ptr<OwnedPages> keys;
    std::vector<std::int32_t> selected, counts;

    explicit IndexSelectProblem(const IndexSelectCase& c, std::uint64_t seed = 1) : shape(c) {
        Random random(seed);
        total = (c.first + c.rows) / c.ratio;
        Floats rows = Floats::random(random, std::max<std::int64_t>(1, total) * c.width);
        query = Floats::random(random, static_cast<std::int64_t>(c.rows) * c.heads * c.width);
        weights = Floats::random(random, static_cast<std::int64_t>(c.rows) * c.heads);
        if (c.coarse) {
            for (float& v : rows.span()) v = static_cast<float>(random.below(3) - 1);
            // One element at the top of the code's range keeps every scale at 1.
            for (std::int64_t r = 0; r < total; ++r) rows[r * c.width] = 6.0F;
            for (float& v : query.span()) v = static_cast<float>(random.below(3) - 1);
            for (float& v : weights.span()) v = static_cast<float>(random.below(9) - 4) * 0.25F;
        }
        keys = std::make_unique<OwnedPages>(RowLayout::index(c.width), rows.span());
        selected.assign(static_cast<std::size_t>(c.rows) * c.top_k, -1);
        counts.assign(static_cast<std::size_t>(c.rows), -1);
        scores = Floats(c.rows * std::max<std::int64_t>(1, total));
    }
    [[nodiscard]] float weight_scale() const {
        return shape.coarse ? 0.125F
                            : 1.0F / std::sqrt(static_cast<float>(shape.width * shape.heads));
    }
    [[nodiscard]] IndexSelect op() {
        return {.query = query.data(),
                .weights = weights.data(),
                .weight_scale = weight_scale(),
                .keys = keys->view(),
                .first_position = shape.first,
                .rows = shape.rows,
                .heads = shape.heads,
                .ratio = shape.ratio,
                .top_k = shape.top_k,
                .selected = selected.data(),
                .counts = counts.data(),
                .scores = scores.data(),
                .score_stride = std::max<std::int64_t>(1, total)};
    }
};

}  // namespace starglass::testing
