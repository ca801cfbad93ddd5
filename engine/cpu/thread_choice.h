// SPDX-License-Identifier: MIT
//
// How many threads a machine is fastest with, found by trying. Cores that share their memory with
// others, second threads of a core and limits set from outside do not show in the number of CPUs.
#pragma once

#include <span>
#include <vector>

namespace starglass {

struct ThreadSpeed {
    int threads = 0;
    double bytes_s = 0;  // weights met by one vector, as in a decoded token
};

// Numbers of threads worth trying, ascending: powers of two, the cores and the logical CPUs.
std::vector<int> thread_candidates(int cores, int logical);

// The most threads among those within 3 % of the fastest: decoding cannot tell these apart, and
// prefill uses every one. `measured` is not empty.
int choose_threads(std::span<const ThreadSpeed> measured);

// Times a matrix of Q8_0 weights that no cache holds against one vector, with each number of
// threads. Takes about a tenth of a second and 96 MiB meanwhile.
std::vector<ThreadSpeed> measure_thread_speeds(std::span<const int> candidates);

}  // namespace starglass
