// SPDX-License-Identifier: MIT
//
// What the Vulkan form of an op gets: the stream it gives kernels to, memory of its own, and the
// words to do it with. Value pointers in ops are device addresses (backend.h).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gpu/stream.h"
#include "kernel/backend.h"
#include "tensor/iq2xxs_grid.h"

namespace starglass {

inline std::uint64_t address_of(const void* pointer) {
    return reinterpret_cast<std::uint64_t>(pointer);
}

// `count` values at a device address, as bytes a kernel touches.
template <class T>
gpu::Range range_of(const T* pointer, std::int64_t count) {
    return {address_of(pointer), count * static_cast<std::int64_t>(sizeof(T))};
}
inline gpu::Range range_of(std::uint64_t address, std::int64_t bytes) {
    return {address, bytes};
}

inline std::int64_t divide_up(std::int64_t value, std::int64_t step) {
    return (value + step - 1) / step;
}

// Whether kernels may read it in vectors of four.
inline bool whole_vectors(const float* pointer) {
    return address_of(pointer) % 16 == 0;
}

// Vectors of four of a row of `dim` values that an invocation of a kernel that norms keeps in
// registers; 0: the row goes through memory.
inline std::uint32_t own_vectors(std::int64_t dim) {
    constexpr std::int64_t kAll = 1024, kMost = 4;  // values of a workgroup's vectors; vectors
    return dim % 4 == 0 && dim <= kMost * kAll ? static_cast<std::uint32_t>(divide_up(dim, kAll))
                                               : 0;
}

// As many workgroups as rows, on two dimensions where one might not take them: number
// y * (workgroups on x) + x. A device need not take more than 65,535 on a dimension.
inline gpu::Groups folded(std::int64_t rows) {
    constexpr std::int64_t kAcross = 32768;
    return {std::min(rows, kAcross), divide_up(rows, kAcross)};
}

class VulkanContext {
public:
    VulkanContext(gpu::Device& device, gpu::Stream& stream, Activations activations)
        : device(device), stream(stream), activations(activations) {}
    ~VulkanContext() {
        for (const gpu::Buffer& buffer : scratch_) device.release(buffer);
        device.release(grid_.buffer);
        device.release(counts_.buffer);
        for (const auto& [content, table] : tables_) device.release(table.kept.buffer);
        for (const QuantisedForm& form : quantised) device.release(form.buffer);
        for (const RopeTable& table : rope_tables_) device.release(table.buffer);
    }
    VulkanContext(const VulkanContext&) = delete;
    VulkanContext& operator=(const VulkanContext&) = delete;

    // Memory that lives from one op to the next; ops that use the same slot run one after the
    // other. 0 after a failure, which the stream remembers.
    enum Scratch {
        attention_parts,
        attention_scores,
        index_scores,
        hyper_parts,
        routed_hidden,
        shared_hidden,
        expert_parts,
        expert_groups,
        mat_input,
        top_logits,
        scratch_count
    };
    std::uint64_t scratch(Scratch slot, std::int64_t bytes) {
        gpu::Buffer& buffer = scratch_[slot];
        if (buffer.bytes >= bytes) return buffer.address;
        // What still runs may use the old one.
        if (auto status = stream.finish(); !status) return 0;
        device.release(buffer);
        buffer = {};
        auto room = device.allocate(bytes + bytes / 4);
        if (!room) {
            stream.fail_with(room.error());
            return 0;
        }
        buffer = *room;
        return buffer.address;
    }

    // The 256 entries of IQ2_XXS's grid, eight bytes each.
    std::uint64_t iq2_grid() {
        return keep(grid_, sizeof kIq2XxsGrid, [&](std::uint64_t address) {
            stream.write(address, kIq2XxsGrid.data(), sizeof kIq2XxsGrid);
        });
    }

    // Quantised forms of vectors, a few at a time, so that products of the same vectors share one
    // and others do not wait for its memory.
    struct QuantisedForm {
        std::uint64_t x = 0;
        std::int64_t vectors = 0, width = 0;
        DataType type = DataType::f32;
        std::uint64_t source_watch = 0, own_watch = 0;
        gpu::Buffer buffer;
    };
    std::array<QuantisedForm, gpu::Stream::kWatches / 2> quantised;  // each has two watches
    std::size_t quantised_next = 0;
    // Forms that products had to make for themselves, the last few: whoever makes these vectors
    // next makes the form with them (mat_mul_vk.h).
    struct WantedForm {
        std::uint64_t x = 0;
        std::int64_t width = 0;
        DataType type = DataType::f32;
    };
    std::array<WantedForm, 16> wanted;
    std::size_t wanted_next = 0;

    // Words of 0 with which workgroups count who is the last of some; every kernel leaves zeros
    // behind. A few places, so that kernels do not wait for each other's. Null after a failure.
    static constexpr std::int64_t kCounts = 1024;
    gpu::Range counts() {
        constexpr std::int64_t kPlaces = 4, kBytes = kCounts * 4;
        const std::uint64_t first = keep(counts_, kPlaces * kBytes, [&](std::uint64_t address) {
            stream.fill(address, kPlaces * kBytes, 0);
        });
        if (first == 0) return {};
        counts_next_ = (counts_next_ + 1) % kPlaces;
        return {first + static_cast<std::uint64_t>(counts_next_ * kBytes), kBytes};
    }

