// SPDX-License-Identifier: MIT
//
// KVC files: ds4's own ones field by field, and what we write against them and the specification.
#include "cache/kvc_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "support/kvc_samples.h"
#include "support/npz.h"

namespace starglass::test {
namespace {

using nlohmann::json;

const std::string kGolden = std::string(SG_GOLDEN_DIR) + "/";

std::uint32_t u32_at(const std::string& bytes, std::size_t offset) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

TEST(KvcGolden, EveryFieldOfBothFilesIsAsExpected) {
    const json expected = json::parse(read_bytes(kGolden + "kvc/expected.json"));
    const Npz arrays(kGolden + "kvc/expected.npz");
    int file_number = 0;
    for (const json& item : expected.at("files")) {
        ++file_number;
        const std::string name = item.at("file");
        SCOPED_TRACE(name);
        const std::string bytes = read_bytes(kGolden + "kvc/" + name);
        EXPECT_EQ(bytes.size(), item.at("bytes").get<std::size_t>());
        EXPECT_EQ(sha256_hex(bytes), item.at("sha256").get<std::string>());
        const auto file = parse_kvc(bytes_of(bytes), tiny_kvc_shape());
        ASSERT_TRUE(file) << file.error().message;

        const json& outer = item.at("outer_header");
        EXPECT_EQ(file->header.quant_bits, outer.at("quant_bits"));
        EXPECT_EQ(static_cast<int>(file->header.reason), outer.at("reason"));
        EXPECT_EQ(file->header.extensions, outer.at("ext_flags"));
        EXPECT_EQ(file->header.tokens, outer.at("tokens"));
        EXPECT_EQ(file->header.hits, outer.at("hits"));
        EXPECT_EQ(file->header.context, outer.at("ctx_size"));
        EXPECT_EQ(file->header.payload_bytes, outer.at("payload_bytes"));
        EXPECT_EQ(file->header.text_bytes, outer.at("text_bytes"));
        EXPECT_GT(file->header.created_unix, 1'600'000'000U);
        EXPECT_GE(file->header.last_used_unix, file->header.created_unix);

        const KvcPayloadHeader& payload = file->payload;
        const json fields = {payload.context,    payload.prefill_chunk,       payload.ring_rows,
                             payload.window,     payload.compressed_rows_max, payload.tokens,
                             payload.layers,     payload.row_width,           payload.index_width,
                             payload.vocabulary, payload.window_rows};
        const json& wanted = item.at("payload_header_u32");
        ASSERT_EQ(wanted.size(), fields.size() + 2);
        for (std::size_t i = 0; i < fields.size(); ++i) EXPECT_EQ(fields[i], wanted[i + 2]) << i;

        const CheckpointState& state = file->state;
        EXPECT_EQ(state.text, item.at("text").get<std::string>());
        EXPECT_EQ(kvc_file_name(state.text), name);
        EXPECT_EQ(json(state.tokens), item.at("token_ids"));
        EXPECT_EQ(state.tokens, arrays.at(fmt::format("tokens_{}", file_number)).ints());
        EXPECT_TRUE(state.blocks.empty());
        EXPECT_EQ(state.kv.positions, outer.at("tokens"));
        const std::vector<double>& logits = arrays.at(fmt::format("logits_{}", file_number)).values;
        ASSERT_EQ(state.logits.size(), logits.size());
        for (std::size_t i = 0; i < logits.size(); ++i)
            EXPECT_EQ(state.logits[i], static_cast<float>(logits[i])) << i;
    }
    EXPECT_EQ(file_number, 2);
}

// Offsets of the ranges of a file in which a state slot holds nothing.
std::vector<std::pair<std::size_t, std::size_t>> empty_slots(const KvcShape& shape,
                                                             std::size_t text_bytes,
                                                             std::int64_t tokens) {
    std::vector<std::pair<std::size_t, std::size_t>> out;
    std::size_t at = kKvcHeaderBytes + text_bytes + kKvcPayloadHeaderBytes +
                     4 * (static_cast<std::size_t>(tokens) +
                          static_cast<std::size_t>(shape.vocabulary) + 2 * shape.layers.size());
    const auto states = [&](const LayerStateShape& layer, int width) {
        const std::size_t columns = static_cast<std::size_t>(layer.coff) * width;
        for (int copy = 0; copy < 2; ++copy)
            for (int slot = 0; slot < layer.coff * layer.ratio; ++slot, at += 4 * columns) {
                const bool previous = layer.coff == 2 && slot < layer.ratio;
                const int in_group = slot - (layer.coff == 2 && !previous ? layer.ratio : 0);
                if (previous ? tokens < layer.ratio : in_group >= tokens % layer.ratio)
                    out.emplace_back(at, at + 4 * columns);
            }
    };
    for (const LayerStateShape& layer : shape.layers) {
        const auto window = std::min<std::int64_t>(tokens, shape.window);
        at += 4 * static_cast<std::size_t>(window) * layer.kv_width;
        if (layer.ratio == 0) continue;
        at += 4 * static_cast<std::size_t>(tokens / layer.ratio) * layer.kv_width;
        states(layer, layer.kv_width);
        if (!layer.indexed) continue;
        at += 4 * static_cast<std::size_t>(tokens / layer.ratio) * layer.index_width;
        states(layer, layer.index_width);
    }
    return out;
}

TEST(KvcGolden, WritingWhatWasReadGivesTheFileBack) {
    const KvcShape shape = tiny_kvc_shape();
    for (const char* name : {kKvcShort, kKvcLong}) {
        SCOPED_TRACE(name);
        const std::string golden = read_bytes(kGolden + name);
        const auto file = parse_kvc(bytes_of(golden), shape);
        ASSERT_TRUE(file) << file.error().message;
        const std::string written = kvc_bytes(file->state, shape, file->header);
        ASSERT_EQ(written.size(), golden.size());

        // The only freedom: slots of the open group that hold nothing. The prefilled file has
        // them cleared, as ours are; decode left old rows in the other one.
        std::size_t stale = 0;
        std::size_t different = 0;
        std::string patched = written;
        for (const auto& [begin, end] :
             empty_slots(shape, file->state.text.size(), file->state.kv.positions)) {
            stale += end - begin;
            patched.replace(begin, end - begin, golden, begin, end - begin);
        }
        EXPECT_TRUE(patched == golden);
        for (std::size_t i = 0; i < golden.size(); ++i) different += golden[i] != written[i];
        std::cout << name << ": " << golden.size() << " bytes, " << stale
                  << " in slots that hold nothing, " << different << " of those differ\n";
        if (name == std::string(kKvcShort)) {
            EXPECT_EQ(different, 0U);
        }

        const auto again = parse_kvc(bytes_of(written), shape);
        ASSERT_TRUE(again) << again.error().message;
        EXPECT_EQ(kvc_difference(file->state, again->state, shape), "");
    }
}

TEST(Kvc, AStateComesBackBitForBitAtEveryPhase) {
    const KvcShape shape = tiny_kvc_shape();
    for (const std::int64_t tokens : {1,   2,   3,   4,   5,   7,    8,    126,  127,  128,
                                      129, 131, 255, 256, 257, 1023, 1024, 1030, 2200, 4095}) {
        CheckpointState state = kvc_state(shape, tokens, static_cast<unsigned>(tokens));
        if (tokens % 2 == 0)
            state.blocks = {{"call_1", "<block>"}, {"call_2", std::string(100'000, 'x')}};
        KvcHeader header;
        header.quant_bits = tokens % 3 == 0 ? 4 : 2;
        header.reason = SaveReason::shutdown;
        header.hits = 7;
        header.created_unix = 1'700'000'000;
        header.last_used_unix = 1'700'000'001;
        const std::string bytes = kvc_bytes(state, shape, header);
        const auto file = parse_kvc(bytes_of(bytes), shape);
        ASSERT_TRUE(file) << tokens << ": " << file.error().message;
        // Codes differ where two of them mean one number, so floats are compared; the second
        // time round nothing may change.
        EXPECT_EQ(kvc_difference(state, file->state, shape, false), "") << tokens;
        EXPECT_TRUE(kvc_bytes(file->state, shape, file->header) == bytes) << tokens;
        EXPECT_EQ(file->header.quant_bits, header.quant_bits);
        EXPECT_EQ(file->header.reason, header.reason);
        EXPECT_EQ(file->header.hits, 7U);
        EXPECT_EQ(file->header.created_unix, header.created_unix);
        EXPECT_EQ(file->header.last_used_unix, header.last_used_unix);
        EXPECT_EQ(file->header.extensions, tokens % 2 == 0 ? kKvcToolMap : 0);
        EXPECT_EQ(file->header.payload_bytes, kvc_payload_bytes(shape, file->header.tokens));
    }
}

TEST(Kvc, HeaderFieldsAreWhatDs4WouldWrite) {
    KvcShape shape = tiny_kvc_shape();
    const CheckpointState state = kvc_state(shape, 50);
    for (const auto& [context, chunk, window] :
         {std::array{4096, 2048, 128}, std::array{1000, 1000, 128}, std::array{100, 100, 100}}) {
        shape.context_tokens = context;
        shape.window = window;
        const std::string bytes = kvc_bytes(state, shape, {});
        EXPECT_EQ(bytes.substr(0, 8), std::string("KVC\1\2\0\0\0", 8));
        const std::size_t at = kKvcHeaderBytes + state.text.size();
        const auto number = [](int value) { return static_cast<std::uint32_t>(value); };
        EXPECT_EQ(u32_at(bytes, 8), 50U);
        EXPECT_EQ(u32_at(bytes, 16), number(context));
        const std::vector<std::uint32_t> fields = {0x34565344,
                                                   1,
                                                   number(context),
                                                   number(chunk),
                                                   number(window),
                                                   number(window),
                                                   number(context / 4 + 2),
                                                   50,
                                                   6,
                                                   192,
                                                   128,
                                                   512,
                                                   50};
        for (std::size_t i = 0; i < fields.size(); ++i)
            EXPECT_EQ(u32_at(bytes, at + 4 * i), fields[i]) << "field " << i;
    }
    // Reasons of our own have no code there.
    const auto reason = [&](SaveReason from) {
        KvcHeader header;
        header.reason = from;
        return static_cast<int>(kvc_bytes(state, shape, header)[5]);
    };
    EXPECT_EQ(reason(SaveReason::evict), 3);
    EXPECT_EQ(reason(SaveReason::agent_session), 6);
    EXPECT_EQ(reason(SaveReason::prompt), 2);
    EXPECT_EQ(reason(SaveReason::turn), 2);
    EXPECT_EQ(reason(SaveReason::imported), 0);
}

// Section 9 of the cache specification.
TEST(Kvc, SizesOfFlashAreTheSpecifications) {
    const std::vector<std::pair<std::uint64_t, std::uint64_t>> table = {
        {512, 31'042'956},        {1'000, 37'726'508},        {2'048, 52'184'460},
        {10'000, 161'630'668},    {10'240, 164'939'148},      {30'000, 436'900'428},
        {100'000, 1'400'385'548}, {1'000'000, 13'787'975'308}};
    const KvcShape shape = flash_kvc_shape(32768);
    for (const auto& [tokens, bytes] : table) EXPECT_EQ(kvc_payload_bytes(shape, tokens), bytes);

    for (const std::int64_t tokens : {512, 2'048, 10'000}) {
        const CheckpointState state = kvc_state(shape, tokens);
        std::uint64_t written = 0;
        std::size_t piece_max = 0;
        const Status status =
            write_kvc(state, shape, {}, [&](std::span<const std::byte> bytes) -> Status {
                written += bytes.size();
                piece_max = std::max(piece_max, bytes.size());
                return {};
            });
        ASSERT_TRUE(status) << status.error().message;
        EXPECT_EQ(written, kKvcHeaderBytes + state.text.size() +
                               kvc_payload_bytes(shape, static_cast<std::uint64_t>(tokens)));
        EXPECT_LE(piece_max, std::size_t{1} << 20) << "the file stood in memory";
    }
}

TEST(Kvc, WritingRefusesWhatHasNoFile) {
    const KvcShape shape = tiny_kvc_shape();
    const auto refusal = [&](const CheckpointState& state) {
        const Status status =
            write_kvc(state, shape, {}, [](std::span<const std::byte>) -> Status { return {}; });
        return status ? std::string("written") : status.error().message;
    };
    CheckpointState state = kvc_state(shape, 20);
    EXPECT_EQ(refusal(state), "written");
    CheckpointState without = state;
    without.logits.clear();
    EXPECT_EQ(refusal(without), "the checkpoint holds no logits, and a KVC file needs them");
    CheckpointState empty = kvc_state(shape, 0);
    EXPECT_EQ(refusal(empty), "a checkpoint without tokens has no KVC file");
    CheckpointState other = state;
    other.kv.layers[3].frontier_kv.pop_back();
    EXPECT_EQ(refusal(other), "the checkpoint's state is not of this model's shape");
    EXPECT_NE(refusal(kvc_state(shape, 4096)).find("the context holds 4096"), std::string::npos);

    const Status sink = write_kvc(state, shape, {}, [](std::span<const std::byte>) -> Status {
        return fail(ErrorCode::disk_full, "no room");
    });
    ASSERT_FALSE(sink);
    EXPECT_EQ(sink.error().code, ErrorCode::disk_full);
}

}  // namespace
}  // namespace starglass::test
