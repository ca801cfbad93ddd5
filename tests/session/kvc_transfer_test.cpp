// SPDX-License-Identifier: MIT
//
// ds4's checkpoints in our sessions: a file of ds4's goes on where ds4 went on, and comes back out
// as it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/digest.h"
#include "model/forward.h"
#include "model/golden_support.h"
#include "session/engine_impl.h"
#include "support/kvc_samples.h"
#include "support/memory_cache.h"

namespace starglass::test {
namespace {

using testing::HasSubstr;

std::shared_ptr<Engine> open_tiny(const std::string& name, BackendKind backend,
                                  Numerics numerics = Numerics::act8, std::int64_t context = 4096) {
    EngineOptions options;
    options.backend = backend;
    options.numerics = numerics;
    options.threads = 2;
    options.context_tokens = context;
    auto engine = open_engine(golden_path("tiny/" + name), options, nullptr, CancelToken());
    if (!engine) throw std::runtime_error(engine.error().message);
    return *engine;
}

const CheckpointState& state_of(const MemoryCache& cache, const std::string& id) {
    return cache.entries.at(id).state;
}

// Feeds tokens one at a time from a state, as a session would decode.
LogitRows continue_from(Engine& engine, const KvState::Snapshot& snapshot,
                        std::span<const std::int32_t> tokens) {
    auto& impl = dynamic_cast<EngineImpl&>(engine);
    KvState state(layer_state_shapes(impl.shape(), impl.rounding()), impl.shape().window);
    state.restore(snapshot);
    WorkingState working(state, impl.backend());
    Forward forward(impl.shape(), impl.weights(), impl.backend(), impl.rounding());
    LogitRows rows;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const std::int64_t position = state.positions();
        const Status run = forward.run(tokens.subspan(i, 1), working, {});
        if (!run) throw std::runtime_error(run.error().message);
        std::vector<float>& row = rows[position];
        row.resize(static_cast<std::size_t>(impl.shape().vocabulary));
        forward.logits(0, row);
    }
    return rows;
}

// Relative RMS of every floating point part of two states' frontiers.
double frontier_error(const CheckpointState& a, const CheckpointState& b, bool scores) {
    std::vector<float> x, y;
    for (std::size_t layer = 0; layer < a.kv.layers.size(); ++layer) {
        const KvState::Snapshot::Layer& u = a.kv.layers[layer];
        const KvState::Snapshot::Layer& v = b.kv.layers[layer];
        const auto add = [&](const std::vector<float>& from, const std::vector<float>& other) {
            for (std::size_t i = 0; i < from.size(); ++i) {
                if (from[i] == kEmptyScore && other[i] == kEmptyScore) continue;
                x.push_back(from[i]);
                y.push_back(other[i]);
            }
        };
        if (scores) {
            add(u.frontier_score, v.frontier_score);
            add(u.index_frontier_score, v.index_frontier_score);
        } else {
            add(u.frontier_kv, v.frontier_kv);
            add(u.index_frontier_kv, v.index_frontier_kv);
        }
    }
    return relative_rms(x, y);
}

TEST(KvcTransfer, GoldenFilesGoOnAsDs4Did) {
    const Npz arrays(golden_path("kvc/expected.npz"));
    const std::vector<std::int32_t> tokens = arrays.at("tokens_3").ints();
    const NpyArray& wanted = arrays.at("cont_logits");
    const std::vector<std::int32_t> positions = arrays.at("cont_pos").ints();
    for (const BackendKind backend : {BackendKind::reference, BackendKind::cpu}) {
        const auto engine = open_tiny("tiny-q2.gguf", backend);
        MemoryCache cache;
        const auto id = import_kvc(*engine, cache, golden_path(kKvcLong));
        ASSERT_TRUE(id) << id.error().message;
        const CheckpointState& state = state_of(cache, *id);
        EXPECT_EQ(state.tokens, arrays.at("tokens_2").ints());
        const std::vector<double>& logits = arrays.at("logits_2").values;
        for (std::size_t i = 0; i < logits.size(); ++i)
            ASSERT_EQ(state.logits[i], static_cast<float>(logits[i]));

        const std::size_t done = state.tokens.size();
        ASSERT_EQ(done, 199U);
        const LogitRows rows = continue_from(*engine, state.kv, std::span(tokens).subspan(done));
        std::vector<double> errors;
        int agree = 0;
        for (std::size_t i = 0; i < positions.size(); ++i) {
            const std::vector<float>& got = rows.at(positions[i]);
            const std::vector<float> want = wanted.row(static_cast<std::int64_t>(i));
            errors.push_back(relative_rms(got, want));
            agree += argmax(got) == argmax(want) ? 1 : 0;
        }
        ASSERT_EQ(errors.size(), 38U);
        const double largest = *std::max_element(errors.begin(), errors.end());
        std::cout << name_of(backend) << ": 38 tokens after ds4's 199, logits off by "
                  << median(errors) << " (median) and " << largest << " (most), " << agree
                  << " of 38 most probable tokens agree\n";
        // The reference backend does ds4's arithmetic, so only a library's exp() may differ.
        EXPECT_LE(median(errors), backend == BackendKind::reference ? 1e-5 : 5e-2);
        EXPECT_GE(agree, backend == BackendKind::reference ? 38 : 35);
    }
}

TEST(KvcTransfer, OurOwnStateIsNearDs4s) {
    // The frontiers' layout (which slots are the previous group, which columns serve it) shows
    // in numbers: a wrong one is off by about 1.
    const Npz arrays(golden_path("kvc/expected.npz"));
    const auto engine = open_tiny("tiny-q2.gguf", BackendKind::reference);
    auto& impl = dynamic_cast<EngineImpl&>(*engine);
    int which = 0;
    for (const char* file : {kKvcShort, kKvcLong}) {
        MemoryCache cache;
        const auto id = import_kvc(*engine, cache, golden_path(file));
        ASSERT_TRUE(id) << id.error().message;
        CheckpointState ours;
        ours.tokens = arrays.at(fmt::format("tokens_{}", ++which)).ints();
        KvState state(layer_state_shapes(impl.shape(), impl.rounding()), impl.shape().window);
        WorkingState working(state, impl.backend());
        Forward forward(impl.shape(), impl.weights(), impl.backend(), impl.rounding());
        state.reserve_batch(static_cast<int>(ours.tokens.size()));
        ASSERT_TRUE(forward.run(ours.tokens, working, {}));
        ours.kv = *state.snapshot();
        const double kv = frontier_error(ours, state_of(cache, *id), false);
        const double score = frontier_error(ours, state_of(cache, *id), true);
        std::cout << file << ": our open groups differ by " << kv << " in values and " << score
                  << " in scores\n";
        EXPECT_LT(kv, 0.1);
        EXPECT_LT(score, 0.1);
    }
}

TEST(KvcTransfer, ExportGivesBackWhatImportRead) {
    const auto engine = open_tiny("tiny-q2.gguf", BackendKind::reference);
    const std::string folder = testing::TempDir() + "kvc_transfer";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    const KvcShape shape = tiny_kvc_shape();
    for (const char* name : {kKvcShort, kKvcLong}) {
        MemoryCache cache;
        const auto id = import_kvc(*engine, cache, golden_path(name));
        ASSERT_TRUE(id) << id.error().message;
        EXPECT_EQ(cache.entries.at(*id).meta.reason, SaveReason::imported);
        EXPECT_GT(cache.entries.at(*id).meta.created_unix, 1'600'000'000);
        EXPECT_EQ(cache.entries.at(*id).meta.context_tokens, 4096);
        const std::string path =
            folder + "/" + std::filesystem::path(golden_path(name)).filename().string();
        const Status exported = export_kvc(*engine, cache, *id, path);
        ASSERT_TRUE(exported) << exported.error().message;

        const auto golden = parse_kvc(bytes_of(read_bytes(golden_path(name))), shape);
        const auto ours = parse_kvc(bytes_of(read_bytes(path)), shape);
        ASSERT_TRUE(ours) << ours.error().message;
        EXPECT_EQ(kvc_difference(golden->state, ours->state, shape), "");
        EXPECT_EQ(ours->header.quant_bits, golden->header.quant_bits);
        EXPECT_EQ(ours->header.context, golden->header.context);
        EXPECT_EQ(ours->header.created_unix, golden->header.created_unix);
        EXPECT_EQ(ours->payload.prefill_chunk, golden->payload.prefill_chunk);
        EXPECT_EQ(ours->payload.ring_rows, golden->payload.ring_rows);
        EXPECT_EQ(ours->payload.compressed_rows_max, golden->payload.compressed_rows_max);

        const auto second = import_kvc(*engine, cache, path);
        ASSERT_TRUE(second) << second.error().message;
        EXPECT_EQ(kvc_difference(state_of(cache, *id), state_of(cache, *second), shape), "");
    }
    // Nothing temporary stays.
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        ++files;
        EXPECT_EQ(entry.path().extension(), ".kv");
    }
    EXPECT_EQ(files, 2);
}

TEST(KvcTransfer, TheStoreOnDiskKeepsThem) {
    const Npz arrays(golden_path("kvc/expected.npz"));
    const std::vector<std::int32_t> tokens = arrays.at("tokens_3").ints();
    const auto engine = open_tiny("tiny-q2.gguf", BackendKind::reference);
    const KvcShape shape = tiny_kvc_shape();
    const std::string folder = testing::TempDir() + "kvc_transfer_store";
    std::filesystem::remove_all(folder);
    KvCacheOptions options;
    options.directory = folder;
    std::string id;
    {
        auto cache = open_kv_cache(options);
        ASSERT_TRUE(cache) << cache.error().message;
        for (const char* name : {kKvcShort, kKvcLong}) {
            auto imported = import_kvc(*engine, **cache, golden_path(name));
            ASSERT_TRUE(imported) << imported.error().message;
            id = *imported;
        }
    }
    auto cache = open_kv_cache(options);
    ASSERT_TRUE(cache) << cache.error().message;
    EXPECT_EQ((*cache)->list().size(), 2U);
    const auto info = (*cache)->info(id);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->tokens, 199);
    EXPECT_EQ(info->reason, SaveReason::imported);
    EXPECT_EQ(kvc_file_name((*cache)->text(id).value()),
              std::filesystem::path(golden_path(kKvcLong)).filename().string());
    const auto next = (*cache)->next_tokens(id);
    ASSERT_TRUE(next && !next->empty());
    const std::vector<double>& logits = arrays.at("logits_2").values;
    EXPECT_EQ(next->front().id, std::max_element(logits.begin(), logits.end()) - logits.begin());

