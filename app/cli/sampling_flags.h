// SPDX-License-Identifier: MIT
//
// Sampling from the command line or a line of JSON, on top of what the model recommends.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/session.h"
#include "output.h"

namespace CLI {
class App;
}

namespace starglass::cli {

struct SamplingFlags {
    std::optional<float> temperature, top_p, min_p;
    std::optional<int> top_k;
    std::optional<std::uint64_t> seed;
};

void add_sampling_options(CLI::App& command, SamplingFlags& flags);

// What is not given stays as `recommended`; a seed that is not given is drawn at random. Errors:
// invalid_input for values outside their range.
Result<SamplingOptions> resolve_sampling(const SamplingFlags& flags,
                                         const SamplingOptions& recommended);

// Reads temperature, top_p, min_p, top_k, seed from a JSON object into `flags`.
Status read_sampling(const Json& object, SamplingFlags& flags);

}  // namespace starglass::cli
