// SPDX-License-Identifier: MIT
//
// The Vulkan backend behind ops whose pointers lead into host memory, so that every kernel test
// runs on it as it is: values go to the device, the op runs, results come back. Behind every result
// lie words that nobody may write.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "vulkan/vulkan_backend.h"

namespace starglass::testing {

class HostedVulkan final : public Backend {
public:
    explicit HostedVulkan(std::unique_ptr<VulkanBackend> backend) : inner_(std::move(backend)) {}
    ~HostedVulkan() override { EXPECT_EQ(inner_->device().validation_messages(), 0); }
    // Null where there is no such device.
    static std::unique_ptr<Backend> make(Activations activations, gpu::DeviceOptions options,
                                         bool emulate_matrix = false) {
        auto backend = make_vulkan_backend(activations, options);
        if (!backend) {
            ADD_FAILURE() << backend.error().message;
            return nullptr;
        }
        if (emulate_matrix) (*backend)->emulate_matrix();
        return std::make_unique<HostedVulkan>(std::move(*backend));
    }

    [[nodiscard]] VulkanBackend& inner() { return *inner_; }
    [[nodiscard]] std::string_view name() const override { return inner_->name(); }
    [[nodiscard]] int threads() const override { return 1; }
    [[nodiscard]] std::uint32_t arithmetic() const override { return inner_->arithmetic(); }

    void run(const Embed& given) override {
        Embed op = given;
        std::int32_t rows = 0;
        for (int i = 0; i < op.rows; ++i) rows = std::max(rows, op.tokens[i] + 1);
        op.table.out = rows;
        weight(op.table);
        out(op.y, op.rows * op.streams * op.table.in);
        finish(op);
    }
    void run(const RmsNorm& given) override {
        RmsNorm op = given;
        const bool in_place = op.x == op.y;
        in(op.weight, op.dim);
        if (in_place) {
            inout(op.y, op.rows * op.dim);
            op.x = op.y;
        } else {
            in(op.x, op.rows * op.dim);
            out(op.y, op.rows * op.dim);
        }
        finish(op);
    }
    void run(const MatMul& given) override {
        MatMul op = given;
        weight(op.w);
        in(op.x, op.rows * op.groups * op.w.in);
        out(op.y, op.rows * op.w.out);
        finish(op);
    }
    void run(const HyperPre& given) override {
        HyperPre op = given;
        const std::int64_t c = op.streams;
        in(op.h, op.rows * c * op.dim);
        weight(op.fn);
        in(op.scale, 3);
        in(op.base, 2 * c + c * c);
        out(op.u, op.rows * op.dim);
        out(op.post, op.rows * c);
        out(op.comb, op.rows * c * c);
        finish(op);
    }
    void run(const HyperPost& given) override {
        HyperPost op = given;
        const std::int64_t c = op.streams;
        in(op.h, op.rows * c * op.dim);
        in(op.y, op.rows * op.dim);
        in(op.post, op.rows * c);
        in(op.comb, op.rows * c * c);
        out(op.out, op.rows * c * op.dim);
        finish(op);
    }
    void run(const HyperHead& given) override {
        HyperHead op = given;
        const std::int64_t c = op.streams;
        in(op.h, op.rows * c * op.dim);
        weight(op.fn);
        in(op.scale, 1);
        in(op.base, c);
        out(op.v, op.rows * op.dim);
        finish(op);
    }
    void run(const Rope& given) override {
        Rope op = given;
        inout(op.x, op.rows * op.heads * op.width);
        finish(op);
    }
    void run(const Compress& given) override {
        Compress op = given;
        const std::int64_t columns = static_cast<std::int64_t>(op.coff) * op.width;
        const std::int64_t emitted =
            (op.first_position + op.rows) / op.ratio - op.first_position / op.ratio;
        in(op.kv, op.rows * columns);
        in(op.gate, op.rows * columns);
        weight(op.ape);
        inout(op.frontier_kv, op.coff * op.ratio * columns);
        inout(op.frontier_score, op.coff * op.ratio * columns);
        out(op.out, emitted * op.width);
        finish(op);
    }
    void run(const EncodeRows& given) override {
        EncodeRows op = given;
        in(op.x, op.rows * op.layout.width);
        std::vector<std::byte*> addresses;
        for (std::int64_t row = 0; row < op.rows; ++row) {
            std::byte* destination = op.destination[row];
            out(destination, op.layout.stride);
            addresses.push_back(destination);
        }
        op.destination = addresses.data();
        finish(op);
    }
    void run(const IndexQuery& given) override {
        IndexQuery op = given;
        inout(op.x, op.rows * op.heads * op.width);
        finish(op);
    }
    void run(const IndexSelect& given) override {
        IndexSelect op = given;
        const std::int64_t visible = (op.first_position + op.rows) / op.ratio;
        in(op.query, static_cast<std::int64_t>(op.rows) * op.heads * op.keys.layout.width);
        in(op.weights, static_cast<std::int64_t>(op.rows) * op.heads);
        std::vector<std::byte*> pages;
        pages_in(op.keys, visible, pages);
        inout(op.selected, static_cast<std::int64_t>(op.rows) * op.top_k);
        out(op.counts, op.rows);
        if (op.scores != nullptr) inout(op.scores, op.rows * op.score_stride);
        finish(op);
    }
    void run(const Attention& given) override {
        Attention op = given;
        const std::int64_t values = static_cast<std::int64_t>(op.rows) * op.heads * op.width;
        in(op.q, values);
        in(op.sinks, op.heads);
        const std::byte* ring = op.raw.data;
        in(ring, op.raw.capacity * op.raw.layout.stride);
        op.raw.data = const_cast<std::byte*>(ring);
        std::vector<std::byte*> pages;
        if (op.ratio != 0) pages_in(op.compressed, (op.first_position + op.rows) / op.ratio, pages);
        if (op.selected != nullptr) {
            in(op.selected, static_cast<std::int64_t>(op.rows) * op.selected_stride);
            in(op.counts, op.rows);
        }
        out(op.out, values);
        finish(op);
    }
    void run(const Router& given) override {
        Router op = given;
        in(op.logits, static_cast<std::int64_t>(op.rows) * op.experts);
        in(op.bias, op.experts);
        if (op.table != nullptr) {
            std::int32_t rows = 0;
            for (int i = 0; i < op.rows; ++i) rows = std::max(rows, op.tokens[i] + 1);
            in(op.table, static_cast<std::int64_t>(rows) * op.used);
        }
        out(op.selected, static_cast<std::int64_t>(op.rows) * op.used);
        out(op.weights, static_cast<std::int64_t>(op.rows) * op.used);
        finish(op);
    }
    void run(const RoutedExperts& given) override {
        RoutedExperts op = given;
        in(op.x, op.rows * op.gate.in);
        in(op.selected, static_cast<std::int64_t>(op.rows) * op.used);
        in(op.weights, static_cast<std::int64_t>(op.rows) * op.used);
        weight(op.gate);
        weight(op.up);
        weight(op.down);
        out(op.y, op.rows * op.down.out);
        finish(op);
    }
    void run(const SharedExpert& given) override {
        SharedExpert op = given;
        in(op.x, op.rows * op.gate.in);
        weight(op.gate);
        weight(op.up);
        weight(op.down);
        out(op.y, op.rows * op.down.out);
        finish(op);
    }
    void run(const Add& given) override {
        Add op = given;
        in(op.x, op.count);
        inout(op.y, op.count);
        finish(op);
    }
    void run(const TopLogits& given) override {
        TopLogits op = given;
        in(op.logits, static_cast<std::int64_t>(op.rows) * op.vocabulary);
        out(op.ids, op.rows * op.kept());
        out(op.values, op.rows * op.kept());
        out(op.rest, op.rows);
        finish(op);
    }

private:
    static constexpr std::size_t kGuard = 64;
    struct Return {
        void* host;
        void* device;
        std::size_t bytes;
    };

