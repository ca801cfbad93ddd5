// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/support.h"

namespace starglass::testing {

struct IndexSelectCase {
    int heads, width;
    std::int64_t first;
    int rows, ratio, top_k;
    bool coarse;         // every product and sum exact in f32, with many ties
    bool coded = false;  // queries rounded to E2M1, as IndexQuery leaves them
    std::int64_t page_rows = 8;
    bool rough = false;  // groups of very different size, and groups of zeros
    bool plain = false;  // f32 keys
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
    // Coded queries: rows around whole tiles and vectors, pages that end inside a tile, numbers of
    // heads that fill no block, every kind of width.
    for (const int visible : {17, 31, 63, 64, 65, 127, 130, 193, 700})
        for (const bool rough : {false, true})
            cases.push_back({6, 128, 4 * visible - 1, 1, 4, 9, false, true, visible % 97, rough});
    for (const int width : {32, 64, 96, 256, 1024, 1056})
        for (const bool rough : {false, true})
            cases.push_back({5, width, 400, 3, 4, 30, false, true, 256, rough});
    // Enough rows for the first threshold to come from maxima of sets of rows.
    cases.push_back({3, 32, 4 * 2000, 2, 4, 24, false, true, 256, true});
    cases.push_back({3, 32, 4 * 1999 + 1, 1, 4, 33, true});
    cases.push_back({64, 128, 4 * 3001, 1, 4, 64, false, true, 256});
    // Rows in slices, the last of them short or about to begin.
    for (const int visible : {16390, 24576, 24577, 30000})
        cases.push_back({1, 32, 4 * visible - 1, 1, 4, 20, true, false, 4096});
    for (const int width : {32, 128, 40})
        cases.push_back({5, width, 700, 3, 4, 30, false, false, 50, false, true});
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
        if (c.rough) {
            for (Floats* values : {&rows, &query})
                for (std::size_t at = 0; at < values->size(); at += 32) {
                    const int kind = random.below(8);
                    const float scale = kind == 0   ? 0.0F
                                        : kind == 1 ? std::ldexp(1.0F, random.below(40) - 34)
                                                    : std::ldexp(1.0F, random.below(4));
                    for (std::size_t i = at; i < at + 32; ++i) (*values)[i] *= scale;
                }
        }
        if (c.coded) fp4_round(query.data(), static_cast<int>(query.size()));
        keys = std::make_unique<OwnedPages>(
            c.plain ? RowLayout::plain(c.width) : RowLayout::index(c.width), rows.span(),
            c.page_rows);
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
