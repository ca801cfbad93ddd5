// SPDX-License-Identifier: MIT
//
// What the fuzz targets of the KV cache's own files share: a small shape, seeds, and mutators that
// get past the checksums. A checksum or a zstd frame stops a plain fuzzer at the door, so most
// mutations are followed by writing the sizes and checksums that belong to the new bytes; some are
// left as they are, because the door is fuzzed too.
#pragma once

#include <zstd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/byte_reader.h"
#include "base/digest.h"
#include "cache/checkpoint_file.h"
#include "cache/frame.h"
#include "cache/segment_file.h"
#include "support/kvc_samples.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

namespace starglass::fuzz {

using Bytes = std::vector<std::byte>;
using Random = std::minstd_rand;

inline void require(bool good) {
    if (!good) std::abort();
}

// An error must be one sentence for a person.
template <class T>
bool accepted(const Result<T>& result) {
    if (!result) require(!result.error().message.empty());
    return result.has_value();
}

// A copy of exactly this size lets the address sanitizer see the first byte read too far.
inline Bytes copy_of(const std::uint8_t* data, std::size_t size) {
    const auto* const first = reinterpret_cast<const std::byte*>(data);
    return {first, first + size};
}

// Every kind of layer, rows small enough that a segment stays near 20 KB.
inline const ModelStateShape& shape() {
    static const ModelStateShape small = [] {
        ModelStateShape s;
        for (const int ratio : {0, 4, 8}) s.layers.push_back(test::kvc_layer(ratio, 72, 8, 32));
        s.window = 8;
        s.vocabulary = 40;
        s.fingerprint = "00112233445566778899aabbccddeeff";
        s.model_name = "small";
        return s;
    }();
    return small;
}

// --- seeds -------------------------------------------------------------------------------------

struct Sample {
    std::string id;
    Bytes checkpoint;
    std::vector<Bytes> segments;
};

// What the store writes for a state of this many tokens: a word a token, so its text is known.
inline Sample sample(std::int64_t tokens, bool logits, std::vector<ToolBlock> blocks) {
    const KvcShape kvc{shape().layers, shape().window, shape().vocabulary, 1 << 20};
    CheckpointState state = test::kvc_state(kvc, tokens);
    state.blocks = std::move(blocks);
    if (!logits) state.logits.clear();
    const auto words = [&](std::int64_t first, std::int64_t end) {
        std::string out;
        for (std::int64_t i = first; i < end; ++i)
            out += fmt::format("w{} ", state.tokens[static_cast<std::size_t>(i)]);
        return out;
    };
    state.text = words(0, tokens);
    Sample out;
    CheckpointHeader header;
    header.fingerprint = *parse_fingerprint(shape().fingerprint);
    Sha1 sha1;
    sha1.update(state.text);
    header.text_sha1 = sha1.value();
    header.producer = 1;
    header.reason = SaveReason::turn;
    header.tokens = tokens;
    header.text_bytes = static_cast<std::int64_t>(state.text.size());
    header.context_tokens = 4096;
    header.created_unix = 1'700'000'000;
    header.evaluate_seconds = 0.5;
    header.model_name = shape().model_name;
    header.parent = "of nobody";
    header.preview = text_end(state.text, kPreviewBytesMax);
    header.next = {{3, 0.5F, "one"}, {4, 0.25F, ""}};
    for (std::int64_t first = 0; first + kSegmentTokens <= tokens; first += kSegmentTokens) {
        SegmentHeader segment;
        segment.parent = first == 0 ? chain_root(header.fingerprint) : header.segments.back();
        segment.first_token = first;
        segment.producer = header.producer;
        const auto part =
            std::span(state.tokens)
                .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(kSegmentTokens));
        segment.id = chain_link(segment.parent, segment.producer, first, part);
        header.segments.push_back(segment.id);
        out.segments.push_back(encode_segment(
            segment, {{part.begin(), part.end()}, words(first, first + kSegmentTokens)}, state.kv,
            shape().layers));
    }
    const std::int64_t whole = tokens - header.tail_tokens();
    const EncodedCheckpoint file =
        encode_checkpoint(header, state, words(whole, tokens), shape().layers);
    out.checkpoint = file.header;
    out.checkpoint.insert(out.checkpoint.end(), file.body.begin(), file.body.end());
    out.id =
        checkpoint_id(header, std::span(state.tokens).subspan(static_cast<std::size_t>(whole)));
    return out;
}