    void* room(std::size_t bytes) {
        auto memory = inner_->allocate(bytes + kGuard);
        if (!memory) {
            ADD_FAILURE() << memory.error().message;
            return nullptr;
        }
        taken_.push_back(*memory);
        const std::vector<std::byte> pattern(bytes + kGuard, std::byte{0xA5});
        inner_->write(*memory, pattern.data(), pattern.size());
        return *memory;
    }
    template <class T>
    void in(const T*& pointer, std::int64_t count) {
        if (pointer == nullptr) return;
        const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
        void* memory = room(bytes);
        inner_->write(memory, pointer, bytes);
        pointer = static_cast<const T*>(memory);
    }
    template <class T>
    void out(T*& pointer, std::int64_t count) {
        const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
        void* memory = room(bytes);
        returns_.push_back({pointer, memory, bytes});
        pointer = static_cast<T*>(memory);
    }
    template <class T>
    void inout(T*& pointer, std::int64_t count) {
        const T* source = pointer;
        out(pointer, count);
        inner_->write(pointer, source, static_cast<std::size_t>(count) * sizeof(T));
    }
    void weight(Weight& w) {
        auto placed = inner_->place(w);
        if (!placed) {
            ADD_FAILURE() << placed.error().message;
            return;
        }
        w = *placed;
        taken_.push_back(const_cast<std::byte*>(w.data));
    }
    void pages_in(RowPages& rows, std::int64_t count, std::vector<std::byte*>& pages) {
        for (std::int64_t page = 0; page * rows.rows_per_page < count; ++page) {
            const std::byte* data = rows.pages[page];
            in(data, rows.rows_per_page * rows.layout.stride);
            pages.push_back(const_cast<std::byte*>(data));
        }
        rows.pages = pages.data();
    }
    template <class Op>
    void finish(const Op& op) {
        inner_->run(op);
        std::vector<std::byte> bytes;
        for (const Return& back : returns_) {
            bytes.resize(back.bytes + kGuard);
            if (auto status = inner_->read(bytes.data(), back.device, bytes.size()); !status)
                ADD_FAILURE() << status.error().message;
            std::memcpy(back.host, bytes.data(), back.bytes);
            for (std::size_t i = back.bytes; i < bytes.size(); ++i)
                if (bytes[i] != std::byte{0xA5}) {
                    ADD_FAILURE() << "a kernel wrote past the end of a result";
                    break;
                }
        }
        for (void* memory : taken_) inner_->release(memory);
        taken_.clear();
        returns_.clear();
    }

    std::unique_ptr<VulkanBackend> inner_;
    std::vector<void*> taken_;
    std::vector<Return> returns_;
};

}  // namespace starglass::testing
