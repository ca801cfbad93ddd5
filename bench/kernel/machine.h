// SPDX-License-Identifier: MIT
//
// The machine's ceilings, measured once per process and thread count when a benchmark first asks.
#pragma once

#include "cpu/machine_speed.h"

namespace starglass::bench {

struct MachineCeilings {
    double read_bytes_s = 0;
    ArithmeticSpeed arithmetic;
};

const MachineCeilings& machine_ceilings(int threads);

}  // namespace starglass::bench
