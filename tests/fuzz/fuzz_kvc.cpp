// SPDX-License-Identifier: MIT
//
// libFuzzer target for ds4's checkpoint files: the parser for a small shape of every kind of
// layer, and what it accepts goes through the writer and must come back the same.
//
// Seeds: FUZZ_KVC_SEEDS=DIR makes the program write them and leave (see kvc_seeds below).
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "cache/kvc_file.h"
#include "support/kvc_samples.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

namespace starglass {
namespace {

// Small rows keep a whole file near 40 KB.
const KvcShape& shape() {
    static const KvcShape small = [] {
        KvcShape s{{}, 8, 40, 4096};
        for (const int ratio : {0, 4, 8}) s.layers.push_back(test::kvc_layer(ratio, 72, 8, 32));
        return s;
    }();
    return small;
}

void write_seed(const std::string& folder, std::int64_t tokens, std::vector<ToolBlock> blocks) {
    CheckpointState state = test::kvc_state(shape(), tokens);
    state.blocks = std::move(blocks);
    KvcHeader header;
    header.reason = SaveReason::cold;
    std::ofstream(folder + "/" + std::to_string(tokens) + ".kv", std::ios::binary)
        << test::kvc_bytes(state, shape(), header);
}

void write_seeds(const std::string& folder) {
    std::filesystem::create_directories(folder);
    for (const std::int64_t tokens : {1, 3, 4, 7, 8, 9, 31, 64}) write_seed(folder, tokens, {});
    write_seed(folder, 5, {{"call_1", "a block"}, {"call_2", "another"}});
}

}  // namespace
}  // namespace starglass

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    // A build has no other program that knows the shape.
    if (const char* const folder = std::getenv("FUZZ_KVC_SEEDS")) {
        starglass::write_seeds(folder);
        std::exit(0);
    }
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace starglass;
    // A copy of exactly this size lets the address sanitizer see the first byte read too far.
    const std::vector<std::byte> copy(reinterpret_cast<const std::byte*>(data),
                                      reinterpret_cast<const std::byte*>(data) + size);
    const auto file = parse_kvc(copy, shape());
    if (!file) {
        if (file.error().message.empty()) std::abort();
        return 0;
    }
    const std::string written = test::kvc_bytes(file->state, shape(), file->header);
    const auto again = parse_kvc(test::bytes_of(written), shape());
    if (!again || !test::kvc_difference(file->state, again->state, shape()).empty()) std::abort();
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
    // Counts and lengths stand in the first few hundred bytes; behind them are only numbers, and
    // the tool-id map at the end.
    constexpr std::size_t kHead = 400;
    if (size <= kHead || seed % 8 == 0) return LLVMFuzzerMutate(data, size, size_max);
    if (seed % 8 == 1) {
        const std::size_t at = size - kHead / 2;
        return at + LLVMFuzzerMutate(data + at, size - at, size_max - at);
    }
    const std::vector<std::uint8_t> tail(data + kHead, data + size);
    const std::size_t head = LLVMFuzzerMutate(data, kHead, size_max - tail.size());
    std::memcpy(data + head, tail.data(), tail.size());
    return head + tail.size();
}
