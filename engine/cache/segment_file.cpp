// SPDX-License-Identifier: MIT
#include "cache/segment_file.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "base/digest.h"
#include "cache/frame.h"

namespace starglass {
namespace {

constexpr std::string_view kMagic = "SGKVSEG\n";
constexpr std::uint32_t kVersion = 1;
// No token of any vocabulary is longer; a claim beyond it is damage.
constexpr std::uint64_t kTextBytesPerToken = 4096;

template <class T>
void hash_value(Sha256& hash, T value) {
    hash.update(std::as_bytes(std::span(&value, 1)));
}

template <std::size_t N>
void put_array(ByteWriter& out, const std::array<std::uint8_t, N>& values) {
    out.put_all(std::span<const std::uint8_t>(values));
}

template <std::size_t N>
bool read_array(ByteReader& in, std::array<std::uint8_t, N>& values) {
    std::span<const std::byte> bytes;
    if (!in.read_bytes(N, bytes)) return false;
    std::memcpy(values.data(), bytes.data(), N);
    return true;
}

// Calls visit(rows, row stride, first row, count) for the compressed and then the indexer rows of
// every layer that tokens [first, end) complete.
template <class Rows, class Layers, class Visit>
void for_each_run(Layers& state, std::span<const LayerStateShape> layers, std::int64_t first,
                  std::int64_t end, Rows&& rows, Visit&& visit) {
    for (std::size_t index = 0; index < layers.size(); ++index) {
        const LayerStateShape& shape = layers[index];
        if (shape.ratio == 0) continue;
        const std::int64_t from = first / shape.ratio;
        const std::int64_t count = end / shape.ratio - from;
        visit(rows(state.layers[index], false), shape.kv_row.stride, from, count);
        if (shape.indexed)
            visit(rows(state.layers[index], true), shape.index_row.stride, from, count);
    }
}

}  // namespace

ChainId chain_root(std::span<const std::uint8_t> fingerprint) {
    Sha256 hash;
    hash.update("starglass kv chain 1\n");
    hash.update(std::as_bytes(fingerprint));
    return hash.value();
}

ChainId chain_link(const ChainId& parent, std::uint32_t producer, std::int64_t first_token,
                   std::span<const std::int32_t> tokens) {
    Sha256 hash;
    hash.update(std::as_bytes(std::span(parent)));
    hash_value(hash, producer);
    hash_value(hash, first_token);
    hash.update(std::as_bytes(tokens));
    return hash.value();
}

std::int64_t row_bytes(std::span<const LayerStateShape> layers, std::int64_t first,
                       std::int64_t end) {
    std::int64_t total = 0;
    for (const LayerStateShape& shape : layers) {
        if (shape.ratio == 0) continue;
        const std::int64_t rows = end / shape.ratio - first / shape.ratio;
        total += rows * (shape.kv_row.stride + (shape.indexed ? shape.index_row.stride : 0));
    }
    return total;
}

void copy_rows_out(const KvState::Snapshot& from, std::span<const LayerStateShape> layers,
                   std::int64_t first, std::int64_t end, std::byte* bytes) {
    for_each_run(
        from, layers, first, end,
        [](const KvState::Snapshot::Layer& layer, bool index) {
            return index ? layer.index.view() : layer.compressed.view();
        },
        [&](const RowPages& pages, std::int64_t stride, std::int64_t row, std::int64_t count) {
            for (std::int64_t i = 0; i < count; ++i, bytes += stride)
                std::memcpy(bytes, pages.row(row + i), static_cast<std::size_t>(stride));
        });
}

void copy_rows_in(KvState::Snapshot& to, std::span<const LayerStateShape> layers,
                  std::int64_t first, std::int64_t end, const std::byte* bytes) {
    for_each_run(
        to, layers, first, end,
        [](KvState::Snapshot::Layer& layer, bool index) {
            return index ? layer.index.view() : layer.compressed.view();
        },
        [&](const RowPages& pages, std::int64_t stride, std::int64_t row, std::int64_t count) {
            for (std::int64_t i = 0; i < count; ++i, bytes += stride)
                std::memcpy(pages.row(row + i), bytes, static_cast<std::size_t>(stride));
        });
}

std::vector<std::byte> encode_segment(SegmentHeader header, const SegmentText& text,
                                      const KvState::Snapshot& state,
                                      std::span<const LayerStateShape> layers) {
    const auto count = static_cast<std::int64_t>(text.tokens.size());
    header.tokens = static_cast<std::uint32_t>(count);
    header.layers = static_cast<std::uint32_t>(layers.size());
    ByteWriter words;
    words.put_all(std::span<const std::int32_t>(text.tokens));
    words.put_text(text.text);
    const std::vector<std::byte> text_frame = pack(words.bytes());
    const std::int64_t end = header.first_token + count;
    std::vector<std::byte> rows(
        static_cast<std::size_t>(row_bytes(layers, header.first_token, end)));
    copy_rows_out(state, layers, header.first_token, end, rows.data());
    const std::vector<std::byte> rows_frame = pack(rows);

    ByteWriter out;
    out.reserve(kSegmentHeaderBytes + text_frame.size() + rows_frame.size());
    out.put_text(kMagic);
    out.put(kVersion);
    out.put(static_cast<std::uint32_t>(kSegmentHeaderBytes));
    put_array(out, header.id);
    put_array(out, header.parent);
    out.put(header.first_token);
    out.put(header.tokens);
    out.put(header.producer);
    out.put(header.layers);
    out.put(std::uint32_t{0});
    out.put(static_cast<std::uint64_t>(words.size()));
    out.put(static_cast<std::uint64_t>(text_frame.size()));
    out.put(checksum(text_frame));
    out.put(static_cast<std::uint64_t>(rows.size()));
    out.put(static_cast<std::uint64_t>(rows_frame.size()));
    out.put(checksum(rows_frame));
    out.put(checksum(out.bytes()));
    assert(out.size() == kSegmentHeaderBytes);
    out.put_bytes(text_frame);
    out.put_bytes(rows_frame);
    return out.take();
}

Result<SegmentHeader> parse_segment_header(std::span<const std::byte> bytes) {
    if (bytes.size() < kSegmentHeaderBytes)
        return fail(ErrorCode::invalid_input, "the segment ends inside its header");
    ByteReader in(bytes.first(kSegmentHeaderBytes));
    std::span<const std::byte> magic;
    SegmentHeader header;
    std::uint32_t version = 0, length = 0, reserved = 0;
    std::uint64_t sum = 0;
    const bool good = in.read_bytes(kMagic.size(), magic) && in.read(version) && in.read(length) &&
                      read_array(in, header.id) && read_array(in, header.parent) &&
                      in.read(header.first_token) && in.read(header.tokens) &&
                      in.read(header.producer) && in.read(header.layers) && in.read(reserved) &&
                      in.read(header.text_raw) && in.read(header.text_stored) &&
                      in.read(header.text_checksum) && in.read(header.rows_raw) &&
                      in.read(header.rows_stored) && in.read(header.rows_checksum) && in.read(sum);
    if (!good || in.remaining() != 0)
        return fail(ErrorCode::internal, "a segment's header has {} bytes too many",
                    in.remaining());
    if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0)
        return fail(ErrorCode::invalid_input, "this is not a KV segment");
    if (version != kVersion)
        return fail(ErrorCode::invalid_input,
                    "the segment has format version {}; this program reads {}", version, kVersion);
    if (sum != checksum(bytes.first(kSegmentHeaderBytes - sizeof sum)))
        return fail(ErrorCode::invalid_input, "the segment's header is damaged");
    if (length != kSegmentHeaderBytes || header.tokens == 0 ||
        header.tokens > static_cast<std::uint32_t>(kSegmentTokens) || header.first_token < 0 ||
        header.first_token % kSegmentTokens != 0 || reserved != 0)
        return fail(ErrorCode::invalid_input, "the segment's header makes no sense");
    const std::uint64_t token_bytes = std::uint64_t{header.tokens} * sizeof(std::int32_t);
    if (header.text_raw < token_bytes ||
        header.text_raw - token_bytes > header.tokens * kTextBytesPerToken)
        return fail(ErrorCode::invalid_input, "the segment claims {} bytes of text for {} tokens",
                    header.text_raw, header.tokens);
    return header;
}

