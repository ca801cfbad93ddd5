// SPDX-License-Identifier: MIT
//
// What a measurement has to say about where it was made: the machine, how busy it is, and how much
// memory this process takes. What a system does not tell is empty or 0.
#pragma once

#include <cstdint>
#include <string>

namespace starglass::cli {

struct MachineInfo {
    std::string cpu;     // as the processor names itself
    std::string system;  // "Linux 6.1.0"
    int logical_cores = 0;
    std::uint64_t memory_bytes = 0;
};
MachineInfo machine_info();

// Programs that ran or wanted to, on average over the last minute; -1 where nobody counts.
double load_average();

struct ProcessMemory {
    std::uint64_t resident_bytes = 0;
    std::uint64_t anonymous_bytes = 0;  // resident without the pages of files: not a mapped model's
    std::uint64_t peak_bytes = 0;       // most resident since the start or reset_peak_memory()
};
ProcessMemory process_memory();
// Peaks count from here where the system allows it (Linux).
void reset_peak_memory();

std::string utc_time();  // "2026-11-24T18:12:42Z"

}  // namespace starglass::cli
