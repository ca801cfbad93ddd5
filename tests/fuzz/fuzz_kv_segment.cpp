// SPDX-License-Identifier: MIT
//
// libFuzzer target for segments of the KV cache: header, words and rows for a small shape. What is
// accepted has the sizes of the shape, goes into a state's pages, and comes out the same when it is
// written again.
#include "fuzz/kv_fuzz.h"

namespace starglass::fuzz {
namespace {

// Further in a timeline there are only more pages.
constexpr std::int64_t kFirstTokenMax = 4 * kSegmentTokens;

void read_rows(const SegmentHeader& header, std::span<const std::byte> stored,
               const SegmentText& words) {
    const std::int64_t first = header.first_token;
    if (first > kFirstTokenMax) return;
    const std::int64_t end = first + header.tokens;
    Bytes rows(static_cast<std::size_t>(row_bytes(shape().layers, first, end)));
    const Status status = decode_segment_rows(header, stored, rows);
    if (!accepted(status)) return;
    require(header.rows_raw == rows.size());

    KvState::Snapshot state;
    make_rows(state, end);
    copy_rows_in(state, shape().layers, first, end, rows.data());
    Bytes out(rows.size());
    copy_rows_out(state, shape().layers, first, end, out.data());
    require(out == rows);

    const Bytes again = encode_segment(header, words, state, shape().layers);
    const auto parsed = parse_segment_header(again);
    require(parsed && parsed->id == header.id && parsed->tokens == header.tokens &&
            parsed->text_raw == header.text_raw && parsed->rows_raw == header.rows_raw);
    const auto behind = std::span<const std::byte>(again).subspan(kSegmentHeaderBytes);
    const auto text = decode_segment_text(*parsed, behind);
    require(text && text->tokens == words.tokens && text->text == words.text);
    require(decode_segment_rows(*parsed, behind.subspan(parsed->text_stored), out).has_value() &&
            out == rows);
}

}  // namespace
}  // namespace starglass::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    using namespace starglass::fuzz;
    write_seeds_if_asked([] {
        std::vector<Bytes> out;
        for (const Sample& one : samples())
            out.insert(out.end(), one.segments.begin(), one.segments.end());
        return out;
    });
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace starglass;
    using namespace starglass::fuzz;
    const Bytes file = copy_of(data, size);
    const auto header = parse_segment_header(file);
    if (!accepted(header)) return 0;
    require(header->tokens > 0 && header->tokens <= static_cast<std::uint32_t>(kSegmentTokens) &&
            header->first_token >= 0 && header->first_token % kSegmentTokens == 0);
    const auto stored = std::span<const std::byte>(file).subspan(kSegmentHeaderBytes);
    const auto words = decode_segment_text(*header, stored);
    if (!accepted(words)) return 0;
    require(words->tokens.size() == header->tokens &&
            words->tokens.size() * sizeof(std::int32_t) + words->text.size() == header->text_raw);
    read_rows(*header, stored.subspan(header->text_stored), *words);
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
    using namespace starglass::fuzz;
    return mutate_input(data, size, size_max, seed, mutate_segment);
}
