// SPDX-License-Identifier: MIT
//
// How much memory there is for this process and how much of it the process holds, as Linux tells
// it. All figures are bytes. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace starglass {

// Where the system's figures are; tests put their own there.
struct SystemFolders {
    std::string proc = "/proc";
    std::string cgroup = "/sys/fs/cgroup";
};

struct AvailableMemory {
    // What can be taken without swapping and without the limit of a control group above this
    // process: memory that is free, and file pages that nobody needs.
    std::int64_t bytes = 0;
    // What there is in all: the machine's memory, or the lowest limit above this process.
    std::int64_t total = 0;
    bool limited = false;  // `bytes` is a control group's doing
};

// Errors: io (a file cannot be read), unsupported (it does not say what it should). A control group
// that says nothing is no limit.
Result<AvailableMemory> available_memory(const SystemFolders& folders = {});

// Kernels count per processor and add up now and then, so each figure may lag by some 100 KiB per
// processor.
struct ResidentMemory {
    std::int64_t bytes = 0;      // in memory now: the sum of the three below
    std::int64_t peak = 0;       // the most it has been
    std::int64_t anonymous = 0;  // heap, stacks, buffers
    std::int64_t file = 0;       // mapped files, programs and libraries
    std::int64_t shared = 0;     // shared memory, tmpfs
};

// Errors: io, unsupported.
Result<ResidentMemory> resident_memory(const SystemFolders& folders = {});

}  // namespace starglass
