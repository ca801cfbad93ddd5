// SPDX-License-Identifier: MIT
//
// A model under a memory ceiling: weights every token needs are copied out of the file into memory
// of our own, routed experts come through an ExpertStore, and the file itself is not mapped any
// more. So what is in memory is what was counted, and a file that changes cannot fault.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/cancel.h"
#include "base/mapped_file.h"
#include "experts/expert_store.h"
#include "model/shape.h"
#include "model/weights.h"
#include "session/memory_plan.h"

namespace starglass {

// Memory that goes with its owner.
class HostBlock {
public:
    HostBlock() = default;
    // Errors: out_of_memory.
    static Result<HostBlock> reserve(std::uint64_t bytes);
    HostBlock(HostBlock&& other) noexcept { *this = std::move(other); }
    HostBlock& operator=(HostBlock&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~HostBlock();
    [[nodiscard]] std::byte* data() const { return data_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    std::byte* data_ = nullptr;
    std::uint64_t bytes_ = 0;
};

// Reads every weight a token needs (and that `weights` has) into memory and changes `weights`
// accordingly. `mapped` is the file as `weights` refer to it. `progress` counts bytes. Errors: io,
// out_of_memory, cancelled.
Result<HostBlock> copy_shared_weights(
    const std::string& path, const std::byte* mapped, const ModelShape& shape,
    ModelWeights& weights, const std::string& reads,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& progress,
    const CancelToken& cancel);

// Makes the weights of all layers that `experts` reads from the file refer to it.
void take_experts_from(const ExpertStore& experts, ModelWeights& weights);

}  // namespace starglass