    // What went in comes out as a file of ds4's.
    const std::string path = folder + "/out.kv";
    const Status exported = export_kvc(*engine, **cache, id, path);
    ASSERT_TRUE(exported) << exported.error().message;
    const auto golden = parse_kvc(bytes_of(read_bytes(golden_path(kKvcLong))), shape);
    const auto ours = parse_kvc(bytes_of(read_bytes(path)), shape);
    ASSERT_TRUE(ours) << ours.error().message;
    EXPECT_EQ(kvc_difference(golden->state, ours->state, shape, false), "");

    // And a session goes on from it.
    auto session = engine->create_session({*cache});
    ASSERT_TRUE(session) << session.error().message;
    GenerateRequest request;
    request.prompt = tokens;
    request.max_tokens = 1;
    request.sampling.temperature = 0;
    request.save = false;
    SessionListener listener;
    const auto generated = (*session)->generate(request, listener, CancelToken());
    ASSERT_TRUE(generated) << generated.error().message;
    EXPECT_EQ(generated->reuse.source, ReuseSource::disk);
    EXPECT_EQ(generated->reuse.tokens, 199);
    EXPECT_EQ(generated->reuse.note, "");
    const NpyArray& wanted = arrays.at("cont_logits");
    ASSERT_EQ(generated->tokens.size(), 1U);
    EXPECT_EQ(static_cast<std::size_t>(generated->tokens.front()),
              argmax(wanted.row(wanted.rows() - 1)));
    std::filesystem::remove_all(folder);
}

