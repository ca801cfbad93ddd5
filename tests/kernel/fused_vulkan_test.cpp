// SPDX-License-Identifier: MIT
//
// Vulkan kernels that do two ops in one give the bits of the two ops.
#include "kernel/experts_cases.h"
#include "kernel/hyper_connection_cases.h"
#include "kernel/rope_cases.h"
#include "kernel/rows_cases.h"
#include "kernel/vulkan_context.h"

namespace starglass::testing {
namespace {

// Device memory for what a test hands to kernels.
class Fused : public ::testing::Test {
protected:
    Fused() {
        auto backend = make_vulkan_backend(Activations::int8, vulkan_options());
        if (!backend) {
            ADD_FAILURE() << backend.error().message;
            return;
        }
        backend_ = std::move(*backend);
        context_.emplace(backend_->device(), backend_->stream(), Activations::int8);
    }
    ~Fused() override {
        for (void* memory : taken_) backend_->release(memory);
        EXPECT_EQ(backend_->device().validation_messages(), 0);
    }
    float* put(std::span<const float> values) {
        auto memory = backend_->allocate(values.size_bytes());
        if (!memory) {
            ADD_FAILURE() << memory.error().message;
            return nullptr;
        }
        taken_.push_back(*memory);
        backend_->write(*memory, values.data(), values.size_bytes());
        return static_cast<float*>(*memory);
    }
    float* room(std::int64_t count) {
        return put(std::vector<float>(static_cast<std::size_t>(count), 7.0F));
    }
    Weight place(const Weight& w) {
        auto placed = backend_->place(w);
        if (!placed) {
            ADD_FAILURE() << placed.error().message;
            return w;
        }
        taken_.push_back(const_cast<std::byte*>(placed->data));
        return *placed;
    }
    std::vector<float> get(const float* from, std::int64_t count) {
        std::vector<float> values(static_cast<std::size_t>(count));
        if (auto status = backend_->read(values.data(), from, values.size() * sizeof(float));
            !status)
            ADD_FAILURE() << status.error().message;
        return values;
    }

