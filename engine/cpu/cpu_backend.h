// SPDX-License-Identifier: MIT
//
// SIMD with run-time dispatch (Highway) and a fork-join pool.
#pragma once

#include <memory>

#include "kernel/backend.h"

namespace starglass {

// threads: 0 means one per physical core.
std::unique_ptr<Backend> make_cpu_backend(Activations activations, int threads);

}  // namespace starglass
