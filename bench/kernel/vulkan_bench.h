// SPDX-License-Identifier: MIT
//
// vulkan/...: the ops on a Vulkan device beside those on the CPU.
#pragma once

#include <string>

namespace starglass::bench {

// Registers them for `device` (index or part of a name; empty: the best real one, or else the
// first, with a word that it is a software driver). Without any device there are none, and stderr
// says so.
void register_vulkan(const std::string& device);
// Gives the device back; after the last benchmark.
void close_vulkan();

}  // namespace starglass::bench
