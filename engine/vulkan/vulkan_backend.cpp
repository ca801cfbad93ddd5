// SPDX-License-Identifier: MIT
#include "vulkan/vulkan_backend.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/thread_pool.h"
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
    // The order of sums depends on the width of a subgroup and on which products the device has,
    // what is joined into one rounding on the driver's compiler: equal bits are promised by the
    // same of all of them only.
    [[nodiscard]] std::uint32_t arithmetic() const override {
        const gpu::DeviceInfo& info = device_->info();
        std::uint32_t hash = 2166136261U;  // FNV-1a
        for (const std::uint32_t part :
             {info.vendor, info.device, info.driver_version, info.subgroup_size,
              std::uint32_t{info.features.integer_dot},
              std::uint32_t{info.features.cooperative_matrix}})
            hash = (hash ^ part) * 16777619U;
        return 0x8000 + ((hash ^ hash >> 15U) & 0x7FFFU);
    }

    [[nodiscard]] bool host_memory() const override { return false; }
    Result<void*> allocate(std::size_t bytes) override {
        TRY(const gpu::Buffer buffer,
            device_->allocate(static_cast<std::int64_t>(std::max<std::size_t>(bytes, 4))));
        buffers_[buffer.address] = buffer;
        return reinterpret_cast<void*>(buffer.address);
    }
    void release(void* pointer) noexcept override {
        give_pending();
        const auto at = buffers_.find(address_of(pointer));
        if (at == buffers_.end()) return;
        static_cast<void>(stream_.finish());
        device_->release(at->second);
        buffers_.erase(at);
    }
    void write(void* to, const void* from, std::size_t bytes) override {
        give_pending();
        stream_.write(address_of(to), from, static_cast<std::int64_t>(bytes));
    }
    Status read(void* to, const void* from, std::size_t bytes) override {
        give_pending();
        return forgiven(stream_.read(to, address_of(from), static_cast<std::int64_t>(bytes)));
    }
    Status read_all(std::span<const Reading> readings) override {
        give_pending();
        pieces_.clear();
        for (const Reading& one : readings)
            pieces_.push_back(
                {one.to_host, address_of(one.from), static_cast<std::int64_t>(one.bytes)});
        const Status status = stream_.read_all(pieces_);
        end_placing();
        return forgiven(status);
    }
    void copy(void* to, const void* from, std::size_t bytes) override {
        give_pending();
        stream_.copy(address_of(to), address_of(from), static_cast<std::int64_t>(bytes));
    }
    Status finish() override {
        give_pending();
        const Status status = stream_.finish();
        end_placing();
        return forgiven(status);
    }

    Result<Weight> place(const Weight& w) override;
    void compute_experts_with(std::unique_ptr<Backend> host) override { host_ = std::move(host); }
    Result<double> measure_read_speed() override;
    void emulate_matrix() override { context_.emulate_matrix = true; }
    void keep_ops_apart() override { apart_ = true; }
    void join_products() override { context_.join_products = true; }

    void run(const Embed& op) override { plain(op, embed_vk); }
    void run(const RmsNorm& op) override;
    void run(const MatMul& op) override;
    void run(const HyperPre& op) override;
    void run(const HyperPost& op) override {
        give_pending();
        pending_ = op;
    }
    void run(const HyperHead& op) override { plain(op, hyper_head_vk); }
    void run(const Rope& op) override;
    void run(const Compress& op) override { plain(op, compress_vk); }
    void run(const EncodeRows& op) override { plain(op, encode_rows_vk); }
    void run(const IndexQuery& op) override;
    void run(const IndexSelect& op) override { plain(op, index_select_vk); }
    void run(const Attention& op) override;
    void run(const Router& op) override { plain(op, router_vk); }
    void run(const RoutedExperts& op) override;
    void run(const SharedExpert& op) override { plain(op, shared_expert_vk); }
    void run(const Add& op) override;
    void run(const TopLogits& op) override { plain(op, top_logits_vk); }

