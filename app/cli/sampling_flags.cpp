// SPDX-License-Identifier: MIT
#include "sampling_flags.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

namespace starglass::cli {
namespace {

constexpr int kTopKMax = 1024;

template <class T>
Status read_number(const Json& object, const char* key, std::optional<T>& value) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return {};
    if constexpr (std::is_integral_v<T>) {
        if (!found->is_number_integer() || (found->is_number_integer() && *found < 0))
            return fail(ErrorCode::invalid_input, "'{}' is not a whole number from 0 up", key);
        if (found->template get<std::uint64_t>() >
            static_cast<std::uint64_t>(std::numeric_limits<T>::max()))
            return fail(ErrorCode::invalid_input, "'{}' is too large", key);
    } else if (!found->is_number()) {
        return fail(ErrorCode::invalid_input, "'{}' is not a number", key);
    }
    value = found->template get<T>();
    return {};
}

std::uint64_t random_seed() {
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32U) | device();
}

}  // namespace

void add_sampling_options(CLI::App& command, SamplingFlags& flags) {
    command.add_option("--temp", flags.temperature, "Temperature; 0: always the likeliest token")
        ->type_name("T");
    command.add_option("--top-k", flags.top_k, "Sample among the K likeliest; 0: all")
        ->type_name("K");
    command.add_option("--top-p", flags.top_p, "Sample within this much probability")
        ->type_name("P");
    command
        .add_option("--min-p", flags.min_p,
                    "Leave out what is this much less likely than the "
                    "likeliest")
        ->type_name("P");
    command.add_option("--seed", flags.seed, "Repeats an answer; random if not given")
        ->type_name("N");
}

Result<SamplingOptions> resolve_sampling(const SamplingFlags& flags,
                                         const SamplingOptions& recommended) {
    SamplingOptions out = recommended;
    out.temperature = flags.temperature.value_or(out.temperature);
    out.top_p = flags.top_p.value_or(out.top_p);
    out.min_p = flags.min_p.value_or(out.min_p);
    out.top_k = flags.top_k.value_or(out.top_k);
    out.seed = flags.seed ? *flags.seed : random_seed();
    // Written so that a NaN fails too.
    if (!(std::abs(out.temperature) <= 100))
        return fail(ErrorCode::invalid_input, "the temperature {} is not between 0 and 100",
                    out.temperature);
    if (!(out.top_p > 0 && out.top_p <= 1))
        return fail(ErrorCode::invalid_input, "top-p is {}, but it is above 0 and at most 1",
                    out.top_p);
    if (!(out.min_p >= 0 && out.min_p <= 1))
        return fail(ErrorCode::invalid_input, "min-p is {}, but it is between 0 and 1", out.min_p);
    if (out.top_k < 0 || out.top_k > kTopKMax)
        return fail(ErrorCode::invalid_input, "top-k is {}, but it is between 0 and {}", out.top_k,
                    kTopKMax);
    return out;
}

Status read_sampling(const Json& object, SamplingFlags& flags) {
    TRY_STATUS(read_number(object, "temperature", flags.temperature));
    TRY_STATUS(read_number(object, "top_p", flags.top_p));
    TRY_STATUS(read_number(object, "min_p", flags.min_p));
    TRY_STATUS(read_number(object, "top_k", flags.top_k));
    TRY_STATUS(read_number(object, "seed", flags.seed));
    return {};
}

}  // namespace starglass::cli
