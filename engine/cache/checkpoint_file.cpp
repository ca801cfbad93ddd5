// SPDX-License-Identifier: MIT
#include "cache/checkpoint_file.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "cache/frame.h"

namespace starglass {
namespace {

constexpr std::string_view kMagic = "SGKVCKP\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kFixedBytes = 148;  // up to the texts
constexpr std::size_t kHeaderBytesMax = 64U << 20;
constexpr std::int64_t kTokensMax = std::int64_t{1} << 32;
constexpr std::uint64_t kTextBytesPerToken = 4096;
// Tool blocks of a whole conversation, whose million tokens are some 5 MB of text. What is beyond
// is not written; read, it is a claim that would cost memory: a frame of 16 KB unpacks to 512 MB.
constexpr std::uint64_t kBlockBytesMax = 64U << 20;
constexpr std::uint32_t kBlocksMax = 400'000;  // as in KVC files; an empty one takes 64 bytes
// A body read without its model's shape: blocks, and what no model's window, frontiers and logits
// come near (Flash: 5 MB).
constexpr std::uint64_t kBodyBytesMax = kBlockBytesMax + (128U << 20);
constexpr std::uint8_t kHasLogits = 1;

template <std::size_t N>
bool read_array(ByteReader& in, std::array<std::uint8_t, N>& values) {
    std::span<const std::byte> bytes;
    if (!in.read_bytes(N, bytes)) return false;
    std::memcpy(values.data(), bytes.data(), N);
    return true;
}

bool read_text(ByteReader& in, std::uint64_t length, std::string& out) {
    std::span<const std::byte> bytes;
    if (!in.read_bytes(length, bytes)) return false;
    out.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return true;
}

bool read_floats(ByteReader& in, std::size_t count, std::vector<float>& out) {
    std::span<const std::byte> bytes;
    if (!in.read_bytes(count * sizeof(float), bytes)) return false;
    out.resize(count);
    if (count != 0) std::memcpy(out.data(), bytes.data(), bytes.size());
    return true;
}

struct FrontierSize {
    std::size_t kv = 0;
    std::size_t index = 0;
    explicit FrontierSize(const LayerStateShape& shape) {
        if (shape.ratio == 0) return;
        const std::size_t slots = static_cast<std::size_t>(shape.coff) * shape.ratio * shape.coff;
        kv = slots * shape.kv_width;
        if (shape.indexed) index = slots * shape.index_width;
    }
};

void put_blocks(ByteWriter& out, std::span<const ToolBlock> blocks) {
    std::size_t count = 0;
    for (std::uint64_t bytes = 0; count < std::min<std::size_t>(blocks.size(), kBlocksMax);
         ++count) {
        bytes += 8 + blocks[count].id.size() + blocks[count].block.size();
        if (bytes > kBlockBytesMax) break;
    }
    out.put(static_cast<std::uint32_t>(count));
    for (const ToolBlock& one : blocks.first(count)) {
        out.put(static_cast<std::uint32_t>(one.id.size()));
        out.put(static_cast<std::uint32_t>(one.block.size()));
        out.put_text(one.id);
        out.put_text(one.block);
    }
}

bool read_blocks(ByteReader& in, std::vector<ToolBlock>& out) {
    std::uint32_t count = 0;
    if (!in.read(count) || count > kBlocksMax || count > in.remaining() / 8) return false;
    out.resize(count);
    for (ToolBlock& one : out) {
        std::uint32_t id = 0, block = 0;
        if (!in.read(id) || !in.read(block) || !read_text(in, id, one.id) ||
            !read_text(in, block, one.block))
            return false;
    }
    return true;
}

// Tokens and text come first in the body, so that they can be read without a model's shape.
Result<ByteReader> open_body(const CheckpointHeader& header, std::span<const std::byte> stored,
                             std::vector<std::byte>& raw) {
    if (stored.size() != header.body_stored)
        return fail(ErrorCode::invalid_input, "the checkpoint has {} bytes of state instead of {}",
                    stored.size(), header.body_stored);
    if (checksum(stored) != header.body_checksum)
        return fail(ErrorCode::invalid_input, "the checkpoint's state is damaged");
    TRY(raw, unpack(stored, header.body_raw, "the checkpoint's state"));
    return ByteReader(raw);
}

bool read_tail(ByteReader& in, const CheckpointHeader& header, std::vector<std::int32_t>& tokens,
               std::string& text) {
    std::uint64_t text_bytes = 0;
    std::span<const std::byte> bytes;
    const auto count = static_cast<std::size_t>(header.tail_tokens());
    if (!in.read(text_bytes) || !in.read_bytes(count * sizeof(std::int32_t), bytes)) return false;
    tokens.resize(count);
    if (count != 0) std::memcpy(tokens.data(), bytes.data(), bytes.size());
    return read_text(in, text_bytes, text);
}

}  // namespace

Result<Fingerprint> parse_fingerprint(std::string_view hex) {
    Fingerprint out{};
    const auto digit = [](char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    };
    bool good = hex.size() == out.size() * 2;
    for (std::size_t i = 0; good && i < out.size(); ++i) {
        const int high = digit(hex[2 * i]);
        const int low = digit(hex[2 * i + 1]);
        good = high >= 0 && low >= 0;
        out[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    if (!good) return fail(ErrorCode::invalid_input, "'{}' is not a model's fingerprint", hex);
    return out;
}

std::string text_end(std::string_view text, std::size_t bytes) {
    std::size_t from = text.size() > bytes ? text.size() - bytes : 0;
    // 10xxxxxx continues a character.
    while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0U) == 0x80U) ++from;
    return std::string(text.substr(from));
}

std::string checkpoint_id(const CheckpointHeader& header,
                          std::span<const std::int32_t> tail_tokens) {
    ChainId tip = header.segments.empty() ? chain_root(header.fingerprint) : header.segments.back();
    tip =
        chain_link(tip, header.producer,
                   static_cast<std::int64_t>(header.segments.size()) * kSegmentTokens, tail_tokens);
    return to_hex(header.text_sha1) + "-" + to_hex(std::span(tip).first(8));
}

EncodedCheckpoint encode_checkpoint(CheckpointHeader& header, const CheckpointState& state,
                                    std::string_view tail_text,
                                    std::span<const LayerStateShape> layers) {
    assert(header.tail_tokens() >= 0 && header.tail_tokens() < kSegmentTokens);
    const auto whole = static_cast<std::int64_t>(header.segments.size()) * kSegmentTokens;
    EncodedCheckpoint out;
    ByteWriter body;
    body.put(static_cast<std::uint64_t>(tail_text.size()));
    body.put_all(std::span(state.tokens).subspan(static_cast<std::size_t>(whole)));
    body.put_text(tail_text);
    put_blocks(body, state.blocks);
    const std::size_t window_rows =
        layers.empty() ? 0 : state.kv.layers[0].window.size() / layers[0].kv_row.stride;
    body.put(static_cast<std::uint32_t>(window_rows));
    copy_rows_out(state.kv, layers, whole, header.tokens,
                  body.extend(static_cast<std::size_t>(row_bytes(layers, whole, header.tokens))));
    for (const KvState::Snapshot::Layer& layer : state.kv.layers) {
        body.put_bytes(layer.window);
        body.put_all(std::span<const float>(layer.frontier_kv));
        body.put_all(std::span<const float>(layer.frontier_score));
        body.put_all(std::span<const float>(layer.index_frontier_kv));
        body.put_all(std::span<const float>(layer.index_frontier_score));
    }
    header.has_logits = !state.logits.empty();
    body.put_all(std::span<const float>(state.logits));
    out.body = pack(body.bytes());
    header.body_raw = body.size();
    header.body_stored = out.body.size();
    header.body_checksum = checksum(out.body);
    out.header = encode_checkpoint_header(header);
    return out;
}

std::vector<std::byte> encode_checkpoint_header(CheckpointHeader& header) {
    ByteWriter plain;
    plain.put_text(kMagic);
    plain.put(kVersion);
    plain.put(std::uint32_t{0});  // patched below
    plain.put_all(std::span<const std::uint8_t>(header.fingerprint));
    plain.put_all(std::span<const std::uint8_t>(header.text_sha1));
    plain.put(header.producer);
    plain.put(static_cast<std::uint8_t>(header.reason));
    plain.put(header.has_logits ? kHasLogits : std::uint8_t{0});
    plain.put(std::uint16_t{0});
    plain.put(header.tokens);
    plain.put(header.text_bytes);
    plain.put(header.context_tokens);
    plain.put(header.created_unix);
    plain.put(header.evaluate_seconds);
    plain.put(header.body_raw);
    plain.put(header.body_stored);
    plain.put(header.body_checksum);
    plain.put(static_cast<std::uint64_t>(header.segments.size()));
    plain.put(static_cast<std::uint32_t>(header.model_name.size()));
    plain.put(static_cast<std::uint32_t>(header.parent.size()));
    plain.put(static_cast<std::uint32_t>(header.preview.size()));
    plain.put(static_cast<std::uint32_t>(header.next.size()));
    assert(plain.size() == kFixedBytes);
    plain.put_text(header.model_name);
    plain.put_text(header.parent);
    plain.put_text(header.preview);
    for (const TokenAlternative& one : header.next) {
        plain.put(one.id);
        plain.put(one.probability);
        plain.put(static_cast<std::uint32_t>(one.text.size()));
        plain.put_text(one.text);
    }
    for (const ChainId& id : header.segments) plain.put_all(std::span<const std::uint8_t>(id));
    header.bytes = plain.size() + sizeof(std::uint64_t);
    plain.patch(kMagic.size() + sizeof kVersion, static_cast<std::uint32_t>(header.bytes));
    plain.put(checksum(plain.bytes()));
    return plain.take();
}

Result<std::size_t> checkpoint_header_bytes(std::span<const std::byte> start) {
    if (start.size() < kCheckpointStartBytes)
        return fail(ErrorCode::invalid_input, "the checkpoint ends inside its header");
    if (std::memcmp(start.data(), kMagic.data(), kMagic.size()) != 0)
        return fail(ErrorCode::invalid_input, "this is not a KV checkpoint");
    const auto version = load_unaligned<std::uint32_t>(start.data() + kMagic.size());
    if (version != kVersion)
        return fail(ErrorCode::invalid_input,
                    "the checkpoint has format version {}; this program reads {}", version,
                    kVersion);
    const std::size_t length = load_unaligned<std::uint32_t>(start.data() + kMagic.size() + 4);
    if (length < kFixedBytes + sizeof(std::uint64_t) || length > kHeaderBytesMax)
        return fail(ErrorCode::invalid_input, "the checkpoint's header is damaged");
    return length;
}

Result<CheckpointHeader> parse_checkpoint_header(std::span<const std::byte> bytes) {
    TRY(const std::size_t length, checkpoint_header_bytes(bytes));
    if (bytes.size() < length)
        return fail(ErrorCode::invalid_input, "the checkpoint ends inside its header");
    const auto summed = bytes.first(length - sizeof(std::uint64_t));
    if (load_unaligned<std::uint64_t>(bytes.data() + summed.size()) != checksum(summed))
        return fail(ErrorCode::invalid_input, "the checkpoint's header is damaged");

    // From here on a wrong value was written so, or the checksum was made to fit: still checked.
    const auto senseless = [] {
        return fail(ErrorCode::invalid_input, "the checkpoint's header makes no sense");
    };
    ByteReader in(summed);
    CheckpointHeader header;
    header.bytes = length;
    std::uint8_t reason = 0, flags = 0;
    std::uint16_t reserved = 0;
    std::uint32_t model = 0, parent = 0, preview = 0, next = 0;
    std::uint64_t segments = 0;
    const bool fixed =
        in.skip(kCheckpointStartBytes) && read_array(in, header.fingerprint) &&
        read_array(in, header.text_sha1) && in.read(header.producer) && in.read(reason) &&
        in.read(flags) && in.read(reserved) && in.read(header.tokens) &&
        in.read(header.text_bytes) && in.read(header.context_tokens) &&
        in.read(header.created_unix) && in.read(header.evaluate_seconds) &&
        in.read(header.body_raw) && in.read(header.body_stored) && in.read(header.body_checksum) &&
        in.read(segments) && in.read(model) && in.read(parent) && in.read(preview) && in.read(next);
    if (!fixed || in.position() != kFixedBytes) return senseless();
    if (flags > kHasLogits || header.tokens <= 0 || header.tokens > kTokensMax ||
        header.text_bytes < 0 || header.context_tokens < 0 ||
        !std::isfinite(header.evaluate_seconds) || header.evaluate_seconds < 0 ||
        next > kNextTokensMax || preview > kPreviewBytesMax || parent > 255)
        return senseless();
    if (segments != static_cast<std::uint64_t>(header.tokens / kSegmentTokens)) return senseless();
    header.reason = reason <= static_cast<std::uint8_t>(SaveReason::imported)
                        ? static_cast<SaveReason>(reason)
                        : SaveReason::unknown;
    header.has_logits = (flags & kHasLogits) != 0;
    if (!read_text(in, model, header.model_name) || !read_text(in, parent, header.parent) ||
        !read_text(in, preview, header.preview))
        return senseless();
    for (std::uint32_t i = 0; i < next; ++i) {
        TokenAlternative one;
        std::uint32_t size = 0;
        if (!in.read(one.id) || !in.read(one.probability) || !in.read(size) ||
            !read_text(in, size, one.text) || !std::isfinite(one.probability))
            return senseless();
        header.next.push_back(std::move(one));
    }
    if (in.remaining() != segments * std::tuple_size_v<ChainId>) return senseless();
    header.segments.resize(segments);
    for (ChainId& id : header.segments)
        if (!read_array(in, id)) return senseless();
    return header;
}

Result<CheckpointTail> decode_checkpoint_body(const CheckpointHeader& header,
                                              std::span<const std::byte> stored,
                                              const ModelStateShape& shape,
                                              CheckpointState& state) {
    const auto whole = static_cast<std::int64_t>(header.segments.size()) * kSegmentTokens;
    const std::int64_t rows = row_bytes(shape.layers, whole, header.tokens);
    const std::int64_t window = std::min<std::int64_t>(header.tokens, shape.window);
    // The body's size follows from the model's shape but for texts and blocks, so a false claim
    // is found before anything is allocated for it.
    std::uint64_t expected = sizeof(std::uint64_t) + sizeof(std::uint32_t) * 2 +
                             static_cast<std::uint64_t>(header.tail_tokens()) * 4 +
                             static_cast<std::uint64_t>(rows);
    for (const LayerStateShape& layer : shape.layers) {
        const FrontierSize size(layer);
        expected += static_cast<std::uint64_t>(window) * layer.kv_row.stride +
                    (size.kv + size.index) * 2 * sizeof(float);
    }
    if (header.has_logits) expected += static_cast<std::uint64_t>(shape.vocabulary) * sizeof(float);
    const std::uint64_t slack =
        static_cast<std::uint64_t>(header.tail_tokens()) * kTextBytesPerToken + kBlockBytesMax;
    if (header.body_raw < expected || header.body_raw - expected > slack)
        return fail(ErrorCode::unsupported,
                    "the checkpoint holds {} bytes of state where this model and context need {}",
                    header.body_raw, expected);
    std::vector<std::byte> raw;
    TRY(ByteReader in, open_body(header, stored, raw));

    const auto damaged = [] {
        return fail(ErrorCode::invalid_input, "the checkpoint's state makes no sense");
    };
    CheckpointTail tail;
    std::uint32_t window_rows = 0;
    std::span<const std::byte> bytes;
    if (!read_tail(in, header, tail.tokens, tail.text) || !read_blocks(in, state.blocks) ||
        !in.read(window_rows))
        return damaged();
    if (window_rows != window)
        return fail(ErrorCode::unsupported,
                    "the checkpoint keeps {} raw rows where this model and context need {}",
                    window_rows, window);
    if (!in.read_bytes(static_cast<std::uint64_t>(rows), bytes)) return damaged();
    tail.rows.assign(bytes.begin(), bytes.end());
    state.kv.positions = header.tokens;
    state.kv.layers.resize(shape.layers.size());
    for (std::size_t index = 0; index < shape.layers.size(); ++index) {
        const LayerStateShape& layer = shape.layers[index];
        KvState::Snapshot::Layer& to = state.kv.layers[index];
        const FrontierSize size(layer);
        if (!in.read_bytes(static_cast<std::uint64_t>(window) * layer.kv_row.stride, bytes))
            return damaged();
        to.window.assign(bytes.begin(), bytes.end());
        if (!read_floats(in, size.kv, to.frontier_kv) ||
            !read_floats(in, size.kv, to.frontier_score) ||
            !read_floats(in, size.index, to.index_frontier_kv) ||
            !read_floats(in, size.index, to.index_frontier_score))
            return damaged();
    }
    state.logits.clear();
    if (header.has_logits &&
        !read_floats(in, static_cast<std::size_t>(shape.vocabulary), state.logits))
        return damaged();
    if (in.remaining() != 0) return damaged();
    return tail;
}

Result<CheckpointText> decode_checkpoint_text(const CheckpointHeader& header,
                                              std::span<const std::byte> stored) {
    if (header.body_raw > kBodyBytesMax)
        return fail(ErrorCode::invalid_input, "the checkpoint's header makes no sense");
    std::vector<std::byte> raw;
    TRY(ByteReader in, open_body(header, stored, raw));
    CheckpointText out;
    if (!read_tail(in, header, out.tail.tokens, out.tail.text) || !read_blocks(in, out.blocks))
        return fail(ErrorCode::invalid_input, "the checkpoint's state makes no sense");
    return out;
}

}  // namespace starglass
