// SPDX-License-Identifier: MIT
//
// Which experts a user's own conversations needed, kept between runs so that they are in memory
// before the first question. One small file per model; lost or damaged, it is learned anew.
//
// Layout, little endian: "SGHL", u32 version 1, u32 layers, u32 experts, f32 share of tokens
// [layers, experts], SHA-256 of all before it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "experts/expert_policy.h"

namespace starglass {

Status write_hot_list(FileSystem& files, const std::string& path, int layers, int experts,
                      std::span<const float> shares);
// Errors: not_found, io; invalid_input for another shape or damage.
Result<std::vector<float>> read_hot_list(FileSystem& files, const std::string& path, int layers,
                                         int experts);

// Experts in the order in which they are worth memory, most used first; none that was never used.
std::vector<ExpertId> hottest_first(std::span<const float> shares);

}  // namespace starglass
