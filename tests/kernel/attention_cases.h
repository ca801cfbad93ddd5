// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/support.h"

namespace starglass::testing {

struct AttentionCase {
    int heads, width, rotary;
    int window;
    std::int64_t first;
    int rows;
    int ratio;
    int top_k;   // 0: every compressed row
    bool plain;  // f32 rows
};

inline std::vector<AttentionCase> attention_cases() {
    std::vector<AttentionCase> cases;
    for (int first = 0; first < 34; ++first)  // every number of raw rows around the window
        cases.push_back({2, 128, 64, 16, first, 1 + first % 3, 0, 0, false});
    cases.push_back({4, 192, 64, 128, 0, 9, 0, 0, false});
    cases.push_back({4, 192, 64, 128, 300, 5, 128, 0, false});
    cases.push_back({4, 192, 64, 16, 120, 20, 4, 0, false});
    cases.push_back({4, 192, 64, 16, 120, 7, 4, 8, false});
    cases.push_back({3, 192, 64, 16, 40, 7, 4, 8, true});
    cases.push_back({5, 66, 2, 8, 30, 3, 4, 3, false});
    cases.push_back({64, 512, 64, 128, 2100, 2, 4, 64, false});
    cases.push_back({1, 64, 64, 4, 0, 3, 2, 0, false});
    cases.push_back({4, 7, 0, 4, 9, 3, 3, 2, true});  // a width that fills no vector
    // Numbers of rows around the tiles of 8, 16 and 64, large enough to be spread over threads;
    // heads that fill no block; rotary parts of less and more than one group.
    for (const int window : {7, 8, 9, 15, 17, 63, 64, 65, 127})
        cases.push_back({16, 512, 64, window, 400, 1, 0, 0, false});
    for (const int first : {519, 520, 523, 780})
        cases.push_back({7, 320, 128, 64, first, 1, 4, 0, false});
    cases.push_back({9, 130, 2, 64, 900, 2, 4, 70, false});
    cases.push_back({6, 448, 0, 100, 900, 13, 4, 35, false});
    cases.push_back({18, 200, 200, 33, 300, 1, 2, 0, false});
    cases.push_back({10, 150, 0, 40, 300, 1, 2, 90, true});
    // So many compressed rows that a device takes larger pieces of them.
    cases.push_back({2, 64, 64, 16, 4500, 2, 2, 0, false});
    cases.push_back({2, 64, 64, 16, 4500, 2, 2, 600, false});
    // Rows enough for the form of a prompt.
    cases.push_back({34, 192, 64, 16, 0, 50, 4, 8, false});
    cases.push_back({16, 512, 64, 40, 500, 48, 4, 40, false});
    cases.push_back({3, 66, 2, 8, 30, 49, 4, 0, false});
    cases.push_back({5, 150, 0, 40, 300, 48, 2, 90, true});
    return cases;
}

struct AttentionProblem {
    AttentionCase shape;
    Floats q, sinks, out;
    std::unique_ptr<OwnedRing> raw;
    std::unique_ptr<OwnedPages> compressed;
    std::vector<std::int32_t> selected, counts;

    explicit AttentionProblem(const AttentionCase& c, std::uint64_t seed = 1) : shape(c) {
        Random random(seed);
        const RowLayout layout =
            c.plain ? RowLayout::plain(c.width) : RowLayout::kv(c.width, c.rotary);
        // Unit rms per head, as normed queries have.
        q = Floats::random(random, static_cast<std::int64_t>(c.rows) * c.heads * c.width);
        sinks = Floats::random(random, c.heads);
        out = Floats(static_cast<std::int64_t>(c.rows) * c.heads * c.width, random.below(4));
        raw = std::make_unique<OwnedRing>(layout, c.window - 1 + c.rows);
        for (std::int64_t p = std::max<std::int64_t>(0, c.first - c.window + 1);
             p < c.first + c.rows; ++p) {
            const Floats row = Floats::random(random, c.width);
            encode_row(layout, row.data(), raw->view().row(p));
        }
        if (c.ratio == 0) return;
        const std::int64_t total = (c.first + c.rows) / c.ratio;
        compressed =
            std::make_unique<OwnedPages>(layout, Floats::random(random, total * c.width).span());
        if (c.top_k == 0) return;
        for (int row = 0; row < c.rows; ++row) {
            const auto visible = static_cast<int>((c.first + row + 1) / c.ratio);
            std::vector<std::int32_t> rows(static_cast<std::size_t>(visible));
            for (int i = 0; i < visible; ++i) rows[i] = i;
            while (static_cast<int>(rows.size()) > c.top_k)
                rows.erase(rows.begin() + random.below(static_cast<int>(rows.size())));
            counts.push_back(static_cast<std::int32_t>(rows.size()));
            rows.resize(static_cast<std::size_t>(c.top_k), -1);
            selected.insert(selected.end(), rows.begin(), rows.end());
        }
    }
    [[nodiscard]] Attention op() {
        Attention op{.q = q.data(),
                     .sinks = sinks.data(),
                     .first_position = shape.first,
                     .rows = shape.rows,
                     .heads = shape.heads,
                     .width = shape.width,
                     .window = shape.window,
                     .raw = raw->view(),
                     .ratio = shape.ratio,
                     .compressed = {},
                     .out = out.data()};
        if (compressed) op.compressed = compressed->view();
        if (!selected.empty()) {
            op.selected = selected.data();
            op.counts = counts.data();
            op.selected_stride = shape.top_k;
        }
        return op;
    }
};

}  // namespace starglass::testing
