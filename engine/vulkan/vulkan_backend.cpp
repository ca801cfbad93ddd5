// SPDX-License-Identifier: MIT
#include "vulkan/vulkan_backend.h"

#include <algorithm>
#include <map>

#include "kernel/device_weight.h"
#include "kernel/vulkan_context.h"

namespace starglass {
namespace {

class Implementation final : public VulkanBackend {
public:
    Implementation(Activations activations, std::unique_ptr<gpu::Device> device)
        : device_(std::move(device)), stream_(*device_), context_(*device_, stream_, activations) {}
    ~Implementation() override {
        static_cast<void>(stream_.finish());
        for (const auto& [address, buffer] : buffers_) device_->release(buffer);
        device_->save_pipelines();
    }

    [[nodiscard]] gpu::Device& device() override { return *device_; }
    [[nodiscard]] gpu::Stream& stream() override { return stream_; }
    [[nodiscard]] std::string_view name() const override { return "vulkan"; }
    [[nodiscard]] int threads() const override { return 1; }
    // The order of sums depends on the width of a subgroup and on which products the device has.
    [[nodiscard]] std::uint32_t arithmetic() const override {
        const gpu::DeviceInfo& info = device_->info();
        return 0x8000 + info.subgroup_size * 4 + (info.features.integer_dot ? 1 : 0) +
               (info.features.cooperative_matrix ? 2 : 0);
    }

    [[nodiscard]] bool host_memory() const override { return false; }
    Result<void*> allocate(std::size_t bytes) override {
        TRY(const gpu::Buffer buffer,
            device_->allocate(static_cast<std::int64_t>(std::max<std::size_t>(bytes, 4))));
        buffers_[buffer.address] = buffer;
        return reinterpret_cast<void*>(buffer.address);
    }
    void release(void* pointer) noexcept override {
        const auto at = buffers_.find(address_of(pointer));
        if (at == buffers_.end()) return;
        static_cast<void>(stream_.finish());
        device_->release(at->second);
        buffers_.erase(at);
    }
    void write(void* to, const void* from, std::size_t bytes) override {
        stream_.write(address_of(to), from, static_cast<std::int64_t>(bytes));
    }
    Status read(void* to, const void* from, std::size_t bytes) override {
        return forgiven(stream_.read(to, address_of(from), static_cast<std::int64_t>(bytes)));
    }
    void copy(void* to, const void* from, std::size_t bytes) override {
        stream_.copy(address_of(to), address_of(from), static_cast<std::int64_t>(bytes));
    }
    Status finish() override { return forgiven(stream_.finish()); }

    Result<Weight> place(const Weight& w) override;
    void emulate_matrix() override { context_.emulate_matrix = true; }

    void run(const Embed& op) override { embed_vk(context_, op); }
    void run(const RmsNorm& op) override { rms_norm_vk(context_, op); }
    void run(const MatMul& op) override { mat_mul_vk(context_, op); }
    void run(const HyperPre& op) override { hyper_pre_vk(context_, op); }
    void run(const HyperPost& op) override { hyper_post_vk(context_, op); }
    void run(const HyperHead& op) override { hyper_head_vk(context_, op); }
    void run(const Rope& op) override { rope_vk(context_, op); }
    void run(const Compress& op) override { compress_vk(context_, op); }
    void run(const EncodeRows& op) override { encode_rows_vk(context_, op); }
    void run(const IndexQuery& op) override { index_query_vk(context_, op); }
    void run(const IndexSelect& op) override { index_select_vk(context_, op); }
    void run(const Attention& op) override { attention_vk(context_, op); }
    void run(const Router& op) override { router_vk(context_, op); }
    void run(const RoutedExperts& op) override { routed_experts_vk(context_, op); }
    void run(const SharedExpert& op) override { shared_expert_vk(context_, op); }
    void run(const Add& op) override { add_vk(context_, op); }

private:
    // An error is told once; the next request starts anew, and fails again if the device is gone.
    Status forgiven(Status status) {
        stream_.clear_error();
        return status;
    }

    std::unique_ptr<gpu::Device> device_;
    gpu::Stream stream_;
    VulkanContext context_;
    std::map<std::uint64_t, gpu::Buffer> buffers_;
};

Result<Weight> Implementation::place(const Weight& w) {
    const DeviceLayout layout = device_layout(w);
    TRY(void* const memory, allocate(static_cast<std::size_t>(layout.bytes)));
    const std::int64_t rows = w.out * w.count;
    std::vector<std::byte> packed;
    for (int plane = 0; plane < layout.count; ++plane) {
        const DevicePlane& part = layout.planes[static_cast<std::size_t>(plane)];
        const std::int64_t step =
            std::max<std::int64_t>(1, (std::int64_t{8} << 20) / std::max<std::int64_t>(1, part.row_stride));
        for (std::int64_t row = 0; row < rows; row += step) {
            const std::int64_t count = std::min(step, rows - row);
            packed.resize(static_cast<std::size_t>(count * part.row_stride));
            for (std::int64_t i = 0; i < count; ++i)
                pack_device_row(w, layout, plane, row + i, packed.data() + i * part.row_stride);
            stream_.write(address_of(memory) +
                              static_cast<std::uint64_t>(part.offset + row * part.row_stride),
                          packed.data(), static_cast<std::int64_t>(packed.size()));
        }
    }
    Weight placed = w;
    placed.data = static_cast<const std::byte*>(memory);
    return placed;
}

}  // namespace

Result<std::unique_ptr<VulkanBackend>> make_vulkan_backend(Activations activations,
                                                           const gpu::DeviceOptions& options) {
    TRY(auto device, gpu::Device::open(options));
    return std::make_unique<Implementation>(activations, std::move(device));
}

}  // namespace starglass
