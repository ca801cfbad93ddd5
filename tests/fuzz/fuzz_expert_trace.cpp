// SPDX-License-Identifier: MIT
//
// libFuzzer target: any bytes as a trace of experts. What is accepted must be writable again and
// come back the same, and must be replayable. The mutator changes what is inside the frame and
// packs it again with a right checksum, so that damage gets past both.
//
// With FUZZ_EXPERT_TRACE_SEEDS=DIRECTORY the target writes a few good files there and leaves.
#include <xxhash.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/trace_generator.h"
#include "experts/expert_trace.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

namespace {

constexpr std::size_t kHeader = 40;
constexpr std::size_t kBodyMax = 1 << 16;

void check(bool good) {
    if (!good) std::abort();
}

void write_seeds(const char* directory) {
    std::filesystem::create_directories(directory);
    for (const std::string_view kind : starglass::trace_kinds()) {
        starglass::TraceRecipe recipe = *starglass::trace_recipe(kind);
        recipe.layers = 3;
        recipe.experts = 8;
        recipe.used = 2;
        recipe.hash_layers = 1;
        recipe.tokens = 12;
        recipe.topic_tokens = 6;
        recipe.prompt_tokens = std::min(recipe.prompt_tokens, 5);
        recipe.prediction = kind == "zipf" ? 0 : 0.5;
        const auto bytes = *starglass::pack_expert_trace(*starglass::generate_trace(recipe));
        std::ofstream file(std::filesystem::path(directory) / kind, std::ios::binary);
        file.write(reinterpret_cast<const char*>(bytes.data()),
                   static_cast<std::streamsize>(bytes.size()));
    }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    if (const char* directory = std::getenv("FUZZ_EXPERT_TRACE_SEEDS")) {
        write_seeds(directory);
        std::exit(0);
    }
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto trace =
        starglass::unpack_expert_trace(std::as_bytes(std::span<const std::uint8_t>(data, size)));
    if (!trace) {
        check(!trace.error().message.empty());
        return 0;
    }
    const auto again = starglass::pack_expert_trace(*trace);
    check(again.has_value());
    const auto back = starglass::unpack_expert_trace(*again);
    check(back && back->batches.size() == trace->batches.size());
    // The largest shapes take their time and show nothing new.
    if (static_cast<std::int64_t>(trace->layers) * trace->experts > 1 << 16) return 0;
    starglass::SimulationOptions options;
    for (const std::uint64_t bytes : trace->expert_bytes)
        options.budget_bytes = std::max(options.budget_bytes, bytes);
    options.budget_bytes *= static_cast<std::uint64_t>(trace->used) + 2;
    options.lookahead = true;
    check(starglass::simulate_experts(*trace, options, {}).has_value());
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
    if (size <= kHeader || seed % 8 == 0) return LLVMFuzzerMutate(data, size, size_max);
    std::vector<std::uint8_t> body(kBodyMax);
    std::size_t length = ZSTD_decompress(body.data(), body.size(), data + kHeader, size - kHeader);
    if (ZSTD_isError(length) != 0) return LLVMFuzzerMutate(data, size, size_max);
    length = LLVMFuzzerMutate(body.data(), length, body.size());
    std::vector<std::uint8_t> packed(ZSTD_compressBound(length));
    const std::uint64_t bytes = ZSTD_compress(packed.data(), packed.size(), body.data(), length, 1);
    if (kHeader + bytes > size_max) return LLVMFuzzerMutate(data, size, size_max);
    const std::uint64_t numbers[] = {bytes, length, XXH3_64bits(packed.data(), bytes)};
    std::memcpy(data + 16, numbers, sizeof numbers);
    std::memcpy(data + kHeader, packed.data(), bytes);
    return kHeader + bytes;
}