    // A host array where kernels can read it.
    template <class T>
    std::uint64_t stage(const T* values, std::int64_t count) {
        return stream.stage(values, count * static_cast<std::int64_t>(sizeof(T)));
    }

    // The same for short arrays that come again and again, lists of pages: in device memory, where
    // kernels do not wait for the bus. Kernels that read it name the range.
    template <class T>
    gpu::Range table(const T* values, std::int64_t count) {
        return table_bytes({reinterpret_cast<const std::byte*>(values),
                            static_cast<std::size_t>(count) * sizeof(T)});
    }

    // Cosine and sine [rows][rotary/2] of positions, computed by the CPU: a GPU's are wrong for
    // large angles. The tables of a batch are kept for the layers that share them.
    gpu::Range rope_table(const RopeParams& params, std::span<const std::int64_t> positions);

    // A software driver has no launches to save, and pays for each workgroup.
    [[nodiscard]] bool software() const { return device.info().kind == gpu::DeviceKind::software; }

    gpu::Device& device;
    gpu::Stream& stream;
    Activations activations;
    bool emulate_matrix = false;  // tests: cooperative matrices in ordinary arithmetic
    bool join_products = false;   // tests: as on a real device

private:
    // Memory that is written once and again only after a failure, which may have dropped that.
    struct Kept {
        gpu::Buffer buffer;
        std::int64_t failures = -1;  // of the stream when it was written
    };
    // Where it is, made and given to `write` where that is needed. 0 after a failure.
    template <class Write>
    std::uint64_t keep(Kept& kept, std::int64_t bytes, Write write) {
        if (kept.buffer.address == 0) {
            auto room = device.allocate(bytes);
            if (!room) {
                stream.fail_with(room.error());
                return 0;
            }
            kept = {*room, -1};
        }
        if (kept.failures != stream.failures() && !stream.error()) {
            kept.failures = stream.failures();
            write(kept.buffer.address);
        }
        return kept.buffer.address;
    }

    gpu::Range table_bytes(std::span<const std::byte> bytes);
    struct Table {
        Kept kept;
        std::int64_t used = 0;
    };
    // Looked up without a string of its own: a few a layer for every token.
    struct ContentHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view content) const {
            return std::hash<std::string_view>()(content);
        }
    };
    std::unordered_map<std::string, Table, ContentHash, std::equal_to<>> tables_;  // by content
    std::int64_t table_uses_ = 0;

    struct RopeTable {
        RopeParams params;
        std::vector<std::int64_t> positions;
        gpu::Buffer buffer;
        std::int64_t failures = 0;  // of the stream when it was written
        std::int64_t used = 0;
    };

    std::array<gpu::Buffer, scratch_count> scratch_{};
    Kept grid_;
    Kept counts_;
    std::int64_t counts_next_ = 0;
    std::array<RopeTable, 6> rope_tables_;
    std::int64_t rope_uses_ = 0;
};

void embed_vk(VulkanContext& context, const Embed& op);
void rms_norm_vk(VulkanContext& context, const RmsNorm& op);
void mat_mul_vk(VulkanContext& context, const MatMul& op);
// Products of one row, one type and one x may be one kernel: same bits.
inline constexpr std::size_t kJoinedMost = 5;
bool may_join(const VulkanContext& context, const MatMul& op);
void mat_mul_many_vk(VulkanContext& context, std::span<const MatMul> ops);
void hyper_pre_vk(VulkanContext& context, const HyperPre& op);
void hyper_post_vk(VulkanContext& context, const HyperPost& op);
void hyper_head_vk(VulkanContext& context, const HyperHead& op);
void rope_vk(VulkanContext& context, const Rope& op);
void compress_vk(VulkanContext& context, const Compress& op);
void encode_rows_vk(VulkanContext& context, const EncodeRows& op);
void index_query_vk(VulkanContext& context, const IndexQuery& op);
void index_select_vk(VulkanContext& context, const IndexSelect& op);
void attention_vk(VulkanContext& context, const Attention& op);
// The same, then `rope`, which turns what attention leaves in op.out.
void attention_rope_vk(VulkanContext& context, const Attention& op, const Rope& rope);
// As on a device with cooperative matrices, on any device, for tests.
void attention_emulated_vk(VulkanContext& context, const Attention& op);
void router_vk(VulkanContext& context, const Router& op);
// y + `addend` [rows, E] where there is one: what an Add after it would give.
void routed_experts_vk(VulkanContext& context, const RoutedExperts& op, const float* addend);
void shared_expert_vk(VulkanContext& context, const SharedExpert& op);
void add_vk(VulkanContext& context, const Add& op);
void top_logits_vk(VulkanContext& context, const TopLogits& op);

// Bytes a second at which a kernel reads [address, address + bytes), the best of some passes; 0
// after a failure.
double read_speed_vk(VulkanContext& context, std::uint64_t address, std::int64_t bytes);

// Two ops in one, with the bits of the two one after the other.
// y is rope.x
void rms_norm_rope_vk(VulkanContext& context, const RmsNorm& norm, const Rope& rope);
void rope_index_query_vk(VulkanContext& context, const Rope& rope, const IndexQuery& query);
// norm.x is pre.u
void hyper_pre_norm_vk(VulkanContext& context, const HyperPre& pre, const RmsNorm& norm);
// pre.h is post.out; norm may be null.
void hyper_post_pre_vk(VulkanContext& context, const HyperPost& post, const HyperPre& pre,
                       const RmsNorm* norm);

}  // namespace starglass