Result<SegmentText> decode_segment_text(const SegmentHeader& header,
                                        std::span<const std::byte> stored) {
    if (stored.size() < header.text_stored)
        return fail(ErrorCode::invalid_input, "the segment ends inside its text");
    const auto frame = stored.first(header.text_stored);
    if (checksum(frame) != header.text_checksum)
        return fail(ErrorCode::invalid_input, "the segment's text is damaged");
    TRY(const std::vector<std::byte> raw, unpack(frame, header.text_raw, "the segment's text"));
    SegmentText out;
    out.tokens.resize(header.tokens);
    const std::size_t token_bytes = out.tokens.size() * sizeof(std::int32_t);
    std::memcpy(out.tokens.data(), raw.data(), token_bytes);
    out.text.assign(reinterpret_cast<const char*>(raw.data()) + token_bytes,
                    raw.size() - token_bytes);
    if (chain_link(header.parent, header.producer, header.first_token, out.tokens) != header.id)
        return fail(ErrorCode::invalid_input, "the segment's tokens do not belong to its name");
    return out;
}

Status decode_segment_rows(const SegmentHeader& header, std::span<const std::byte> stored,
                           std::span<std::byte> rows) {
    if (stored.size() != header.rows_stored)
        return fail(ErrorCode::invalid_input, "the segment has {} bytes of rows instead of {}",
                    stored.size(), header.rows_stored);
    if (header.rows_raw != rows.size())
        return fail(ErrorCode::unsupported,
                    "the segment's rows have another shape than the model's");
    if (checksum(stored) != header.rows_checksum)
        return fail(ErrorCode::invalid_input, "the segment's rows are damaged");
    return unpack(stored, rows, "the segment's rows");
}

Status check_segment_rows(const SegmentHeader& header, std::span<const std::byte> stored) {
    if (stored.size() != header.rows_stored || checksum(stored) != header.rows_checksum)
        return fail(ErrorCode::invalid_input, "the segment's rows are damaged");
    return check_frame(stored, header.rows_raw, "the segment's rows");
}

}  // namespace starglass
