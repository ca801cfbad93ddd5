// SPDX-License-Identifier: MIT
//
// How fast a model's own file gives whole experts at random places, read as ExpertStore reads them.
#pragma once

#include <span>
#include <string>

#include "base/cancel.h"
#include "base/result.h"
#include "experts/expert_store.h"

namespace starglass {

struct DiskSpeed {
    double bytes_s = 0;
    std::string how;  // "io_uring, direct"
};

// About 0.3 seconds or 512 MB, whichever comes first. `used` experts of a token and as many again
// are under way, as in the store. Errors: io, unsupported (no such way of reading), cancelled.
Result<DiskSpeed> measure_disk_speed(const std::string& path, std::span<const ExpertLayout> layers,
                                     int experts, int used, const std::string& reads,
                                     const CancelToken& cancel);

}  // namespace starglass