private:
    // Ops that may become one with the next are kept until it is given. Their host arrays are free
    // by then, so these are kept too.
    struct PostPre {
        HyperPost post;
        HyperPre pre;
    };
    struct Products {
        std::array<MatMul, kJoinedMost> ops;
        std::size_t count = 0;
    };
    using Pending = std::variant<std::monostate, RmsNorm, Rope, HyperPre, HyperPost, PostPre,
                                 Attention, RoutedExperts, Products>;

    template <class Op>
    void plain(const Op& op, void (*give)(VulkanContext&, const Op&)) {
        give_pending();
        give(context_, op);
    }
    void give_pending();
    template <class Op>
    const Op* pending() const {
        return apart_ ? nullptr : std::get_if<Op>(&pending_);
    }
    [[nodiscard]] bool placed(const Weight& w) const {
        return buffers_.contains(address_of(w.data));
    }
    void host_experts(const RoutedExperts& op);
    // After a wait: what only placing weights needs.
    void end_placing() {
        if (packers_ == nullptr) return;
        packers_.reset();
        stream_.uploads().give_back();
    }

    // An error is told once; the next request starts anew, and fails again if the device is gone.
    Status forgiven(Status status) {
        stream_.clear_error();
        return status;
    }

    std::unique_ptr<gpu::Device> device_;
    gpu::Stream stream_;
    VulkanContext context_;
    std::unordered_map<std::uint64_t, gpu::Buffer> buffers_;
    Pending pending_;
    bool apart_ = false;
    std::vector<std::int64_t> kept_positions_;
    std::vector<std::byte*> kept_pages_;
    std::unique_ptr<ThreadPool> packers_;  // from the first weight placed to the next wait
    std::unique_ptr<Backend> host_;        // experts that are not on the device
    std::vector<gpu::Stream::Piece> pieces_;
    std::vector<float> host_x_, host_weights_, host_y_;
    std::vector<std::int32_t> host_selected_;
};

// --- ops that become one -----------------------------------------------------------------------

void Implementation::give_pending() {
    Pending op;
    std::swap(op, pending_);
    std::visit(
        [&](const auto& known) {
            using Op = std::decay_t<decltype(known)>;
            if constexpr (std::is_same_v<Op, RmsNorm>) rms_norm_vk(context_, known);
            if constexpr (std::is_same_v<Op, Rope>) rope_vk(context_, known);
            if constexpr (std::is_same_v<Op, HyperPre>) hyper_pre_vk(context_, known);
            if constexpr (std::is_same_v<Op, HyperPost>) hyper_post_vk(context_, known);
            if constexpr (std::is_same_v<Op, PostPre>)
                hyper_post_pre_vk(context_, known.post, known.pre, nullptr);
            if constexpr (std::is_same_v<Op, Attention>) attention_vk(context_, known);
            if constexpr (std::is_same_v<Op, RoutedExperts>)
                routed_experts_vk(context_, known, nullptr);
            if constexpr (std::is_same_v<Op, Products>)
                mat_mul_many_vk(context_, std::span(known.ops).first(known.count));
        },
        op);
}

void Implementation::run(const RmsNorm& op) {
    const auto follows = [&](const HyperPre& pre) {
        return op.x == pre.u && op.rows == pre.rows && op.dim == pre.dim;
    };
    if (const HyperPre* pre = pending<HyperPre>(); pre != nullptr && follows(*pre)) {
        hyper_pre_norm_vk(context_, *pre, op);
        pending_ = {};
        return;
    }
    if (const PostPre* both = pending<PostPre>(); both != nullptr && follows(both->pre)) {
        hyper_post_pre_vk(context_, both->post, both->pre, &op);
        pending_ = {};
        return;
    }
    give_pending();
    pending_ = op;
}

void Implementation::run(const MatMul& op) {
    if (apart_ || !may_join(context_, op)) return plain(op, mat_mul_vk);
    if (auto* products = std::get_if<Products>(&pending_);
        products != nullptr && products->count < kJoinedMost) {
        const MatMul& first = products->ops.front();
        if (first.x == op.x && first.w.type == op.w.type && first.w.in == op.w.in) {
            products->ops[products->count++] = op;
            return;
        }
    }
    give_pending();
    pending_ = Products{{op}, 1};
}

void Implementation::run(const HyperPre& op) {
    if (const HyperPost* post = pending<HyperPost>();
        post != nullptr && post->out == op.h && post->rows == op.rows) {
        pending_ = PostPre{*post, op};
        return;
    }
    give_pending();
    pending_ = op;
}

void Implementation::run(const Rope& op) {
    if (const RmsNorm* norm = pending<RmsNorm>(); norm != nullptr && norm->y == op.x &&
                                                  norm->rows == op.rows * op.heads &&
                                                  norm->dim == op.width) {
        rms_norm_rope_vk(context_, *norm, op);
        pending_ = {};
        return;
    }
    if (const Attention* attention = pending<Attention>();
        attention != nullptr && attention->out == op.x && attention->rows == op.rows &&
        attention->heads == op.heads && attention->width == op.width) {
        attention_rope_vk(context_, *attention, op);
        pending_ = {};
        return;
    }
    give_pending();
    kept_positions_.assign(op.positions, op.positions + op.rows);
    Rope kept = op;
    kept.positions = kept_positions_.data();
    pending_ = kept;
}

void Implementation::run(const IndexQuery& op) {
    if (const Rope* rope = pending<Rope>(); rope != nullptr && rope->x == op.x &&
                                            rope->rows == op.rows && rope->heads == op.heads &&
                                            rope->width == op.width) {
        rope_index_query_vk(context_, *rope, op);
        pending_ = {};
        return;
    }
    plain(op, index_query_vk);
}

