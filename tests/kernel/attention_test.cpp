// SPDX-License-Identifier: MIT
#include "kernel/attention_cases.h"
#include "kernel/reference_kernels.h"
#ifdef STARGLASS_TEST_VULKAN
#include "kernel/vulkan_context.h"
#endif

namespace starglass::testing {
namespace {

std::string describe(const AttentionCase& c) {
    return "heads " + std::to_string(c.heads) + ", width " + std::to_string(c.width) + ", first " +
           std::to_string(c.first) + ", rows " + std::to_string(c.rows) + ", ratio " +
           std::to_string(c.ratio) + ", top " + std::to_string(c.top_k);
}

std::vector<double> truth(AttentionProblem& p) {
    const AttentionCase& c = p.shape;
    std::vector<double> out;
    for (int row = 0; row < c.rows; ++row) {
        const std::int64_t position = c.first + row;
        std::vector<std::vector<float>> rows;
        for (std::int64_t at = std::max<std::int64_t>(0, position - c.window + 1); at <= position;
             ++at) {
            rows.emplace_back(static_cast<std::size_t>(c.width));
            decode_row(p.raw->layout, p.raw->view().row(at), rows.back().data());
        }
        if (c.ratio != 0) {
            const std::int64_t visible = (position + 1) / c.ratio;
            if (c.top_k == 0)
                for (std::int64_t r = 0; r < visible; ++r) rows.push_back(p.compressed->decoded(r));
            else
                for (int i = 0; i < p.counts[row]; ++i)
                    rows.push_back(p.compressed->decoded(p.selected[row * c.top_k + i]));
        }
        for (int head = 0; head < c.heads; ++head) {
            const float* q =
                p.q.data() + (static_cast<std::int64_t>(row) * c.heads + head) * c.width;
            double denominator = std::exp(static_cast<double>(p.sinks[head]));
            std::vector<double> o(static_cast<std::size_t>(c.width));
            for (const auto& k : rows) {
                double dot = 0.0;
                for (int i = 0; i < c.width; ++i) dot += static_cast<double>(q[i]) * k[i];
                const double w = std::exp(dot / std::sqrt(c.width));
                denominator += w;
                for (int i = 0; i < c.width; ++i) o[i] += w * k[i];
            }
            for (const double value : o) out.push_back(value / denominator);
        }
    }
    return out;
}

// With cooperative matrices a query's values and its rows' shares are two f16 each, 21 bits: 3.2e-5
// on an H200 over 2,250 rows.
double tolerance(const Backend& backend, int rows) {
    return backend.name() == "vulkan" && rows >= 48 ? 5e-5 : Attention::kTolerance;
}

TEST(Attention, MeetsTheFormula) {
    for_each_backend([](Backend& backend) {
        for (const AttentionCase& c : attention_cases()) {
            SCOPED_TRACE(describe(c));
            AttentionProblem problem(c);
            backend.run(problem.op());
            expect_close(problem.out.span(), truth(problem), tolerance(backend, c.rows));
        }
    });
}

TEST(Attention, AQueryDoesNotDependOnItsBatch) {
    for_each_backend([](Backend& backend) {
        for (const AttentionCase& c : attention_cases()) {
            if (c.rows == 1) continue;
            SCOPED_TRACE(describe(c));
            AttentionProblem batch(c), alone(c);
            backend.run(batch.op());
            for (int row = 0; row < c.rows; ++row) {
                Attention op = alone.op();
                op.rows = 1;
                op.first_position += row;
                op.q += static_cast<std::int64_t>(row) * c.heads * c.width;
                op.out += static_cast<std::int64_t>(row) * c.heads * c.width;
                if (op.selected != nullptr) {
                    op.selected += row * c.top_k;
                    op.counts += row;
                }
                backend.run(op);
            }
            // A device adds the rows of a prompt in one go, those of a few tokens in pieces.
            if (backend.name() == "vulkan" && c.rows >= 48)
                expect_close(alone.out.span(), batch.out.span(), tolerance(backend, c.rows));
            else
                expect_same_bits(alone.out.span(), batch.out.span());
        }
    });
}

// One visible row and a sink of minus infinity: the output is that row.
TEST(Attention, ASingleRowComesBack) {
    for_each_backend([](Backend& backend) {
        AttentionProblem problem({3, 192, 64, 16, 0, 1, 0, 0, false});
        for (float& sink : problem.sinks.span()) sink = -INFINITY;
        backend.run(problem.op());
        std::vector<float> want(192);
        decode_row(problem.raw->layout, problem.raw->view().row(0), want.data());
        for (int head = 0; head < 3; ++head)
            for (int i = 0; i < 192; ++i) EXPECT_FLOAT_EQ(problem.out[head * 192 + i], want[i]);
    });
}

// A sink far above every score swallows the output, one far below does nothing; neither overflows.
TEST(Attention, ExtremeSinksAndScores) {
    for_each_backend([](Backend& backend) {
        AttentionProblem problem({2, 128, 64, 16, 30, 2, 4, 0, false});
        for (float& sink : problem.sinks.span()) sink = 1e4F;
        backend.run(problem.op());
        for (const float o : problem.out.span()) EXPECT_EQ(o, 0.0F);
        for (float& sink : problem.sinks.span()) sink = -1e4F;
        for (float& q : problem.q.span()) q *= 1e4F;
        backend.run(problem.op());
        for (const float o : problem.out.span()) EXPECT_TRUE(std::isfinite(o));
    });
}

#ifdef STARGLASS_TEST_VULKAN
// The problem's op on a device, `run` in whatever form; the results are in problem.out.
template <class Run>
void on_device(gpu::Device& device, gpu::Stream& stream, AttentionProblem& problem, Run&& run) {
    Attention op = problem.op();
    std::vector<gpu::Buffer> taken;
    const auto place = [&]<class T>(T*& pointer, std::int64_t count) {
        if (count == 0) return;
        const std::int64_t bytes = count * static_cast<std::int64_t>(sizeof(T));
        auto room = device.allocate(bytes);  // which rounds up
        ASSERT_TRUE(room);
        taken.push_back(*room);
        stream.write(room->address, pointer, bytes);
        pointer = reinterpret_cast<T*>(room->address);
    };
    const std::int64_t values = std::int64_t{op.rows} * op.heads * op.width;
    place(op.q, values);
    place(op.sinks, op.heads);
    place(op.raw.data, op.raw.capacity * op.raw.layout.stride);
    place(op.selected, static_cast<std::int64_t>(problem.selected.size()));
    place(op.counts, static_cast<std::int64_t>(problem.counts.size()));
    std::vector<std::byte*> pages;
    if (problem.compressed) {
        for (std::byte* page : problem.compressed->pages) {
            place(page, op.compressed.rows_per_page * op.compressed.layout.stride);
            pages.push_back(page);
        }
        op.compressed.pages = pages.data();
    }
    place(op.out, values);
    run(op);
    ASSERT_TRUE(stream.read(problem.out.data(), address_of(op.out), values * 4));
    for (const gpu::Buffer& buffer : taken) device.release(buffer);
}

// In one op with the rotation it is followed by, for few rows and for many.
TEST(Attention, TurnsItsResults) {
    auto device = gpu::Device::open(vulkan_options());
    ASSERT_TRUE(device);
    gpu::Stream stream(**device);
    VulkanContext context(**device, stream, Activations::f32);
    for (const AttentionCase& c : {AttentionCase{3, 128, 64, 16, 30, 2, 0, 0, false},
                                   AttentionCase{3, 66, 2, 8, 30, 3, 0, 0, false},
                                   AttentionCase{3, 128, 64, 16, 30, 50, 0, 0, false}})
        for (const bool inverse : {false, true}) {
            SCOPED_TRACE(describe(c));
            AttentionProblem problem(c);
            std::vector<std::int64_t> positions;
            for (int row = 0; row < c.rows; ++row) positions.push_back(c.first + row);
            const RopeParams params{.rotary = c.rotary, .yarn = true, .scale = 4.0F, .high = 20.0F};
            Rope rope{nullptr, c.rows, c.heads, c.width, positions.data(), params, inverse};
            on_device(**device, stream, problem, [&](const Attention& op) {
                rope.x = op.out;
                attention_rope_vk(context, op, rope);
            });
            const std::vector<float> got(problem.out.span().begin(), problem.out.span().end());
            attention_ref(problem.op());
            rope.x = problem.out.data();
            rope_ref(rope);
            expect_close(got, problem.out.span(), Attention::kTolerance);
        }
    EXPECT_EQ((*device)->validation_messages(), 0);
}

// The form for cooperative matrices, whose products any device can work out.
TEST(Attention, MultipliesMatrices) {
    auto device = gpu::Device::open(vulkan_options());
    ASSERT_TRUE(device);
    gpu::Stream stream(**device);
    VulkanContext context(**device, stream, Activations::f32);
    for (const AttentionCase& c : attention_cases()) {
        if (c.rows < 48 || c.plain) continue;
        SCOPED_TRACE(describe(c));
        AttentionProblem problem(c);
        on_device(**device, stream, problem,
                  [&](const Attention& op) { attention_emulated_vk(context, op); });
        expect_close(problem.out.span(), truth(problem), Attention::kTolerance);
    }
    EXPECT_EQ((*device)->validation_messages(), 0);
}
#endif

}  // namespace
}  // namespace starglass::testing
