// SPDX-License-Identifier: MIT
//
// ds4's checkpoint files, KVC version 1. docs/kv_file.md draws the bytes.
//
// A file holds floats; a state of ours holds the codes those floats were rounded to, so reading
// packs and writing unpacks, both row by row. Nothing identifies the model in such a file besides
// its sizes: the caller compares the text with what its own tokenizer makes of the tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cache/checkpoint_state.h"

namespace starglass {

// What stands in front of the text.
struct KvcHeader {
    int quant_bits = 2;  // 4: layer 0's routed gate experts are Q4_K; 2: anything else
    SaveReason reason = SaveReason::unknown;  // only ds4's own, 0 to 6
    std::uint8_t extensions = 0;
    std::uint32_t tokens = 0;
    std::uint32_t hits = 0;
    std::uint32_t context = 0;  // of the server that wrote it
    std::uint64_t created_unix = 0;
    std::uint64_t last_used_unix = 0;
    std::uint64_t payload_bytes = 0;
    std::uint32_t text_bytes = 0;
};
inline constexpr std::uint8_t kKvcToolMap = 1;            // a tool-id map follows the payload
inline constexpr std::uint8_t kKvcVisibleTranscript = 2;  // the text is not that of the tokens,
inline constexpr std::uint8_t kKvcVisibleThinking = 4;    // but what a client will send back
inline constexpr std::uint64_t kKvcHeaderBytes = 52;      // with the length of the text

// The first fields of the payload, without magic and version.
struct KvcPayloadHeader {
    std::uint32_t context = 0;
    std::uint32_t prefill_chunk = 0;
    std::uint32_t ring_rows = 0;
    std::uint32_t window = 0;
    std::uint32_t compressed_rows_max = 0;
    std::uint32_t tokens = 0;
    std::uint32_t layers = 0;
    std::uint32_t row_width = 0;
    std::uint32_t index_width = 0;
    std::uint32_t vocabulary = 0;
    std::uint32_t window_rows = 0;  // how many of the raw rows are stored
};
inline constexpr std::uint64_t kKvcPayloadHeaderBytes = 52;  // with magic and version

// The model a file is read for or written from.
struct KvcShape {
    std::vector<LayerStateShape> layers;
    int window = 0;
    int vocabulary = 0;
    std::int64_t context_tokens = 0;  // of the sessions that will use it
};

struct KvcFile {
    KvcHeader header;
    KvcPayloadHeader payload;
    // tokens, text as in the file, packed rows, logits and the entries of the tool-id map.
    CheckpointState state;
};

// "aff1….kv": what ds4 calls a file with this text.
std::string kvc_file_name(std::string_view text);

// Payload of a state of `tokens` tokens.
std::uint64_t kvc_payload_bytes(const KvcShape& shape, std::uint64_t tokens);

// Whether the bytes begin as such a file does, of whatever version.
bool looks_like_kvc(std::span<const std::byte> bytes);
Result<KvcHeader> parse_kvc_header(std::span<const std::byte> bytes);
// Whole file. Memory is taken only once the lengths have been found to add up. Errors name the
// field: invalid_input for broken files, unsupported for those of another model or version.
Result<KvcFile> parse_kvc(std::span<const std::byte> bytes, const KvcShape& shape);

// Receives the bytes of a file in order, a few hundred kilobytes at a time.
using ByteSink = std::function<Status(std::span<const std::byte>)>;

// Writes what ds4 would have written. Of `header` it takes quant_bits, reason, hits and the two
// times; everything else follows from state and shape. Errors: the sink's; invalid_input when the
// state has no logits, is as long as the context, or is not of this shape.
Status write_kvc(const CheckpointState& state, const KvcShape& shape, const KvcHeader& header,
                 const ByteSink& sink);

}  // namespace starglass
