// SPDX-License-Identifier: MIT
//
// Everything a checkpoint stands for, in memory: what a session hands over for saving and gets
// back when it resumes. Rows inside `kv` are shared pages nobody writes any more.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/kv_cache.h"
#include "residency/kv_state.h"

namespace starglass {

struct CheckpointState {
    std::vector<std::int32_t> tokens;
    std::string text;  // their bytes, control tokens spelled out
    KvState::Snapshot kv;
    std::vector<float> logits;      // [vocabulary] after the last token; empty when unknown
    std::vector<ToolBlock> blocks;  // sampled tool blocks by call id (KVC's tool-id map)
};

}  // namespace starglass
