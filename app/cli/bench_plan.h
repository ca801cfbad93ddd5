// SPDX-License-Identifier: MIT
//
// Which lengths of context a bench stops at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

namespace starglass::cli {

// From one frontier to the next: `add` tokens further, or `times` as far.
struct BenchStep {
    std::int64_t add = 0;
    double times = 0;  // 0: `add` counts

    // "512" or "x2". Errors: invalid_input.
    static Result<BenchStep> parse(std::string_view text);
};

// start, start + step, ... and max itself. Errors: invalid_input for limits that make no sense, and
// for more stops than anybody waits for.
Result<std::vector<std::int64_t>> bench_frontiers(std::int64_t start, std::int64_t max,
                                                  const BenchStep& step);

}  // namespace starglass::cli