TEST(KvcTransfer, QuantisationBitsFollowLayerZero) {
    const auto engine = open_tiny("tiny-q4.gguf", BackendKind::reference);
    MemoryCache cache;
    // The golden state fits the sizes of this model; its text too: both have one tokenizer.
    const auto id = import_kvc(*engine, cache, golden_path(kKvcShort));
    ASSERT_TRUE(id) << id.error().message;
    const std::string path = testing::TempDir() + "kvc_q4.kv";
    ASSERT_TRUE(export_kvc(*engine, cache, *id, path));
    EXPECT_EQ(parse_kvc_header(bytes_of(read_bytes(path)))->quant_bits, 4);
}

class KvcRefusal : public testing::Test {
protected:
    // What importing `bytes` under `name` says, or "" when it works.
    std::string import(const std::string& bytes, const std::string& name, Engine& engine) {
        const std::string path = testing::TempDir() + name;
        std::ofstream(path, std::ios::binary) << bytes;
        const auto id = import_kvc(engine, cache_, path);
        std::filesystem::remove(path);
        return id ? "" : id.error().message;
    }
    std::string golden_ = read_bytes(golden_path(kKvcShort));
    std::string name_ = std::filesystem::path(golden_path(kKvcShort)).filename().string();
    std::shared_ptr<Engine> engine_ = open_tiny("tiny-q2.gguf", BackendKind::reference);
    MemoryCache cache_;
};

