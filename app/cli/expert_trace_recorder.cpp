// SPDX-License-Identifier: MIT
#include "expert_trace_recorder.h"

#include <CLI/CLI.hpp>

#include "output.h"

namespace starglass::cli {
namespace {

// Of one expert of each layer, from the tensors it is a part of; alignment is not known here.
std::vector<std::uint64_t> logical_expert_bytes(const ModelInfo& info) {
    std::vector<std::uint64_t> bytes(static_cast<std::size_t>(info.layers));
    for (std::size_t layer = 0; layer < bytes.size(); ++layer)
        for (const char* part : {"gate", "up", "down"}) {
            const std::string name = fmt::format("blk.{}.ffn_{}_exps.weight", layer, part);
            for (const TensorSummary& tensor : info.tensors)
                if (tensor.name == name)
                    bytes[layer] += tensor.bytes / static_cast<std::uint64_t>(info.experts);
        }
    return bytes;
}

}  // namespace

void add_expert_trace_option(CLI::App& command, std::string& path) {
    command
        .add_option("--expert-trace", path,
                    "Write which experts were used to FILE, for `cache-sim`")
        ->type_name("FILE");
}

ExpertTraceRecorder::ExpertTraceRecorder(const Engine& engine, std::string path)
    : engine_(engine), path_(std::move(path)) {
    const ModelInfo& info = engine.info();
    trace_.layers = info.layers;
    trace_.experts = info.experts;
    trace_.used = info.experts_used;
    trace_.hash_layers = info.hash_layers;
    trace_.model = info.name;
}

void ExpertTraceRecorder::on_routing(const RoutingFrame& frame) {
    if (!recording()) return;
    const std::int64_t next =
        trace_.batches.empty() ? -1 : trace_.batches.back().position + trace_.batches.back().rows;
    if (!frame.prefill || next != frame.position) end_chunk();
    if (!chunk_open_) trace_.batches.emplace_back().position = frame.position;
    chunk_open_ = true;
    ++trace_.batches.back().rows;
    rows_.insert(rows_.end(), frame.experts.begin(), frame.experts.end());
    if (!frame.prefill) end_chunk();
}

// Frames come row by row; a batch lies layer by layer.
void ExpertTraceRecorder::end_chunk() {
    if (!chunk_open_) return;
    chunk_open_ = false;
    ExpertTrace::Batch& batch = trace_.batches.back();
    const auto layers = static_cast<std::size_t>(trace_.layers);
    const auto used = static_cast<std::size_t>(trace_.used);
    const auto rows = static_cast<std::size_t>(batch.rows);
    batch.experts.resize(rows_.size());
    for (std::size_t row = 0; row < rows; ++row)
        for (std::size_t layer = 0; layer < layers; ++layer)
            for (std::size_t i = 0; i < used; ++i)
                batch.experts[(layer * rows + row) * used + i] =
                    rows_[(row * layers + layer) * used + i];
    rows_.clear();
}

void ExpertTraceRecorder::on_result(const GenerateResult& result) {
    end_chunk();
    const GenerateTimings& timings = result.timings;
    decode_seconds_ += timings.decode_seconds;
    decoded_ += timings.generated_tokens;
    prefill_seconds_ += timings.prefill_seconds;
    prefilled_ += timings.prompt_tokens - timings.reused_tokens;
}

Status ExpertTraceRecorder::finish() {
    if (!recording()) return {};
    end_chunk();
    // Where experts are read from disk the engine knows more: sizes with alignment, times without
    // waiting, what was predicted.
    if (const ExpertMemory* const memory = engine_.expert_memory()) {
        trace_ = memory->trace();
    } else {
        trace_.expert_bytes = logical_expert_bytes(engine_.info());
        if (decoded_ > 0) trace_.compute_seconds = decode_seconds_ / static_cast<double>(decoded_);
        if (prefilled_ > 0)
            trace_.prefill_seconds = prefill_seconds_ / static_cast<double>(prefilled_);
    }
    if (trace_.batches.empty())
        return fail(ErrorCode::invalid_input,
                    "no token was evaluated, so no expert trace was written");
    TRY_STATUS(write_expert_trace(trace_, path_));
    print_note(
        fmt::format("expert trace of {} tokens written to {}", trace_.tokens(), printable(path_)));
    return {};
}

}  // namespace starglass::cli
