// SPDX-License-Identifier: MIT
#include "experts/expert_trace.h"

#include <xxhash.h>
#include <zstd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "base/file_system.h"

namespace starglass {
namespace {

constexpr std::string_view kMagic = "SGEXPERT";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 40;
constexpr std::size_t kBatchHeaderBytes = 16;
// Two million tokens of Flash; a longer recording belongs into several files.
constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 30;
constexpr std::uint64_t kNameBytesMax = 4096;
constexpr int kLayersMax = 4096;
constexpr int kExpertsMax = 32767;
constexpr std::int32_t kRowsMax = 1 << 20;
// Level 3 halves the size against level 1 for lists of small numbers, at 100 MB/s and more.
constexpr int kLevel = 3;

tl::unexpected<Error> broken(std::string_view what) {
    return fail(ErrorCode::invalid_input, "the expert trace {}", what);
}

Result<std::vector<std::byte>> unpack(std::span<const std::byte> packed, std::uint64_t size) {
    if (size > kBytesMax) return broken("claims to be larger than 1 GiB");
    const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                          &ZSTD_freeDCtx);
    if (context == nullptr) throw std::bad_alloc();
    (void)ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, 23);
    // Grows with what comes out, not with what the file claims.
    std::vector<std::byte> out, piece(ZSTD_DStreamOutSize());
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    for (;;) {
        ZSTD_outBuffer to{piece.data(), piece.size(), 0};
        const std::size_t left = ZSTD_decompressStream(context.get(), &to, &in);
        if (ZSTD_isError(left) != 0) return broken("cannot be unpacked; record it again");
        if (out.size() + to.pos > size) return broken("unpacks to more than it claims");
        out.insert(out.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(to.pos));
        if (left == 0) break;
        if (in.pos == in.size && to.pos < to.size) return broken("ends in the middle");
    }
    if (out.size() != size || in.pos != in.size) return broken("does not unpack to what it claims");
    return out;
}

bool time_is_fine(double seconds) {
    return std::isfinite(seconds) && seconds >= 0;
}

std::size_t frame_of(const ExpertTrace& trace) {
    return static_cast<std::size_t>(trace.layers) * static_cast<std::size_t>(trace.used);
}

Status read_batch(ByteReader& reader, std::size_t frame, ExpertTrace::Batch& batch) {
    std::uint32_t predicted = 0;
    if (!reader.read(batch.position) || !reader.read(batch.rows) || !reader.read(predicted))
        return broken("ends in the middle");
    if (batch.rows <= 0 || batch.rows > kRowsMax || predicted > 1)
        return broken("holds a batch of an impossible size");
    const auto take = [&](std::size_t count, std::vector<std::int16_t>& to) {
        std::span<const std::byte> bytes;
        if (!reader.read_bytes(count * sizeof(std::int16_t), bytes)) return false;
        to.resize(count);
        std::ranges::copy(bytes, std::as_writable_bytes(std::span(to)).begin());
        return true;
    };
    if (!take(frame * static_cast<std::size_t>(batch.rows), batch.experts) ||
        (predicted == 1 && !take(frame, batch.predicted)))
        return broken("ends in the middle");
    return {};
}

