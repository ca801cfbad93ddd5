// SPDX-License-Identifier: MIT
//
// A checkpoint's own file: who it is, which segments it needs, and the part of the state that the
// next token changes (raw window, compressor frontiers, logits), plus tokens and rows behind the
// last whole segment. docs/kv_file.md draws the bytes.
//
// Pure functions from bytes to values and back; nothing in the bytes is trusted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "cache/checkpoint_io.h"
#include "cache/segment_file.h"

namespace starglass {

using Fingerprint = std::array<std::uint8_t, 16>;

// From ModelInfo::fingerprint. Errors: invalid_input for anything but 32 hex digits.
Result<Fingerprint> parse_fingerprint(std::string_view hex);

inline constexpr std::size_t kNextTokensMax = 32;
inline constexpr std::size_t kPreviewBytesMax = 160;

struct CheckpointHeader {
    Fingerprint fingerprint{};
    Sha1::Value text_sha1{};
    std::uint32_t producer = 0;
    SaveReason reason = SaveReason::unknown;
    bool has_logits = false;
    std::int64_t tokens = 0;
    std::int64_t text_bytes = 0;
    std::int64_t context_tokens = 0;
    std::int64_t created_unix = 0;
    double evaluate_seconds = 0;
    std::string model_name;
    std::string parent;
    std::string preview;                 // end of the text
    std::vector<TokenAlternative> next;  // at most kNextTokensMax
    std::vector<ChainId> segments;       // of kSegmentTokens each, in order
    std::uint64_t body_raw = 0, body_stored = 0, body_checksum = 0;
    std::size_t bytes = 0;  // of the header itself, as written or read

    [[nodiscard]] std::int64_t tail_tokens() const {
        return tokens - static_cast<std::int64_t>(segments.size()) * kSegmentTokens;
    }
};

// Name of its file without the suffix: text SHA-1, and a hash of all that must differ between
// checkpoints of the same text (model, arithmetic, tokens).
std::string checkpoint_id(const CheckpointHeader& header,
                          std::span<const std::int32_t> tail_tokens);

// The header alone, checksum included; sets `bytes`.
std::vector<std::byte> encode_checkpoint_header(CheckpointHeader& header);
// Header and body of the file. Fills in the header's sizes. `tail_text` is the text of the tokens
// behind the last whole segment.
struct EncodedCheckpoint {
    std::vector<std::byte> header;
    std::vector<std::byte> body;
};
EncodedCheckpoint encode_checkpoint(CheckpointHeader& header, const CheckpointState& state,
                                    std::string_view tail_text,
                                    std::span<const LayerStateShape> layers);

// How many bytes of the file the header takes; `start` is its first kCheckpointStartBytes.
inline constexpr std::size_t kCheckpointStartBytes = 16;
Result<std::size_t> checkpoint_header_bytes(std::span<const std::byte> start);
Result<CheckpointHeader> parse_checkpoint_header(std::span<const std::byte> bytes);

struct CheckpointTail {
    std::vector<std::int32_t> tokens;
    std::string text;
    std::vector<std::byte> rows;  // row_bytes from the last whole segment to the end
};
// `stored` begins behind the header. `state.kv` gets window and frontiers (its rows stay as they
// are), `state` logits and blocks. Errors: invalid_input when it is damaged, unsupported when it
// belongs to another shape or window.
Result<CheckpointTail> decode_checkpoint_body(const CheckpointHeader& header,
                                              std::span<const std::byte> stored,
                                              const ModelStateShape& shape, CheckpointState& state);
// Only tokens and text behind the last whole segment, and the tool blocks; no model needed.
struct CheckpointText {
    SegmentText tail;
    std::vector<ToolBlock> blocks;
};
Result<CheckpointText> decode_checkpoint_text(const CheckpointHeader& header,
                                              std::span<const std::byte> stored);

// The end of `text` as whole characters, at most `bytes` long.
std::string text_end(std::string_view text, std::size_t bytes);

}  // namespace starglass