inline std::vector<Sample> samples() {
    std::vector<Sample> out;
    for (const std::int64_t tokens : {1, 5, 8, 511, 512, 519, 1030})
        out.push_back(sample(tokens, tokens % 2 != 0, {}));
    out.push_back(sample(7, true, {{"call_1", "a block"}, {"call_2", "another"}}));
    return out;
}

// A build has no other program that knows the shape: with FUZZ_KV_SEEDS=DIR a target writes them
// there and leaves.
template <class Make>
void write_seeds_if_asked(Make&& make) {
    const char* const folder = std::getenv("FUZZ_KV_SEEDS");
    if (folder == nullptr) return;
    std::filesystem::create_directories(folder);
    int count = 0;
    for (const Bytes& seed : make())
        std::ofstream(fmt::format("{}/seed-{}", folder, count++), std::ios::binary)
            .write(reinterpret_cast<const char*>(seed.data()),
                   static_cast<std::streamsize>(seed.size()));
    std::exit(0);
}

// --- mutators ----------------------------------------------------------------------------------

template <class T>
void patch(Bytes& bytes, std::size_t at, T value) {
    if (at + sizeof value <= bytes.size()) std::memcpy(bytes.data() + at, &value, sizeof value);
}

// libFuzzer's own mutations on bytes [from, from + count), which may grow or shrink.
inline void mutate_part(Bytes& bytes, std::size_t from, std::size_t count, std::size_t grow = 64) {
    from = std::min(from, bytes.size());
    count = std::min(count, bytes.size() - from);
    Bytes part(bytes.begin() + static_cast<std::ptrdiff_t>(from),
               bytes.begin() + static_cast<std::ptrdiff_t>(from + count));
    part.resize(count + grow);
    part.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(part.data()), count, part.size()));
    bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(from),
                bytes.begin() + static_cast<std::ptrdiff_t>(from + count));
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(from), part.begin(), part.end());
}

// The same, but in place: fields behind it stay where they belong.
inline void mutate_in_place(Bytes& bytes, std::size_t from, std::size_t count) {
    from = std::min(from, bytes.size());
    count = std::min(count, bytes.size() - from);
    if (count == 0) return;  // libFuzzer wants a byte to change
    Bytes part(bytes.begin() + static_cast<std::ptrdiff_t>(from),
               bytes.begin() + static_cast<std::ptrdiff_t>(from + count));
    const std::size_t size =
        LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(part.data()), count, count);
    std::memcpy(bytes.data() + from, part.data(), size);
}

// Unpacks, changes and packs again; false where there is no frame to unpack.
inline bool mutate_frame(Bytes& frame, Random& random, std::uint64_t& raw_size) {
    constexpr std::uint64_t kRawMax = 1 << 20;
    const std::uint64_t size = ZSTD_getFrameContentSize(frame.data(), frame.size());
    if (size > kRawMax) return false;
    Bytes raw(size);
    if (!unpack(frame, raw, "a frame")) return false;
    switch (random() % 4) {
        case 0:
            mutate_part(raw, 0, raw.size());
            break;
        case 1:
            mutate_in_place(raw, 0, raw.size());
            break;
        case 2:  // lengths and counts stand in front
            mutate_in_place(raw, 0, 64);
            break;
        default:  // one number anywhere
            mutate_in_place(raw, random() % (raw.size() + 1), 8);
            break;
    }
    frame = pack(raw);
    raw_size = raw.size();
    return true;
}

inline Bytes slice(const Bytes& bytes, std::size_t from, std::size_t count) {
    from = std::min(from, bytes.size());
    count = std::min(count, bytes.size() - from);
    const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(from);
    return {first, first + static_cast<std::ptrdiff_t>(count)};
}

