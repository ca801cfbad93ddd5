// SPDX-License-Identifier: MIT
//
// A segment: what kSegmentTokens tokens of a timeline left behind for good. Its name is the hash of
// all tokens up to its end, so every timeline that begins with them shares the file.
// docs/kv_file.md draws the bytes.
//
// Pure functions from bytes to values and back; nothing in the bytes is trusted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "residency/kv_state.h"

namespace starglass {

// A multiple of 128, so that a segment ends where ratio-128 windows are empty. Small enough that
// the tail a checkpoint must carry itself (half of it on average) stays below its frontier: for
// Flash 0.9 MB against 4.6 MB; large enough that 100k tokens are 195 files.
inline constexpr int kSegmentTokens = 512;

using ChainId = std::array<std::uint8_t, 32>;

// Where every chain of a model begins.
ChainId chain_root(std::span<const std::uint8_t> fingerprint);
// The link behind `parent`. `producer` says which arithmetic made the rows: other arithmetic gives
// other rows, and mixing them unasked would make resuming inexact.
ChainId chain_link(const ChainId& parent, std::uint32_t producer, std::int64_t first_token,
                   std::span<const std::int32_t> tokens);

struct SegmentHeader {
    ChainId id{};
    ChainId parent{};
    std::int64_t first_token = 0;
    std::uint32_t tokens = 0;
    std::uint32_t producer = 0;
    std::uint32_t layers = 0;
    std::uint64_t text_raw = 0, text_stored = 0, text_checksum = 0;
    std::uint64_t rows_raw = 0, rows_stored = 0, rows_checksum = 0;
};
inline constexpr std::size_t kSegmentHeaderBytes = 160;

struct SegmentText {
    std::vector<std::int32_t> tokens;
    std::string text;
};

// Rows that tokens [first, end) complete, in all layers.
std::int64_t row_bytes(std::span<const LayerStateShape> layers, std::int64_t first,
                       std::int64_t end);
// Copies them out of, or into, a state's pages; `bytes` is row_bytes long, layer by layer,
// compressed rows before indexer rows. Into: the pages hold these rows already (prepare).
void copy_rows_out(const KvState::Snapshot& from, std::span<const LayerStateShape> layers,
                   std::int64_t first, std::int64_t end, std::byte* bytes);
void copy_rows_in(KvState::Snapshot& to, std::span<const LayerStateShape> layers,
                  std::int64_t first, std::int64_t end, const std::byte* bytes);

// `header` needs id, parent, first_token, producer; the rest is filled in.
std::vector<std::byte> encode_segment(SegmentHeader header, const SegmentText& text,
                                      const KvState::Snapshot& state,
                                      std::span<const LayerStateShape> layers);

Result<SegmentHeader> parse_segment_header(std::span<const std::byte> bytes);
// `stored` begins behind the header. Checks the tokens against the header's id.
Result<SegmentText> decode_segment_text(const SegmentHeader& header,
                                        std::span<const std::byte> stored);
// `stored` begins behind the text. Unpacks into `rows`, which is row_bytes long.
Status decode_segment_rows(const SegmentHeader& header, std::span<const std::byte> stored,
                           std::span<std::byte> rows);
// The same without a model's shape and without memory for the rows.
Status check_segment_rows(const SegmentHeader& header, std::span<const std::byte> stored);

}  // namespace starglass