Result<ExpertTrace> read_body(std::span<const std::byte> body) {
    ByteReader reader(body);
    ExpertTrace trace;
    std::uint32_t name_bytes = 0, batches = 0, expected = 0, preloaded = 0;
    const bool shape = reader.read(trace.layers) && reader.read(trace.experts) &&
                       reader.read(trace.used) && reader.read(trace.hash_layers) &&
                       reader.read(trace.compute_seconds) && reader.read(trace.prefill_seconds) &&
                       reader.read(trace.read_bytes_s) && reader.read(name_bytes) &&
                       reader.read(batches) && reader.read(expected) && reader.read(preloaded);
    if (!shape) return broken("ends in the middle");
    if (trace.layers <= 0 || trace.layers > kLayersMax || trace.used <= 0 ||
        trace.experts < trace.used || trace.experts > kExpertsMax || name_bytes > kNameBytesMax ||
        expected > 1)
        return broken("names an impossible shape of a model");
    trace.expert_bytes.resize(static_cast<std::size_t>(trace.layers));
    for (std::uint64_t& bytes : trace.expert_bytes)
        if (!reader.read(bytes)) return broken("ends in the middle");
    std::span<const std::byte> name;
    if (!reader.read_bytes(name_bytes, name)) return broken("ends in the middle");
    trace.model.assign(reinterpret_cast<const char*>(name.data()), name.size());
    const auto take = [&](std::size_t count, auto& to) {
        std::span<const std::byte> bytes;
        if (!reader.read_bytes(count * sizeof(to[0]), bytes)) return false;
        to.resize(count);
        std::ranges::copy(bytes, std::as_writable_bytes(std::span(to)).begin());
        return true;
    };
    if (!take(expected * static_cast<std::size_t>(trace.layers) *
                  static_cast<std::size_t>(trace.experts),
              trace.expected) ||
        !take(preloaded, trace.preloaded))
        return broken("ends in the middle");
    const std::size_t least = kBatchHeaderBytes + frame_of(trace) * sizeof(std::int16_t);
    if (batches > reader.remaining() / least) return broken("claims more batches than it holds");
    trace.batches.resize(batches);
    for (ExpertTrace::Batch& batch : trace.batches)
        TRY_STATUS(read_batch(reader, frame_of(trace), batch));
    if (reader.remaining() > 0) return broken("goes on after its last batch");
    TRY_STATUS(check_expert_trace(trace));
    return trace;
}

}  // namespace

std::int64_t ExpertTrace::tokens() const {
    std::int64_t rows = 0;
    for (const Batch& batch : batches) rows += batch.rows;
    return rows;
}

Status check_expert_trace(const ExpertTrace& trace) {
    if (trace.layers <= 0 || trace.layers > kLayersMax || trace.used <= 0 ||
        trace.experts < trace.used || trace.experts > kExpertsMax || trace.hash_layers < 0 ||
        trace.hash_layers > trace.layers || trace.model.size() > kNameBytesMax ||
        trace.expert_bytes.size() != static_cast<std::size_t>(trace.layers))
        return broken("names an impossible shape of a model");
    // So that no sum of sizes overflows.
    if (std::any_of(trace.expert_bytes.begin(), trace.expert_bytes.end(),
                    [](std::uint64_t bytes) { return bytes > std::uint64_t{1} << 36; }))
        return broken("names an expert of an impossible size");
    if (!time_is_fine(trace.compute_seconds) || !time_is_fine(trace.prefill_seconds) ||
        !time_is_fine(trace.read_bytes_s))
        return broken("holds a time that is no number from 0 up");
    const auto all =
        static_cast<std::size_t>(trace.layers) * static_cast<std::size_t>(trace.experts);
    if (!(trace.expected.empty() || trace.expected.size() == all) ||
        !std::all_of(trace.expected.begin(), trace.expected.end(),
                     [](float share) { return share >= 0 && share <= 1; }))
        return broken("expects what cannot be");
    if (!std::all_of(trace.preloaded.begin(), trace.preloaded.end(), [&](std::int32_t id) {
            return id >= 0 && static_cast<std::size_t>(id) < all;
        }))
        return broken("begins with an expert that the model does not have");
    const std::size_t frame = frame_of(trace);
    for (const ExpertTrace::Batch& batch : trace.batches) {
        if (batch.rows <= 0 || batch.rows > kRowsMax ||
            batch.experts.size() != frame * static_cast<std::size_t>(batch.rows) ||
            !(batch.predicted.empty() || batch.predicted.size() == frame))
            return fail(ErrorCode::invalid_input,
                        "the expert trace's batch at position {} has the wrong size",
                        batch.position);
        const auto exists = [&](std::int16_t expert) {
            return expert >= 0 && expert < trace.experts;
        };
        if (!std::all_of(batch.experts.begin(), batch.experts.end(), exists) ||
            !std::all_of(batch.predicted.begin(), batch.predicted.end(),
                         [&](std::int16_t expert) { return expert == -1 || exists(expert); }))
            return fail(ErrorCode::invalid_input,
                        "the expert trace's batch at position {} names an expert that the model "
                        "does not have",
                        batch.position);
    }
    return {};
}

