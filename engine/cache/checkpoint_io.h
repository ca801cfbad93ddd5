// SPDX-License-Identifier: MIT
//
// Whole checkpoints in and out of a cache: what reading and writing other formats needs and the
// facade's KvCache does not show. A cache on disk is also a CheckpointIo.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cache/checkpoint_state.h"
#include "residency/kv_state.h"

namespace starglass {

// The model a state belongs to, as far as its sizes and its identity go.
struct ModelStateShape {
    std::vector<LayerStateShape> layers;
    int window = 0;  // raw rows of a full window: the model's, less in a smaller context
    int vocabulary = 0;
    std::string fingerprint;  // ModelInfo::fingerprint
    std::string model_name;
};

// What is known about a checkpoint besides its state.
struct CheckpointMeta {
    SaveReason reason = SaveReason::unknown;
    std::string parent;               // id of the checkpoint it goes on from, or empty
    double evaluate_seconds = 0;      // measured; 0: not known
    std::int64_t context_tokens = 0;  // of the session it comes from
    std::int64_t created_unix = 0;    // 0: now
    std::uint32_t producer = 0;       // which arithmetic made the rows; 0: not known
    // Byte offsets in the text where tokens kSegmentTokens, 2 x kSegmentTokens, ... begin; one for
    // every whole segment.
    std::vector<std::int64_t> text_ends{};
    std::vector<TokenAlternative> next{};  // the likeliest next tokens, most probable first
};

class CheckpointIo {
public:
    virtual ~CheckpointIo() = default;
    // Writes a checkpoint and waits until it is on disk; gives its id. `shape` is the model of
    // `state`. Errors: io, invalid_input.
    virtual Result<std::string> put(const ModelStateShape& shape, CheckpointState state,
                                    const CheckpointMeta& meta) = 0;
    // Errors: not_found; invalid_input when it is damaged or belongs to another model.
    virtual Result<CheckpointState> get(const std::string& id, const ModelStateShape& shape) = 0;
};

}  // namespace starglass