void Implementation::run(const Attention& op) {
    give_pending();
    Attention kept = op;
    if (op.ratio != 0) {
        const std::int64_t visible = (op.first_position + op.rows) / op.ratio;
        const std::int64_t pages = divide_up(visible, op.compressed.rows_per_page);
        kept_pages_.assign(op.compressed.pages, op.compressed.pages + pages);
        kept.compressed.pages = kept_pages_.data();
    }
    pending_ = kept;
}

void Implementation::run(const RoutedExperts& op) {
    give_pending();
    if (!placed(op.gate)) return host_experts(op);
    pending_ = op;
}

void Implementation::run(const Add& op) {
    if (const RoutedExperts* experts = pending<RoutedExperts>();
        experts != nullptr && experts->y == op.y && op.count == experts->rows * experts->down.out) {
        routed_experts_vk(context_, *experts, op.x);
        pending_ = {};
        return;
    }
    plain(op, add_vk);
}

// What stays on the host is computed there: the chosen experts' inputs come over, their sum goes
// back.
void Implementation::host_experts(const RoutedExperts& op) {
    const auto pairs = static_cast<std::size_t>(op.rows) * static_cast<std::size_t>(op.used);
    const auto rows = static_cast<std::size_t>(op.rows);
    host_x_.resize(rows * static_cast<std::size_t>(op.gate.in));
    host_y_.resize(rows * static_cast<std::size_t>(op.down.out));
    host_weights_.resize(pairs);
    host_selected_.resize(pairs);
    const auto fetch = [&](auto& to, const auto* from) {
        return stream_.read(to.data(), address_of(from),
                            static_cast<std::int64_t>(to.size() * sizeof to[0]));
    };
    if (!fetch(host_x_, op.x) || !fetch(host_selected_, op.selected) ||
        !fetch(host_weights_, op.weights))
        return;  // the stream remembers
    RoutedExperts here = op;
    here.x = host_x_.data();
    here.selected = host_selected_.data();
    here.weights = host_weights_.data();
    here.y = host_y_.data();
    host_->run(here);
    stream_.write(address_of(op.y), host_y_.data(),
                  static_cast<std::int64_t>(host_y_.size() * sizeof(float)));
}

Result<Weight> Implementation::place(const Weight& w) {
    // Packing is work for several cores.
    if (packers_ == nullptr)
        packers_ = std::make_unique<ThreadPool>(std::min(16, ThreadPool::default_threads()));
    const DeviceLayout layout = device_layout(w);
    TRY(void* const memory, allocate(static_cast<std::size_t>(layout.bytes)));
    const std::int64_t rows = w.out * w.count;
    constexpr std::int64_t kPiece = gpu::Uploads::kPieceBytes;
    constexpr std::int64_t kTask = std::int64_t{64} << 10;
    const auto pack = [&](int plane) -> Status {
        const DevicePlane& part = layout.planes[static_cast<std::size_t>(plane)];
        const std::int64_t stride = part.row_stride;
        const std::int64_t step = std::max<std::int64_t>(1, kPiece / stride);
        for (std::int64_t row = 0; row < rows; row += step) {
            const std::int64_t count = std::min(step, rows - row);
            const std::uint64_t to =
                address_of(memory) + static_cast<std::uint64_t>(part.offset + row * stride);
            TRY(const gpu::Buffer room, stream_.uploads().room(count * stride));
            const std::int64_t task = std::max<std::int64_t>(1, kTask / stride);
            packers_->parallel_for(divide_up(count, task), 1, [&](std::int64_t index, int) {
                for (std::int64_t i = index * task; i < std::min(count, (index + 1) * task); ++i)
                    pack_device_row(w, layout, plane, row + i, room.host + i * stride);
            });
            TRY_STATUS(stream_.uploads().copy(to, room, count * stride));
        }
        return {};
    };
    for (int plane = 0; plane < layout.count; ++plane) {
        if (auto status = pack(plane); !status) {
            release(memory);
            return tl::unexpected<Error>(status.error());
        }
    }
    Weight placed = w;
    placed.data = static_cast<const std::byte*>(memory);
    return placed;
}

Result<double> Implementation::measure_read_speed() {
    constexpr std::int64_t kBytes = std::int64_t{512} << 20;
    constexpr std::int64_t kLeast = std::int64_t{1} << 20;
    const std::int64_t bytes =
        std::max(kLeast, std::min(kBytes, device_->free_bytes() / 4 / 4096 * 4096));
    TRY(void* const memory, allocate(static_cast<std::size_t>(bytes)));
    const double speed = read_speed_vk(context_, address_of(memory), bytes);
    release(memory);
    TRY_STATUS(finish());
    return speed;
}

}  // namespace

Result<std::unique_ptr<VulkanBackend>> make_vulkan_backend(Activations activations,
                                                           const gpu::DeviceOptions& options) {
    TRY(auto device, gpu::Device::open(options));
    return std::make_unique<Implementation>(activations, std::move(device));
}

}  // namespace starglass