Result<std::vector<std::byte>> pack_expert_trace(const ExpertTrace& trace) {
    TRY_STATUS(check_expert_trace(trace));
    ByteWriter body;
    body.put(static_cast<std::int32_t>(trace.layers));
    body.put(static_cast<std::int32_t>(trace.experts));
    body.put(static_cast<std::int32_t>(trace.used));
    body.put(static_cast<std::int32_t>(trace.hash_layers));
    body.put(trace.compute_seconds);
    body.put(trace.prefill_seconds);
    body.put(trace.read_bytes_s);
    body.put(static_cast<std::uint32_t>(trace.model.size()));
    body.put(static_cast<std::uint32_t>(trace.batches.size()));
    body.put(static_cast<std::uint32_t>(trace.expected.empty() ? 0 : 1));
    body.put(static_cast<std::uint32_t>(trace.preloaded.size()));
    body.put_all(std::span<const std::uint64_t>(trace.expert_bytes));
    body.put_text(trace.model);
    body.put_all(std::span<const float>(trace.expected));
    body.put_all(std::span<const std::int32_t>(trace.preloaded));
    for (const ExpertTrace::Batch& batch : trace.batches) {
        body.put(batch.position);
        body.put(batch.rows);
        body.put(static_cast<std::uint32_t>(batch.predicted.empty() ? 0 : 1));
        body.put_all(std::span<const std::int16_t>(batch.experts));
        body.put_all(std::span<const std::int16_t>(batch.predicted));
    }
    if (body.size() > kBytesMax)
        return fail(ErrorCode::invalid_input,
                    "an expert trace of more than 1 GiB cannot be written; record a shorter one");
    std::vector<std::byte> packed(ZSTD_compressBound(body.size()));
    const std::size_t size =
        ZSTD_compress(packed.data(), packed.size(), body.bytes().data(), body.size(), kLevel);
    // With this bound only memory can be missing.
    if (ZSTD_isError(size) != 0) throw std::bad_alloc();
    packed.resize(size);
    ByteWriter out;
    out.put_text(kMagic);
    out.put(kVersion);
    out.put(std::uint32_t{0});
    out.put(static_cast<std::uint64_t>(packed.size()));
    out.put(static_cast<std::uint64_t>(body.size()));
    out.put(static_cast<std::uint64_t>(XXH3_64bits(packed.data(), packed.size())));
    out.put_bytes(packed);
    return out.take();
}

Result<ExpertTrace> unpack_expert_trace(std::span<const std::byte> bytes) {
    ByteReader reader(bytes);
    std::span<const std::byte> magic;
    if (!reader.read_bytes(kMagic.size(), magic) ||
        std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0)
        return fail(ErrorCode::invalid_input, "the file is not an expert trace");
    std::uint32_t version = 0, reserved = 0;
    std::uint64_t packed_bytes = 0, size = 0, checksum = 0;
    if (!reader.read(version)) return broken("ends in the middle");
    if (version != kVersion)
        return fail(ErrorCode::invalid_input,
                    "the expert trace is of version {}; this program reads version {}", version,
                    kVersion);
    if (!reader.read(reserved) || !reader.read(packed_bytes) || !reader.read(size) ||
        !reader.read(checksum))
        return broken("ends in the middle");
    std::span<const std::byte> packed;
    if (reserved != 0 || packed_bytes != reader.remaining() ||
        !reader.read_bytes(packed_bytes, packed))
        return broken("does not have the length that it claims");
    if (XXH3_64bits(packed.data(), packed.size()) != checksum)
        return broken("is damaged (its checksum differs); record it again");
    TRY(const std::vector<std::byte> body, unpack(packed, size));
    return read_body(body);
}

Status write_expert_trace(const ExpertTrace& trace, const std::string& path) {
    TRY(const std::vector<std::byte> bytes, pack_expert_trace(trace));
    const std::span<const std::byte> parts[] = {bytes};
    return write_durably(FileSystem::disk(), path, parts);
}

Result<ExpertTrace> read_expert_trace(const std::string& path) {
    FileSystem& files = FileSystem::disk();
    TRY(const std::int64_t size, files.size(path));
    if (static_cast<std::uint64_t>(size) > kBytesMax + kHeaderBytes)
        return fail(ErrorCode::invalid_input, "'{}' is too large for an expert trace", path);
    TRY(const std::vector<std::byte> bytes, files.read(path, 0, size));
    auto trace = unpack_expert_trace(bytes);
    if (!trace)
        return fail(trace.error().code, "'{}' cannot be used: {}", path, trace.error().message);
    return trace;
}

}  // namespace starglass
