// SPDX-License-Identifier: MIT
//
// A look-up table that is not in memory, as the forward pass sees it. One thread.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "tensor/weight.h"

namespace starglass {

class TableFeed {
public:
    virtual ~TableFeed() = default;
    // A table whose row i is row rows[i] of the whole one, in host memory until the next call.
    // Errors: io, one sentence.
    [[nodiscard]] virtual Result<Weight> gather(std::span<const std::int32_t> rows) = 0;
};

}  // namespace starglass