inline void append(Bytes& to, const Bytes& bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

// Places in a segment's header.
inline constexpr std::size_t kSegId = 16, kSegTextRaw = 104, kSegTextStored = 112,
                             kSegTextSum = 120, kSegRowsRaw = 128, kSegRowsStored = 136,
                             kSegRowsSum = 144, kSegSum = 152;

inline void repair_segment(Bytes& file, bool rename) {
    if (file.size() < kSegmentHeaderBytes) return;
    const auto claimed = load_unaligned<std::uint64_t>(file.data() + kSegTextStored);
    const std::uint64_t rest = file.size() - kSegmentHeaderBytes;
    const std::uint64_t text = std::min(claimed, rest);
    const std::span<const std::byte> stored = std::span(file).subspan(kSegmentHeaderBytes);
    patch(file, kSegTextSum, checksum(stored.first(text)));
    patch(file, kSegRowsSum, checksum(stored.subspan(text)));
    const auto seal = [&] {
        patch(file, kSegSum, checksum(std::span<const std::byte>(file).first(kSegSum)));
    };
    seal();
    if (!rename) return;
    // Tokens that were changed get the name that is theirs.
    const auto header = parse_segment_header(file);
    if (!header || header->text_raw > (1 << 20)) return;
    Bytes raw(header->text_raw);
    if (!unpack(stored.first(text), raw, "a frame")) return;
    std::vector<std::int32_t> tokens(header->tokens);
    std::memcpy(tokens.data(), raw.data(), tokens.size() * sizeof(std::int32_t));
    patch(file, kSegId, chain_link(header->parent, header->producer, header->first_token, tokens));
    seal();
}

inline void mutate_segment(Bytes& file, Random& random) {
    const auto mode = random() % 8;
    if (file.size() < kSegmentHeaderBytes || mode == 0) return mutate_part(file, 0, file.size());
    const auto claimed = load_unaligned<std::uint64_t>(file.data() + kSegTextStored);
    const std::size_t rest = file.size() - kSegmentHeaderBytes;
    const std::size_t text = std::min<std::uint64_t>(claimed, rest);
    const bool of_text = random() % 2 == 0;
    switch (mode) {
        case 1:
            mutate_in_place(file, 12, kSegSum - 12);
            break;
        case 2:
            mutate_in_place(file, 80 + random() % 9 * 8, 8);
            break;
        case 3:
            mutate_part(file, 0, file.size());
            break;
        case 4:
            mutate_part(file, kSegmentHeaderBytes + (of_text ? 0 : text),
                        of_text ? text : rest - text);
            patch(file, kSegRowsStored,
                  std::uint64_t{file.size() - kSegmentHeaderBytes -
                                std::min(text, file.size() - kSegmentHeaderBytes)});
            break;
        default: {
            Bytes words = slice(file, kSegmentHeaderBytes, text);
            Bytes rows = slice(file, kSegmentHeaderBytes + text, rest);
            std::uint64_t raw = 0;
            if (!mutate_frame(of_text ? words : rows, random, raw)) break;
            file.resize(kSegmentHeaderBytes);
            patch(file, of_text ? kSegTextRaw : kSegRowsRaw, raw);
            patch(file, kSegTextStored, std::uint64_t{words.size()});
            patch(file, kSegRowsStored, std::uint64_t{rows.size()});
            append(file, words);
            append(file, rows);
            break;
        }
    }
    if (random() % 16 != 0) repair_segment(file, random() % 8 != 0);
}

// Places in a checkpoint's header.
inline constexpr std::size_t kCkLength = 12, kCkTokens = 60, kCkBodyRaw = 100, kCkBodyStored = 108,
                             kCkBodySum = 116, kCkSegments = 124, kCkTexts = 148;

// `length`: of the header inside `file`.
inline void repair_checkpoint(Bytes& file, std::size_t length) {
    if (length < kCkTexts + 8 || length > file.size()) return;
    patch(file, kCkLength, static_cast<std::uint32_t>(length));
    const auto all = std::span<const std::byte>(file);
    patch(file, kCkBodyStored, std::uint64_t{file.size() - length});
    patch(file, kCkBodySum, checksum(all.subspan(length)));
    patch(file, length - 8, checksum(all.first(length - 8)));
}

inline void mutate_checkpoint(Bytes& file, Random& random) {
    const auto mode = random() % 8;
    std::size_t length =
        file.size() < 16 ? 0 : load_unaligned<std::uint32_t>(file.data() + kCkLength);
    if (length < kCkTexts + 8 || length > file.size() || mode == 0)
        return mutate_part(file, 0, file.size());
    switch (mode) {
        case 1:
            mutate_in_place(file, 16, length - 24);
            break;
        case 2:
            mutate_in_place(file, kCkTokens + random() % 9 * 8, 8);
            break;
        case 3: {
            // Texts and the list of segments, longer or shorter.
            const std::size_t before = file.size();
            mutate_part(file, kCkTexts, length - 8 - kCkTexts);
            length = length + file.size() - before;
            break;
        }
        case 4: {
            // Another number of tokens, with the segments that belong to it.
            auto header = parse_checkpoint_header(file);
            if (!header) break;
            header->tokens = 1 + static_cast<std::int64_t>(random() % 2100);
            header->segments.resize(static_cast<std::size_t>(header->tokens / kSegmentTokens));
            const Bytes body = slice(file, length, file.size());
            file = encode_checkpoint_header(*header);
            length = file.size();
            append(file, body);
            break;
        }
        case 5:
            mutate_part(file, length, file.size() - length);
            break;
        default: {
            Bytes body = slice(file, length, file.size());
            std::uint64_t raw = 0;
            if (!mutate_frame(body, random, raw)) break;
            file.resize(length);
            append(file, body);
            patch(file, kCkBodyRaw, raw);
            break;
        }
    }
    if (random() % 16 != 0) repair_checkpoint(file, length);
}

// For LLVMFuzzerCustomMutator.
template <class Mutate>
std::size_t mutate_input(std::uint8_t* data, std::size_t size, std::size_t size_max, unsigned seed,
                         Mutate&& mutate) {
    Random random(seed + 1);
    Bytes bytes = copy_of(data, size);
    mutate(bytes, random);
    if (bytes.size() > size_max || bytes.empty()) return LLVMFuzzerMutate(data, size, size_max);
    std::memcpy(data, bytes.data(), bytes.size());
    return bytes.size();
}

// --- what came out -----------------------------------------------------------------------------

inline bool same_floats(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() &&
           (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

inline void require_same(const CheckpointHeader& a, const CheckpointHeader& b) {
    require(a.fingerprint == b.fingerprint && a.text_sha1 == b.text_sha1 &&
            a.producer == b.producer && a.reason == b.reason && a.has_logits == b.has_logits &&
            a.tokens == b.tokens && a.text_bytes == b.text_bytes &&
            a.context_tokens == b.context_tokens && a.created_unix == b.created_unix &&
            a.evaluate_seconds == b.evaluate_seconds && a.model_name == b.model_name &&
            a.parent == b.parent && a.preview == b.preview && a.segments == b.segments &&
            a.next.size() == b.next.size());
    for (std::size_t i = 0; i < a.next.size(); ++i)
        require(a.next[i].id == b.next[i].id && a.next[i].probability == b.next[i].probability &&
                a.next[i].text == b.next[i].text);
}

// Room for the rows of `tokens` tokens, as a load makes it.
inline void make_rows(KvState::Snapshot& state, std::int64_t tokens) {
    std::vector<std::byte*> addresses;
    state.layers.resize(shape().layers.size());
    for (std::size_t i = 0; i < shape().layers.size(); ++i) {
        const LayerStateShape& layer = shape().layers[i];
        if (layer.ratio == 0) continue;
        state.layers[i].compressed = PagedRows(layer.kv_row);
        state.layers[i].compressed.prepare(0, tokens / layer.ratio, addresses);
        if (!layer.indexed) continue;
        state.layers[i].index = PagedRows(layer.index_row);
        state.layers[i].index.prepare(0, tokens / layer.ratio, addresses);
    }
}

}  // namespace starglass::fuzz
