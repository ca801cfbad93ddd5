// SPDX-License-Identifier: MIT
#include "bench_plan.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "output.h"

namespace starglass::cli {
namespace {

constexpr std::size_t kFrontiersMax = 1000;

template <class Number>
bool parse_whole(std::string_view text, Number& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<BenchStep> BenchStep::parse(std::string_view text) {
    BenchStep step;
    if (text.starts_with("x")) {
        if (parse_whole(text.substr(1), step.times) && step.times > 1 && step.times <= 1e6)
            return step;
        return fail(ErrorCode::invalid_input,
                    "--step {} cannot be followed; write x and a number above 1, like x2",
                    quoted_text(text));
    }
    if (parse_whole(text, step.add) && step.add > 0) return step;
    return fail(ErrorCode::invalid_input,
                "--step {} cannot be followed; write a number of tokens from 1, or a factor like "
                "x2",
                quoted_text(text));
}

Result<std::vector<std::int64_t>> bench_frontiers(std::int64_t start, std::int64_t max,
                                                  const BenchStep& step) {
    if (max < start)
        return fail(ErrorCode::invalid_input,
                    "--ctx-max {} is below --ctx-start {}, so there is nothing to measure", max,
                    start);
    std::vector<std::int64_t> frontiers;
    for (std::int64_t at = start; at < max;) {
        frontiers.push_back(at);
        if (frontiers.size() >= kFrontiersMax)
            return fail(ErrorCode::invalid_input,
                        "from {} to {} tokens there are more than {} stops; use a larger --step",
                        start, max, kFrontiersMax);
        at = step.times > 0
                 ? std::max(at + 1, static_cast<std::int64_t>(
                                        std::min(std::llround(static_cast<double>(at) * step.times),
                                                 static_cast<long long>(max))))
                 : std::min(max, at + std::min(step.add, max));
    }
    frontiers.push_back(max);
    return frontiers;
}

}  // namespace starglass::cli