TEST_F(KvcRefusal, TextAndNameAreHeldAgainstEachOther) {
    EXPECT_EQ(import(golden_, name_, *engine_), "");
    EXPECT_EQ(import(golden_, "a copy.kv", *engine_), "");
    std::string other = name_;
    other[0] = '1';
    EXPECT_THAT(import(golden_, other, *engine_), HasSubstr("SHA-1 07df46223a93253206b267a605be"));
    // Another text, in a file named for it: only the tokenizer can tell.
    std::string changed = golden_;
    changed[80] ^= 1;
    EXPECT_THAT(import(changed, name_, *engine_), HasSubstr("not the one in its name"));
    EXPECT_THAT(import(changed, "a copy.kv", *engine_), HasSubstr("another tokenizer"));
    // A visible transcript is not the tokens' text and need not be.
    changed[6] = 4;
    EXPECT_EQ(import(changed, "a copy.kv", *engine_), "");
    EXPECT_EQ(cache_.entries.rbegin()->second.state.text,
              cache_.entries.begin()->second.state.text);
}

TEST_F(KvcRefusal, OtherModelsAndContexts) {
    const auto small = open_tiny("tiny-q2.gguf", BackendKind::reference, Numerics::act8, 103);
    EXPECT_THAT(import(golden_, name_, *small), HasSubstr("sliding window is 128"));
    const auto exact = open_tiny("tiny-q2.gguf", BackendKind::reference, Numerics::act8, 150);
    EXPECT_EQ(import(golden_, name_, *exact), "");
    EXPECT_THAT(import(read_bytes(golden_path(kKvcLong)), "long.kv", *exact),
                HasSubstr("has 199 tokens, but the context holds 150"));
    const auto cont = open_tiny("tiny-q2.gguf", BackendKind::reference, Numerics::cont);
    EXPECT_THAT(import(golden_, name_, *cont), HasSubstr("numerics cont"));
    EXPECT_THAT(import(golden_.substr(0, 5000), name_, *engine_), HasSubstr("inside its payload"));
    EXPECT_THAT(import("GGUF", name_, *engine_), HasSubstr("this is no KVC file"));
    const auto missing = import_kvc(*engine_, cache_, "/nonexistent.kv");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::not_found);
}

TEST_F(KvcRefusal, ExportsThatCannotBeWrittenLeaveNothing) {
    ASSERT_EQ(import(golden_, name_, *engine_), "");
    const std::string id = cache_.entries.begin()->first;
    EXPECT_EQ(export_kvc(*engine_, cache_, "none", "/tmp/x.kv").error().code, ErrorCode::not_found);
    const Status nowhere = export_kvc(*engine_, cache_, id, "/nonexistent/x.kv");
    ASSERT_FALSE(nowhere);
    EXPECT_THAT(nowhere.error().message, HasSubstr("/nonexistent/x.kv"));
    const std::string folder = testing::TempDir() + "kvc_no_logits";
    std::filesystem::create_directories(folder);
    cache_.entries[id].state.logits.clear();
    const Status without = export_kvc(*engine_, cache_, id, folder + "/x.kv");
    ASSERT_FALSE(without);
    EXPECT_THAT(without.error().message, HasSubstr("holds no logits"));
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace starglass::test
