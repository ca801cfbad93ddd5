// SPDX-License-Identifier: MIT
//
// A backend whose memory is not the host's, for tests: it hands out addresses nobody can look
// behind, lets ops, writes and copies wait until somebody reads or finishes, and computes on
// another backend. Weights alone are taken where they are. What is misused is counted.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cmath>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "kernel/backend.h"

namespace starglass::test {

class DiscreteBackend final : public Backend {
public:
    explicit DiscreteBackend(std::unique_ptr<Backend> inner) : inner_(std::move(inner)) {
        const auto map = [](int protection) {
            void* const at = ::mmap(nullptr, kArena, protection,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            if (at == MAP_FAILED) throw std::bad_alloc();
            return static_cast<std::byte*>(at);
        };
        given_ = map(PROT_NONE);
        real_ = map(PROT_READ | PROT_WRITE);
    }
    ~DiscreteBackend() override {
        EXPECT_TRUE(sizes_.empty()) << "memory was not given back";
        ::munmap(given_, kArena);
        ::munmap(real_, kArena);
    }
    DiscreteBackend(const DiscreteBackend&) = delete;
    DiscreteBackend& operator=(const DiscreteBackend&) = delete;

    // What tests turn.
    int fail_finish = 0;              // the next so many lose everything given and say so
    int fail_read = 0;                // the same
    std::size_t memory_max = kArena;  // allocations beyond it fail
    std::int32_t broken_logit = -1;   // of that token, in what TopLogits chooses from: NaN
    // What tests look at.
    std::size_t written_bytes = 0;
    std::size_t read_bytes = 0;
    [[nodiscard]] std::size_t allocated_bytes() const {
        std::size_t total = 0;
        for (const auto& [at, bytes] : sizes_) total += bytes;
        return total;
    }

    [[nodiscard]] std::string_view name() const override { return "discrete"; }
    [[nodiscard]] int threads() const override { return inner_->threads(); }
    [[nodiscard]] std::uint32_t arithmetic() const override { return inner_->arithmetic(); }
    [[nodiscard]] bool host_memory() const override { return false; }

    [[nodiscard]] Result<void*> allocate(std::size_t bytes) override {
        if (allocated_bytes() + bytes > memory_max || used_ + bytes + 64 > kArena)
            return fail(ErrorCode::out_of_memory, "the device has no memory for {} bytes", bytes);
        std::byte* const at = given_ + used_;
        used_ += (bytes + 127) / 64 * 64;  // never handed out twice
        std::memset(real_ + (at - given_), 0xFF, bytes);
        sizes_[at] = bytes;
        return static_cast<void*>(at);
    }
    void release(void* memory) noexcept override {
        const auto found = sizes_.find(static_cast<std::byte*>(memory));
        ASSERT_NE(found, sizes_.end()) << "given back twice, or never handed out";
        std::byte* const at = real_ + (found->first - given_);
        waiting_.emplace_back([at, bytes = found->second] { std::memset(at, 0xFF, bytes); });
        sizes_.erase(found);
    }
    void write(void* to, const void* from_host, std::size_t bytes) override {
        if (bytes == 0) return;
        const auto* const from = static_cast<const std::byte*>(from_host);
        written_bytes += bytes;
        waiting_.emplace_back(
            [to = place(to, bytes), data = std::vector<std::byte>(from, from + bytes)] {
                std::memcpy(to, data.data(), data.size());
            });
    }
    void copy(void* to, const void* from, std::size_t bytes) override {
        if (bytes == 0) return;
        waiting_.emplace_back([to = place(to, bytes), from = place(from, bytes), bytes] {
            std::memcpy(to, from, bytes);
        });
    }
    [[nodiscard]] Status read(void* to_host, const void* from, std::size_t bytes) override {
        TRY_STATUS(settle(fail_read));
        read_bytes += bytes;
        if (bytes > 0) std::memcpy(to_host, place(from, bytes), bytes);
        return {};
    }
    // The end of a batch, with or without something to read.
    [[nodiscard]] Status read_all(std::span<const Reading> readings) override {
        TRY_STATUS(settle(fail_finish));
        for (const Reading& one : readings) {
            read_bytes += one.bytes;
            if (one.bytes > 0) std::memcpy(one.to_host, place(one.from, one.bytes), one.bytes);
        }
        return {};
    }
    [[nodiscard]] Status finish() override { return settle(fail_finish); }

    void run(const Embed& given) override {
        Embed op = given;
        op.y = place(op.y);
        auto tokens = list(op.tokens, op.rows);
        waiting_.emplace_back([this, op, tokens]() mutable {
            op.tokens = tokens.data();
            inner_->run(op);
        });
    }
    void run(const RmsNorm& given) override {
        RmsNorm op = given;
        later(op, op.x, op.y);
    }
    void run(const MatMul& given) override {
        MatMul op = given;
        later(op, op.x, op.y);
    }
    void run(const HyperPre& given) override {
        HyperPre op = given;
        later(op, op.h, op.u, op.post, op.comb);
    }
    void run(const HyperPost& given) override {
        HyperPost op = given;
        later(op, op.h, op.y, op.post, op.comb, op.out);
    }
    void run(const HyperHead& given) override {
        HyperHead op = given;
        later(op, op.h, op.v);
    }
    void run(const Rope& given) override {
        Rope op = given;
        op.x = place(op.x);
        auto positions = list(op.positions, op.rows);
        waiting_.emplace_back([this, op, positions]() mutable {
            op.positions = positions.data();
            inner_->run(op);
        });
    }
    void run(const Compress& given) override {
        Compress op = given;
        later(op, op.kv, op.gate, op.frontier_kv, op.frontier_score, op.out);
    }
    void run(const EncodeRows& given) override {
        EncodeRows op = given;
        op.x = place(op.x);
        auto to = list(op.destination, op.rows);
        for (std::byte*& row : to) row = place(row, static_cast<std::size_t>(op.layout.stride));
        waiting_.emplace_back([this, op, to]() mutable {
            op.destination = to.data();
            inner_->run(op);
        });
    }
    void run(const IndexQuery& given) override {
        IndexQuery op = given;
        later(op, op.x);
    }
    void run(const IndexSelect& given) override {
        IndexSelect op = given;
        op.query = place(op.query);
        op.weights = place(op.weights);
        op.selected = place(op.selected);
        op.counts = place(op.counts);
        if (op.scores != nullptr) op.scores = place(op.scores);
        auto table = pages(op.keys, (op.first_position + op.rows) / op.ratio);
        waiting_.emplace_back([this, op, table]() mutable {
            op.keys.pages = table.data();
            inner_->run(op);
        });
    }
    void run(const Attention& given) override {
        Attention op = given;
        op.q = place(op.q);
        op.out = place(op.out);
        op.raw.data = place(op.raw.data);
        if (op.selected != nullptr) {
            op.selected = place(op.selected);
            op.counts = place(op.counts);
        }
        auto table = op.ratio == 0 ? std::vector<std::byte*>()
                                   : pages(op.compressed, (op.first_position + op.rows) / op.ratio);
        waiting_.emplace_back([this, op, table]() mutable {
            op.compressed.pages = table.data();
            inner_->run(op);
        });
    }
    void run(const Router& given) override {
        Router op = given;
        op.logits = place(op.logits);
        op.selected = place(op.selected);
        op.weights = place(op.weights);
        auto tokens = list(op.tokens, op.rows);
        waiting_.emplace_back([this, op, tokens]() mutable {
            op.tokens = tokens.data();
            inner_->run(op);
        });
    }
    void run(const RoutedExperts& given) override {
        RoutedExperts op = given;
        later(op, op.x, op.selected, op.weights, op.y);
    }
    void run(const SharedExpert& given) override {
        SharedExpert op = given;
        later(op, op.x, op.y);
    }
    void run(const Add& given) override {
        Add op = given;
        later(op, op.x, op.y);
    }
    void run(const TopLogits& given) override {
        TopLogits op = given;
        op.logits = place(op.logits);
        const std::int32_t broken = broken_logit;
        waiting_.emplace_back([op, broken] {
            if (broken >= 0) const_cast<float*>(op.logits)[broken] = std::nanf("");
        });
        op.ids = place(op.ids);
        op.values = place(op.values);
        op.rest = place(op.rest);
        waiting_.emplace_back([this, op] { inner_->run(op); });
    }

private:
    static constexpr std::size_t kArena = std::size_t{4} << 30;

    // Where a value really is. Anything but memory that is handed out now is a mistake.
    template <class T>
    T* place(T* value, std::size_t bytes = 1) {
        const auto* const at = reinterpret_cast<const std::byte*>(value);
        auto found = sizes_.upper_bound(const_cast<std::byte*>(at));
        const bool inside = found != sizes_.begin() &&
                            at + bytes <= std::prev(found)->first + std::prev(found)->second;
        if (!inside) {
            ADD_FAILURE() << "an address outside the backend's memory";
            throw std::logic_error("an address outside the backend's memory");
        }
        return reinterpret_cast<T*>(const_cast<std::byte*>(real_ + (at - given_)));
    }
    template <class T>
    static std::vector<std::remove_const_t<T>> list(T* values, std::int64_t count) {
        return std::vector<std::remove_const_t<T>>(values, values + count);
    }
    std::vector<std::byte*> pages(const RowPages& rows, std::int64_t count) {
        auto table = list(rows.pages, (count + rows.rows_per_page - 1) / rows.rows_per_page);
        for (std::byte*& page : table)
            page = place(page, static_cast<std::size_t>(rows.rows_per_page * rows.layout.stride));
        return table;
    }
    template <class Op, class... Value>
    void later(Op& op, Value&... values) {
        ((values = place(values)), ...);
        waiting_.emplace_back([this, op] { inner_->run(op); });
    }
    Status settle(int& failing) {
        if (failing > 0) {
            --failing;
            waiting_.clear();
            return fail(ErrorCode::internal, "the device was lost");
        }
        while (!waiting_.empty()) {
            waiting_.front()();
            waiting_.pop_front();
        }
        return {};
    }

    std::unique_ptr<Backend> inner_;
    std::byte* given_ = nullptr;
    std::byte* real_ = nullptr;
    std::size_t used_ = 0;
    std::map<std::byte*, std::size_t> sizes_;
    std::deque<std::function<void()>> waiting_;
};

}  // namespace starglass::test
