// SPDX-License-Identifier: MIT
//
// libFuzzer target for everything a model file can reach: parsing, metadata, tensor binding, the
// tokenizer, and, when a mutated file still opens, a few tokens through the forward pass, where a
// shape that slipped through the checks would read out of bounds.
//
// Seeds: the files of make_broken_gguf.py. Mutations aim at the front of the file, because the
// weights behind it are only numbers.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "format/gguf.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

namespace starglass {
namespace {

// The engine asks for bytes aligned to 32; an allocation of exactly `size` lets the address
// sanitizer see the first byte read too far.
class AlignedCopy {
public:
    AlignedCopy(const std::uint8_t* data, std::size_t size) : size_(size) {
        if (posix_memalign(&data_, 32, size == 0 ? 1 : size) != 0) std::abort();
        if (size != 0) std::memcpy(data_, data, size);
    }
    ~AlignedCopy() { std::free(data_); }
    AlignedCopy(const AlignedCopy&) = delete;
    AlignedCopy& operator=(const AlignedCopy&) = delete;
    [[nodiscard]] std::span<const std::byte> bytes() const {
        return {static_cast<const std::byte*>(data_), size_};
    }

private:
    void* data_ = nullptr;
    std::size_t size_;
};

// Looks at all that parse promised to have checked.
void read_everything(const Gguf& gguf) {
    std::size_t sum = 0;
    for (const GgufValue& value : gguf.metadata()) {
        sum += describe(value).size();
        if (const auto strings = gguf.require_strings(value.key))
            for (const std::string_view text : *strings)
                sum += text.empty() ? 0 : static_cast<unsigned char>(text.back());
        if (const auto ints = gguf.require_ints(value.key); ints && ints->size() != 0)
            sum += static_cast<std::size_t>((*ints)[ints->size() - 1]);
        if (const auto floats = gguf.require_floats(value.key); floats && floats->size() != 0)
            sum += (*floats)[floats->size() - 1] > 0 ? 1 : 0;
        (void)gguf.f32_like(value.key);
        (void)gguf.u64_or_u32(value.key);
    }
    for (const GgufTensor& tensor : gguf.tensors()) {
        sum += tensor.elements() + tensor.type_name().size();
        if (!tensor.data.empty()) sum += static_cast<std::size_t>(tensor.data.back());
    }
    volatile std::size_t sink = sum;
    (void)sink;
}

void evaluate(Engine& engine) {
    // Larger shapes only make the fuzzer slow.
    const ModelInfo& info = engine.info();
    if (info.layers > 8 || info.sliding_window > 1024 || info.embedding > 256 ||
        info.head_width > 512)
        return;
    auto session = engine.create_session();
    if (!session) return;
    SessionListener listener;
    const CancelToken never;
    std::vector<TokenId> tokens;
    for (TokenId id = 0; id < 10; ++id) tokens.push_back(id * 7 % info.vocabulary);
    (void)(*session)->evaluate(tokens, {}, listener, {}, never);
}

}  // namespace
}  // namespace starglass

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace starglass;
    const AlignedCopy copy(data, size);
    const auto gguf = Gguf::parse(copy.bytes());
    if (!gguf) {
        if (gguf.error().message.empty()) std::abort();
        return 0;
    }
    read_everything(*gguf);

    EngineOptions options;
    options.backend = BackendKind::reference;
    options.threads = 1;
    options.context_tokens = 64;
    const CancelToken never;
    const auto engine = open_engine(copy.bytes(), "fuzz", options, {}, never);
    if (!engine) {
        if (engine.error().message.empty()) std::abort();
        return 0;
    }
    evaluate(**engine);
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
    using namespace starglass;
    // One time in sixteen anywhere; else in front of the weights.
    const auto gguf = Gguf::parse({reinterpret_cast<const std::byte*>(data), size});
    constexpr std::size_t kHeadGuess = 10000;
    std::size_t head = gguf ? static_cast<std::size_t>(gguf->data_start()) : kHeadGuess;
    if (head >= size || seed % 16 == 0) return LLVMFuzzerMutate(data, size, size_max);
    const std::vector<std::uint8_t> tail(data + head, data + size);
    head = LLVMFuzzerMutate(data, head, size_max - tail.size());
    std::memcpy(data + head, tail.data(), tail.size());
    return head + tail.size();
}
