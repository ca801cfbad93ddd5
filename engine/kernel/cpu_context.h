// SPDX-License-Identifier: MIT
//
// What every CPU op needs besides its arguments: the pool, the activation format and scratch.
//
// Scratch lives in arenas that grow to the largest call seen and are then reused, so decoding
// allocates nothing in its steady state. The shared arena belongs to the calling thread and is
// emptied at the start of an op; a worker's arena is emptied at the start of each work item.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "kernel/backend.h"

namespace starglass {

// Keeps instruction sets from being chosen that this machine has only in part. Before the first
// op; cheap afterwards.
void choose_simd_targets();

// Which instruction set the SIMD files run on this machine: the index of its bit among Highway's
// targets, below 64.
std::uint32_t best_simd_target();

class Arena {
public:
    // Uninitialised, 64-byte aligned, with at least 64 readable bytes behind it. Valid until
    // reset().
    template <class T>
    T* take(std::int64_t count) {
        return reinterpret_cast<T*>(take_bytes(static_cast<std::size_t>(count) * sizeof(T)));
    }

    // Forgets everything handed out. Where several blocks were needed they become one.
    void reset() {
        used_ = 0;
        if (blocks_.size() < 2) return;
        const std::size_t total = total_;
        blocks_.clear();
        total_ = 0;
        add_block(total);
    }

    [[nodiscard]] std::size_t bytes() const { return total_; }

private:
    static constexpr std::size_t kAlignment = 64;
    struct Free {
        void operator()(std::byte* bytes) const {
            ::operator delete (bytes, std::align_val_t{kAlignment});
        }
    };
    struct Block {
        std::unique_ptr<std::byte, Free> data;
        std::size_t size = 0;
    };

    std::byte* take_bytes(std::size_t bytes) {
        bytes = (bytes + 2 * kAlignment - 1) / kAlignment * kAlignment;
        if (blocks_.empty() || used_ + bytes > blocks_.back().size) {
            add_block(bytes);
            used_ = 0;
        }
        std::byte* result = blocks_.back().data.get() + used_;
        used_ += bytes;
        return result;
    }

    void add_block(std::size_t bytes) {
        // Half as much again: a context that grows token by token must not reallocate each time.
        const std::size_t size = (bytes + bytes / 2 + 4095) / 4096 * 4096;
        auto* data = static_cast<std::byte*>(::operator new (size, std::align_val_t{kAlignment}));
        blocks_.push_back({std::unique_ptr<std::byte, Free>(data), size});
        total_ += size;
    }

    std::vector<Block> blocks_;
    std::size_t used_ = 0;  // of the last block
    std::size_t total_ = 0;
};

class CpuContext {
public:
    CpuContext(ThreadPool& pool, Activations activations)
        : pool_(pool),
          activations_(activations),
          workers_(static_cast<std::size_t>(pool.threads())) {
        choose_simd_targets();
    }

    [[nodiscard]] ThreadPool& pool() { return pool_; }
    [[nodiscard]] int threads() const { return pool_.threads(); }
    [[nodiscard]] Activations activations() const { return activations_; }

    // The calling thread's arena; start_op() empties it.
    Arena& start_op() {
        shared_.reset();
        return shared_;
    }
    Arena& shared() { return shared_; }
    // Another one of the calling thread's, for steps within an op; whoever uses it empties it.
    Arena& second() { return second_; }
    // A worker's arena, emptied: call it once per work item.
    Arena& start_item(int worker) {
        Arena& arena = workers_[static_cast<std::size_t>(worker)].arena;
        arena.reset();
        return arena;
    }

    // Runs body(index, worker) over the pool, or here alone when `multiply_adds` in all are done
    // before another thread would have started: a fork costs some microseconds, a core does tens
    // of thousands of multiply-adds in each.
    template <class Body>
    void share(std::int64_t count, std::int64_t multiply_adds, Body&& body) {
        pool_.parallel_for(count, multiply_adds < kForkMultiplyAdds ? count : 1,
                           std::forward<Body>(body));
    }

    // Size of the pieces into which `count` equal units are cut: about eight pieces a thread so
    // that a late thread does not hold the others up, each a multiple of `multiple`.
    [[nodiscard]] std::int64_t piece(std::int64_t count, std::int64_t multiple,
                                     std::int64_t largest) const {
        if (threads() == 1) return largest;
        std::int64_t size = count / (8 * static_cast<std::int64_t>(threads()));
        size = (size + multiple - 1) / multiple * multiple;
        return size < multiple ? multiple : size > largest ? largest : size;
    }

private:
    static constexpr std::int64_t kForkMultiplyAdds = 1 << 17;
    struct alignas(64) Worker {
        Arena arena;
    };
    ThreadPool& pool_;
    Activations activations_;
    Arena shared_, second_;
    std::vector<Worker> workers_;
};

// One function per op. Results do not depend on the number of threads.
void embed_cpu(CpuContext& context, const Embed& op);
void rms_norm_cpu(CpuContext& context, const RmsNorm& op);
void mat_mul_cpu(CpuContext& context, const MatMul& op);
void hyper_pre_cpu(CpuContext& context, const HyperPre& op);
void hyper_post_cpu(CpuContext& context, const HyperPost& op);
void hyper_head_cpu(CpuContext& context, const HyperHead& op);
void rope_cpu(CpuContext& context, const Rope& op);
void compress_cpu(CpuContext& context, const Compress& op);
void encode_rows_cpu(CpuContext& context, const EncodeRows& op);
void index_query_cpu(CpuContext& context, const IndexQuery& op);
void index_select_cpu(CpuContext& context, const IndexSelect& op);
void attention_cpu(CpuContext& context, const Attention& op);
void router_cpu(CpuContext& context, const Router& op);
void routed_experts_cpu(CpuContext& context, const RoutedExperts& op);
void shared_expert_cpu(CpuContext& context, const SharedExpert& op);
void add_cpu(CpuContext& context, const Add& op);
void top_logits_cpu(CpuContext& context, const TopLogits& op);

// One row of a norm on the calling thread, for ops that norm inside their own work items.
void rms_norm_row(const RmsNorm& op, std::int64_t row);

}  // namespace starglass
