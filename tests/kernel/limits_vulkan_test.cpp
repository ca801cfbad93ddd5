// SPDX-License-Identifier: MIT
//
// A dispatch may have 65,535 workgroups on a dimension, no more; batches that need more rows than
// that are folded, and what asks for more all the same is told so.
#include "add_params.h"
#include "kernel/support.h"

namespace starglass::testing {
namespace {

std::unique_ptr<Backend> device() {
    return HostedVulkan::make(Activations::int8, vulkan_options());
}

// The norms of 64 heads of 4096 tokens are 262,144 rows.
TEST(Limits, RmsNormOfMoreRowsThanWorkgroups) {
    const auto backend = device();
    for (const int rows : {65535, 65537, 98305}) {
        SCOPED_TRACE(rows);
        Random random(1);
        constexpr int kDim = 4;
        const Floats x = Floats::random(random, std::int64_t{rows} * kDim);
        Floats got(std::int64_t{rows} * kDim);
        Floats want(std::int64_t{rows} * kDim);
        RmsNorm op{.x = x.data(),
                   .weight = nullptr,
                   .y = got.data(),
                   .rows = rows,
                   .dim = kDim,
                   .epsilon = 1e-6F};
        backend->run(op);
        op.y = want.data();
        make_reference_backend(Activations::int8)->run(op);
        expect_close(got.span(), want.span(), 1e-5);
    }
}

// 16 groups of 4096 tokens and more.
TEST(Limits, ProductsOfMoreSlicesThanWorkgroups) {
    const auto backend = device();
    Random random(2);
    const OwnedWeight w = random_weight(random, DataType::q8_0, 32, 16);
    constexpr int kRows = 4500;
    constexpr int kGroups = 16;
    const Floats x = Floats::random(random, std::int64_t{kRows} * kGroups * 32);
    Floats got(std::int64_t{kRows} * 16);
    Floats want(std::int64_t{kRows} * 16);
    MatMul op{.w = w.view(), .x = x.data(), .y = got.data(), .rows = kRows, .groups = kGroups};
    backend->run(op);
    op.y = want.data();
    make_reference_backend(Activations::int8)->run(op);
    expect_close(got.span(), want.span(), 5e-3);
}

TEST(Limits, ADispatchBeyondThemIsAnError) {
    auto opened = gpu::Device::open(vulkan_options());
    ASSERT_TRUE(opened);
    gpu::Stream stream(**opened);
    const std::int64_t most = (*opened)->info().workgroups_max[1];
    stream.dispatch(Shader::add, {}, shaders::AddParams{}, {1, most + 1}, {}, {});
    const Status status = stream.finish();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::internal);
    EXPECT_NE(status.error().message.find("add wants 1 x " + std::to_string(most + 1)),
              std::string::npos)
        << status.error().message;
    stream.clear_error();
    EXPECT_TRUE(stream.finish());
    EXPECT_EQ((*opened)->validation_messages(), 0);
}

}  // namespace
}  // namespace starglass::testing