    std::unique_ptr<VulkanBackend> backend_;
    std::optional<VulkanContext> context_;
    std::vector<void*> taken_;
};

TEST_F(Fused, RmsNormRope) {
    for (const RopeCase& c : rope_cases())
        for (const bool weighted : {false, true})
            for (const bool in_place : {false, true}) {
                SCOPED_TRACE("rotary " + std::to_string(c.params.rotary) + ", width " +
                             std::to_string(c.width));
                RopeProblem problem(c);
                Random random(3);
                const std::int64_t count = c.rows * c.heads * c.width;
                const Floats weight = Floats::random(random, c.width);
                float* const weights = weighted ? put(weight.span()) : nullptr;
                const auto ops = [&](Rope& rope) {
                    float* const x = put(problem.x.span());
                    rope = problem.op();
                    rope.x = in_place ? x : room(count);
                    return RmsNorm{.x = x,
                                   .weight = weights,
                                   .y = rope.x,
                                   .rows = c.rows * c.heads,
                                   .dim = c.width,
                                   .epsilon = 1e-6F};
                };
                Rope one{}, two{};
                const RmsNorm norm_one = ops(one);
                rms_norm_rope_vk(*context_, norm_one, one);
                const RmsNorm norm_two = ops(two);
                rms_norm_vk(*context_, norm_two);
                rope_vk(*context_, two);
                expect_same_bits(get(one.x, count), get(two.x, count));
            }
}

TEST_F(Fused, RopeIndexQuery) {
    for (const IndexQueryCase& c : index_query_cases())
        for (const bool inverse : {false, true}) {
            SCOPED_TRACE("width " + std::to_string(c.width));
            IndexQueryProblem problem(c);
            const std::int64_t count = c.rows * c.heads * c.width;
            std::vector<std::int64_t> positions;
            for (std::int64_t row = 0; row < c.rows; ++row) positions.push_back(100000 + 3 * row);
            RopeParams params = yarn_rope();
            params.rotary = c.width / 2;
            IndexQuery query = problem.op();
            Rope rope{.x = nullptr,
                      .rows = c.rows,
                      .heads = c.heads,
                      .width = c.width,
                      .positions = positions.data(),
                      .params = params,
                      .inverse = inverse};
            float* const one = query.x = rope.x = put(problem.x.span());
            rope_index_query_vk(*context_, rope, query);
            float* const two = query.x = rope.x = put(problem.x.span());
            rope_vk(*context_, rope);
            index_query_vk(*context_, query);
            expect_same_bits(get(one, count), get(two, count));
        }
}

struct HyperMemory {
    HyperPre pre;
    HyperPost post;
    RmsNorm norm;
};

TEST_F(Fused, HyperConnections) {
    for (const HyperCase& c : hyper_cases()) {
        SCOPED_TRACE(std::to_string(c.streams) + " x " + std::to_string(c.dim));
        HyperProblem problem(c);
        Random random(4);
        const std::int64_t n = c.streams;
        const std::int64_t values = c.rows * n * c.dim;
        const Weight fn = place(problem.fn.view());
        float* const h = put(problem.h.span());
        float* const y = put(problem.y.span());
        float* const scale = put(problem.scale.span());
        float* const base = put(problem.base.span());
        float* const weight = put(Floats::random(random, c.dim).span());
        float* const post_in = put(Floats::random(random, c.rows * n).span());
        float* const comb_in = put(Floats::random(random, c.rows * n * n).span());
        const auto memory = [&] {
            HyperMemory m{.pre = problem.pre(), .post = problem.spread(), .norm = {}};
            m.post.h = h;
            m.post.y = y;
            m.post.post = post_in;
            m.post.comb = comb_in;
            m.post.out = room(values);
            m.pre.h = m.post.out;
            m.pre.fn = fn;
            m.pre.scale = scale;
            m.pre.base = base;
            m.pre.u = room(c.rows * c.dim);
            m.pre.post = room(c.rows * n);
            m.pre.comb = room(c.rows * n * n);
            m.norm = {.x = m.pre.u,
                      .weight = weight,
                      .y = room(c.rows * c.dim),
                      .rows = c.rows,
                      .dim = c.dim,
                      .epsilon = 1e-6F};
            return m;
        };
        const HyperMemory apart = memory();
        hyper_post_vk(*context_, apart.post);
        hyper_pre_vk(*context_, apart.pre);
        rms_norm_vk(*context_, apart.norm);
        const HyperMemory normed = memory();
        hyper_post_vk(*context_, normed.post);
        hyper_pre_norm_vk(*context_, normed.pre, normed.norm);
        const HyperMemory both = memory();
        hyper_post_pre_vk(*context_, both.post, both.pre, nullptr);
        rms_norm_vk(*context_, both.norm);
        const HyperMemory all = memory();
        hyper_post_pre_vk(*context_, all.post, all.pre, &all.norm);
        for (const HyperMemory* m : {&normed, &both, &all}) {
            expect_same_bits(get(m->post.out, values), get(apart.post.out, values));
            expect_same_bits(get(m->pre.u, c.rows * c.dim), get(apart.pre.u, c.rows * c.dim));
            expect_same_bits(get(m->pre.post, c.rows * n), get(apart.pre.post, c.rows * n));
            expect_same_bits(get(m->pre.comb, c.rows * n * n), get(apart.pre.comb, c.rows * n * n));
            expect_same_bits(get(m->norm.y, c.rows * c.dim), get(apart.norm.y, c.rows * c.dim));
        }
    }
}

// More tables than are kept, each used again after others took its place.
// Products of one x in one kernel: every type, rows of all numbers of subgroups, and those that
// come alone.
TEST_F(Fused, ProductsOfOneVector) {
    context_->join_products = true;
    for (const DataType type :
         {DataType::q8_0, DataType::q2_k, DataType::q4_k, DataType::iq2_xxs, DataType::f16}) {
        SCOPED_TRACE(static_cast<int>(type));
        constexpr std::int64_t kIn = 1024;
        const std::vector<std::int64_t> outs{256, 1, 7, 1030, 64};
        Random random(3);
        const float* const x = put(Floats::random(random, kIn).span());
        std::vector<MatMul> ops;
        for (const std::int64_t out : outs) {
            const OwnedWeight weight = random_weight(random, type, kIn, out);
            ops.push_back({place(weight.view()), x, room(out), 1});
            ASSERT_TRUE(may_join(*context_, ops.back()));
            ASSERT_TRUE(backend_->finish());  // the weight's bytes end here
        }
        std::vector<std::vector<float>> alone;
        for (const MatMul& op : ops) {
            mat_mul_vk(*context_, op);
            alone.push_back(get(op.y, op.w.out));
            backend_->write(op.y,
                            std::vector<float>(static_cast<std::size_t>(op.w.out), 7.0F).data(),
                            static_cast<std::size_t>(op.w.out) * sizeof(float));
        }
        const std::int64_t before = backend_->stream().dispatches();
        mat_mul_many_vk(*context_, ops);
        EXPECT_LE(backend_->stream().dispatches(), before + 2);
        for (std::size_t i = 0; i < ops.size(); ++i)
            EXPECT_EQ(get(ops[i].y, ops[i].w.out), alone[i]) << outs[i];
    }
}

// What a norm and what the streams' mixing make for the products behind them: the second time with
// the values, the bits that a kernel of its own makes.
TEST_F(Fused, FormsComeWithTheValues) {
    for (const DataType type :
         {DataType::q8_0, DataType::q2_k, DataType::q4_k, DataType::iq2_xxs}) {
        for (const std::int64_t dim : {256, 1024, 1280, 4096}) {
            SCOPED_TRACE(fmt::format("{} of {}", static_cast<int>(type), dim));
            constexpr std::int64_t kRows = 3, kOut = 32;
            Random random(5);
            const float* const x = put(Floats::random(random, kRows * dim).span());
            const float* const scale = put(Floats::random(random, dim).span());
            float* const y = room(kRows * dim);
            float* const product = room(kRows * kOut);
            const OwnedWeight weight = random_weight(random, type, dim, kOut);
            const Weight w = place(weight.view());
            std::vector<std::vector<float>> results;
            std::vector<std::int64_t> kernels;
            for (int turn = 0; turn < 2; ++turn) {
                const std::int64_t before = backend_->stream().dispatches();
                rms_norm_vk(*context_, {x, scale, y, kRows, dim, 1e-6F});
                mat_mul_vk(*context_, {w, y, product, kRows});
                kernels.push_back(backend_->stream().dispatches() - before);
                results.push_back(get(product, kRows * kOut));
            }
            EXPECT_EQ(kernels, (std::vector<std::int64_t>{3, 2}));
            EXPECT_EQ(results[0], results[1]);
        }
    }
}

// A product of a product, and experts: the workgroups that make what is quantised next share the
// making of the form.
TEST_F(Fused, FormsAreMadeJointly) {
    constexpr std::int64_t kWidth = 512, kMiddle = 2048, kOut = 32;
    constexpr int kTurns = 4;  // counts are left as they were found
    for (const DataType type :
         {DataType::q8_0, DataType::q2_k, DataType::q4_k, DataType::iq2_xxs}) {
        for (const int groups : {1, 4, 8}) {
            SCOPED_TRACE(fmt::format("{} in {} groups", static_cast<int>(type), groups));
            Random random(6);
            const float* const x = put(Floats::random(random, kWidth * groups).span());
            float* const middle = room(kMiddle);
            float* const y = room(kOut);
            const OwnedWeight first = random_weight(random, DataType::q8_0, kWidth, kMiddle);
            const OwnedWeight second = random_weight(random, type, kMiddle, kOut);
            const Weight a = place(first.view()), b = place(second.view());
            std::vector<std::vector<float>> results;
            std::vector<std::int64_t> kernels;
            for (int turn = 0; turn < kTurns; ++turn) {
                const std::int64_t before = backend_->stream().dispatches();
                mat_mul_vk(*context_, {a, x, middle, 1, groups});
                mat_mul_vk(*context_, {b, middle, y, 1});
                kernels.push_back(backend_->stream().dispatches() - before);
                results.push_back(get(y, kOut));
                EXPECT_EQ(results.back(), results.front()) << turn;
            }
            // The form of x is made once.
            EXPECT_EQ(kernels, (std::vector<std::int64_t>{4, 2, 2, 2}));
        }
    }
    for (const DataType type : {DataType::q8_0, DataType::q2_k, DataType::q4_k, DataType::iq2_xxs})
        for (const int rows : {1, 3}) {
            SCOPED_TRACE(fmt::format("experts {}, {} rows", static_cast<int>(type), rows));
            ExpertsProblem problem(
                {DataType::iq2_xxs, DataType::iq2_xxs, type, 256, 512, 8, 3, rows, 10.0F});
            RoutedExperts op = problem.routed();
            op.gate = place(op.gate);
            op.up = place(op.up);
            op.down = place(op.down);
            op.x = put({op.x, static_cast<std::size_t>(rows) * 256});
            op.weights = put({op.weights, static_cast<std::size_t>(rows) * 3});
            op.selected = reinterpret_cast<const std::int32_t*>(put(
                {reinterpret_cast<const float*>(op.selected), static_cast<std::size_t>(rows) * 3}));
            op.y = room(rows * 256);
            std::vector<float> want;
            std::vector<std::int64_t> kernels;
            for (int turn = 0; turn < kTurns; ++turn) {
                const std::int64_t before = backend_->stream().dispatches();
                routed_experts_vk(*context_, op, nullptr);
                kernels.push_back(backend_->stream().dispatches() - before);
                const std::vector<float> got = get(op.y, rows * 256);
                if (turn == 0) want = got;
                EXPECT_EQ(got, want) << turn;
            }
            EXPECT_EQ(kernels, (std::vector<std::int64_t>{3, 2, 2, 2}));
        }
}

TEST_F(Fused, TablesKeepTheirContents) {
    // More than there are places for, each looked at again a little later.
    constexpr std::int64_t kTables = 1100, kBack = 40, kLongest = 160;
    const auto content = [](std::int64_t i) {
        return std::vector<std::int64_t>(static_cast<std::size_t>(1 + i % kLongest), i);
    };
    const auto check = [&](std::int64_t i) {
        const std::vector<std::int64_t> values = content(i);
        const gpu::Range at =
            context_->table(values.data(), static_cast<std::int64_t>(values.size()));
        std::vector<std::int64_t> found(values.size());
        ASSERT_TRUE(backend_->stream().read(found.data(), at.address, at.bytes));
        ASSERT_EQ(found, values) << i;
    };
    for (std::int64_t i = 0; i < kTables; ++i) {
        check(i);
        check(std::max<std::int64_t>(0, i - kBack));
    }
}

TEST_F(Fused, RopeTablesAreToldApart) {
    const auto reference = make_reference_backend(Activations::int8);
    for (int round = 0; round < 3; ++round)
        for (int first = 0; first < 9; ++first)
            for (const RopeParams& params : {plain_rope(), yarn_rope()}) {
                RopeProblem problem({params, 2, 128, 1 + 40 * (first % 3), 10 * first, false});
                Rope op = problem.op();
                float* const x = op.x = put(problem.x.span());
                rope_vk(*context_, op);
                reference->run(problem.op());
                expect_same_bits(get(x, static_cast<std::int64_t>(problem.x.size())),
                                 problem.x.span());
            }
}

}  // namespace
}  // namespace starglass::testing
