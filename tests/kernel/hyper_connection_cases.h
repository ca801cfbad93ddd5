// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/support.h"

namespace starglass::testing {

struct HyperCase {
    DataType type;
    int streams;
    std::int64_t dim;
    int rows;
    int sinkhorn = 20;
};

inline std::vector<HyperCase> hyper_cases() {
    std::vector<HyperCase> cases;
    for (std::int64_t dim = 1; dim <= 17; ++dim) cases.push_back({DataType::f16, 4, dim, 2});
    cases.push_back({DataType::f16, 4, 256, 5});
    cases.push_back({DataType::f32, 4, 256, 3});
    cases.push_back({DataType::f16, 2, 64, 3, 5});
    cases.push_back({DataType::f16, 1, 64, 1, 1});
    cases.push_back({DataType::f16, 16, 32, 2});
    cases.push_back({DataType::f16, 4, 70, 35});  // rows that share weights on a GPU
    return cases;
}

// One problem serves all three ops: the output of pre feeds post.
struct HyperProblem {
    HyperCase shape;
    OwnedWeight fn, head_fn;
    Floats h, y, scale, base, head_scale, head_base;
    Floats u, post, comb, out, v;

    explicit HyperProblem(const HyperCase& c, std::uint64_t seed = 1) : shape(c) {
        Random random(seed);
        const int mix = 2 * c.streams + c.streams * c.streams;
        const float weight = 1.0F / std::sqrt(static_cast<float>(c.streams * c.dim));
        fn = random_weight(random, c.type, c.streams * c.dim, mix, 1, weight);
        head_fn = random_weight(random, c.type, c.streams * c.dim, c.streams, 1, weight);
        h = Floats::random(random, c.rows * c.streams * c.dim, 2.0F);
        y = Floats::random(random, c.rows * c.dim);
        scale = Floats::random(random, 3);
        base = Floats::random(random, mix);
        head_scale = Floats::random(random, 1);
        head_base = Floats::random(random, c.streams);
        u = Floats(c.rows * c.dim, random.below(4));
        v = u;
        post = Floats(c.rows * c.streams);
        comb = Floats(c.rows * c.streams * c.streams);
        out = Floats(c.rows * c.streams * c.dim, random.below(4));
    }
    [[nodiscard]] HyperPre pre() {
        return {.h = h.data(),
                .fn = fn.view(),
                .scale = scale.data(),
                .base = base.data(),
                .rows = shape.rows,
                .streams = shape.streams,
                .dim = shape.dim,
                .sinkhorn = shape.sinkhorn,
                .epsilon = 1e-6F,
                .hyper_epsilon = 1e-6F,
                .u = u.data(),
                .post = post.data(),
                .comb = comb.data()};
    }
    [[nodiscard]] HyperPost spread() {
        return {.h = h.data(),
                .y = y.data(),
                .post = post.data(),
                .comb = comb.data(),
                .rows = shape.rows,
                .streams = shape.streams,
                .dim = shape.dim,
                .out = out.data()};
    }
    [[nodiscard]] HyperHead head() {
        return {.h = h.data(),
                .fn = head_fn.view(),
                .scale = head_scale.data(),
                .base = head_base.data(),
                .rows = shape.rows,
                .streams = shape.streams,
                .dim = shape.dim,
                .epsilon = 1e-6F,
                .hyper_epsilon = 1e-6F,
                .v = v.data()};
    }
};

}  // namespace starglass::testing
