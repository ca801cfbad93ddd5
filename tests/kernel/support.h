// SPDX-License-Identifier: MIT
//
// What the kernel tests share: the list of backends, repeatable random data, buffers that notice
// writes past their end, comparisons relative to the rms of the expected values.
//
// A family NAME has NAME_cases.h (shapes and the problem built from each, also for benchmarks)
// and NAME_test.cpp (every backend against a formula in double precision and against the
// reference). A new backend joins by one line in backends().
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include "base/f16.h"
#include "kernel/backend.h"
#include "reference/reference_backend.h"
#include "tensor/block_format.h"
#include "tensor/row_codec.h"
#include "tensor/weight.h"
#ifdef STARGLASS_TEST_CPU
#include "cpu/cpu_backend.h"
#endif
#ifdef STARGLASS_TEST_VULKAN
#include "kernel/hosted_vulkan.h"
#endif

namespace starglass::testing {

#ifdef STARGLASS_TEST_VULKAN
// Any device will do, a software driver too; SG_TEST_DEVICE names another.
inline gpu::DeviceOptions vulkan_options() {
    gpu::DeviceOptions options;
    const char* wanted = std::getenv("SG_TEST_DEVICE");
    options.device = wanted != nullptr ? wanted : "0";
    options.validation = true;
    return options;
}
#endif

struct BackendEntry {
    std::string name;
    std::function<std::unique_ptr<Backend>(Activations)> make;
};

inline std::vector<BackendEntry> backends() {
    return {
        {"reference", [](Activations a) { return make_reference_backend(a); }},
#ifdef STARGLASS_TEST_CPU
        {"cpu, 1 thread", [](Activations a) { return make_cpu_backend(a, 1); }},
        {"cpu, 3 threads", [](Activations a) { return make_cpu_backend(a, 3); }},
#endif
#ifdef STARGLASS_TEST_VULKAN
        {"vulkan", [](Activations a) { return HostedVulkan::make(a, vulkan_options()); }},
        {"vulkan without optional features",
         [](Activations a) {
             gpu::DeviceOptions plain = vulkan_options();
             plain.mask = {};
             return HostedVulkan::make(a, plain);
         }},
        {"vulkan, matrices emulated",
         [](Activations a) { return HostedVulkan::make(a, vulkan_options(), true); }},
#endif
    };
}

inline const char* name_of(Activations activations) {
    return activations == Activations::int8 ? "int8" : "f32";
}

// body(Backend&, Activations) for every backend in every arithmetic.
template <class Body>
void for_each_backend(std::initializer_list<Activations> arithmetic, Body&& body) {
    for (const BackendEntry& entry : backends())
        for (const Activations activations : arithmetic) {
            SCOPED_TRACE(entry.name + ", " + name_of(activations));
            const std::unique_ptr<Backend> backend = entry.make(activations);
            body(*backend, activations);
        }
}
template <class Body>
void for_each_backend(Body&& body) {
    for_each_backend({Activations::int8}, [&](Backend& backend, Activations) { body(backend); });
}

// splitmix64: small, good enough, the same everywhere.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15U + 1) {}
    std::uint64_t bits() {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31);
    }
    int below(int limit) { return static_cast<int>(bits() % static_cast<std::uint64_t>(limit)); }
    // [0, 1), 24 bits
    float uniform() { return static_cast<float>(bits() >> 40) * 0x1p-24F; }
    float between(float low, float high) { return low + (high - low) * uniform(); }
    float normal() {
        const float radius = std::sqrt(-2.0F * std::log(1.0F - uniform()));
        return radius * std::cos(2.0F * std::numbers::pi_v<float> * uniform());
    }

private:
    std::uint64_t state_;
};

// f32 values at some misalignment, followed by a guard that the destructor checks.
class Floats {
public:
    static constexpr float kGuard = 12345.678F;
    static constexpr std::size_t kGuards = 16;

    explicit Floats(std::int64_t count = 0, int misalignment = 0)
        : pad_(static_cast<std::size_t>(misalignment)),
          count_(static_cast<std::size_t>(count)),
          values_(pad_ + count_ + kGuards, kGuard) {
        std::fill_n(values_.begin(), pad_ + count_, 0.0F);
    }
    Floats(const Floats&) = default;
    Floats& operator=(const Floats&) = default;
    ~Floats() {
        for (std::size_t i = pad_ + count_; i < values_.size(); ++i)
            if (values_[i] != kGuard) ADD_FAILURE() << "a value past the end was written";
    }
    static Floats random(Random& random, std::int64_t count, float scale = 1.0F) {
        Floats out(count, random.below(4));
        for (float& value : out.span()) value = scale * random.normal();
        return out;
    }
    [[nodiscard]] float* data() { return values_.data() + pad_; }
    [[nodiscard]] const float* data() const { return values_.data() + pad_; }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] std::span<float> span() { return {data(), count_}; }
    [[nodiscard]] std::span<const float> span() const { return {data(), count_}; }
    float& operator[](std::size_t i) { return data()[i]; }
    const float& operator[](std::size_t i) const { return data()[i]; }

private:
    std::size_t pad_;
    std::size_t count_;
    std::vector<float> values_;
};

// A weight with its bytes. Values have a magnitude of about `scale`.
struct OwnedWeight {
    std::vector<std::byte> bytes;
    DataType type = DataType::f32;
    std::int64_t in = 0, out = 0, count = 1;

    [[nodiscard]] Weight view() const { return {bytes.data(), type, in, out, count}; }
    // Exactly dequantised row.
    [[nodiscard]] std::vector<float> row(std::int64_t o, std::int64_t matrix = 0) const {
        std::vector<float> values(static_cast<std::size_t>(in));
        dequantise_row(type, view().row(o, matrix), in, values.data());
        return values;
    }
};

inline void put_f16(std::byte* at, float value) {
    const std::uint16_t half = f32_to_f16(value);
    std::memcpy(at, &half, sizeof half);
}

inline OwnedWeight random_weight(Random& random, DataType type, std::int64_t in, std::int64_t out,
                                 std::int64_t count = 1, float scale = 1.0F) {
    OwnedWeight w{{}, type, in, out, count};
    const DataTypeTraits traits = traits_of(type);
    w.bytes.resize(static_cast<std::size_t>(row_bytes(type, in) * out * count));
    for (std::byte& b : w.bytes) b = static_cast<std::byte>(random.below(256));
    for (std::byte* at = w.bytes.data(); at != w.bytes.data() + w.bytes.size();
         at += traits.block_bytes) {
        const float value = scale * random.normal();
        switch (type) {
            case DataType::f32:
                std::memcpy(at, &value, sizeof value);
                break;
            case DataType::f16:
                put_f16(at, value);
                break;
            case DataType::q8_0:
                put_f16(at, value * 0.012F);
                break;
            case DataType::q2_k:
                put_f16(at + 80, scale * random.between(0.03F, 0.06F));
                put_f16(at + 82, scale * random.between(0.03F, 0.06F));
                break;
            case DataType::q4_k:
                put_f16(at, scale * random.between(0.002F, 0.004F));
                put_f16(at + 2, scale * random.between(0.01F, 0.02F));
                break;
            case DataType::iq2_xxs:
                put_f16(at, scale * random.between(0.01F, 0.02F));
                break;
            default:
                break;
        }
    }
    return w;
}

// max |got - want| <= tolerance * rms(want)
template <class Got, class Want>
void expect_close(const Got& got, const Want& want, double tolerance) {
    ASSERT_EQ(got.size(), want.size());
    double squares = 0.0;
    double worst = 0.0;
    std::size_t where = 0;
    for (std::size_t i = 0; i < want.size(); ++i) {
        squares += static_cast<double>(want[i]) * static_cast<double>(want[i]);
        const double error = std::fabs(static_cast<double>(got[i]) - static_cast<double>(want[i]));
        if (!(error <= worst)) {
            worst = error;
            where = i;
        }
    }
    const double rms =
        std::sqrt(squares / static_cast<double>(std::max<std::size_t>(1, want.size())));
    EXPECT_TRUE(worst <= tolerance * rms + 1e-30)
        << "element " << where << " of " << want.size() << ": got " << got[where] << ", want "
        << want[where] << ", rms " << rms << ", error " << worst / rms << " of it";
}

// Equal bit for bit.
template <class A, class B>
void expect_same_bits(const A& got, const B& want) {
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i)
        ASSERT_EQ(std::bit_cast<std::uint32_t>(static_cast<float>(got[i])),
                  std::bit_cast<std::uint32_t>(static_cast<float>(want[i])))
            << "element " << i << " of " << want.size() << ": " << got[i] << " and " << want[i];
}

inline bool is_reference(const Backend& backend) {
    return backend.name() == "reference";
}

// Many rows are met on a device as f16 (kernel/mat_mul_vk.h): two roundings of 2^-12 a term at
// most, and sums that cancel.
inline double tile_tolerance(const Backend& backend, std::int64_t rows, double otherwise) {
    return backend.name() == "vulkan" && rows >= 9 ? 3e-3 : otherwise;
}

// Encoded rows in pages, as the residency keeps them.
struct OwnedPages {
    RowLayout layout;
    std::int64_t rows_per_page;
    std::vector<std::vector<std::byte>> storage;
    std::vector<std::byte*> pages;

    OwnedPages(RowLayout row_layout, std::span<const float> values, std::int64_t page_rows = 8)
        : layout(row_layout), rows_per_page(page_rows) {
        const std::int64_t rows = static_cast<std::int64_t>(values.size()) / layout.width;
        const std::int64_t count = (rows + rows_per_page - 1) / rows_per_page;
        for (std::int64_t p = 0; p < count; ++p)
            storage.emplace_back(static_cast<std::size_t>(rows_per_page * layout.stride));
        for (auto& page : storage) pages.push_back(page.data());
        for (std::int64_t r = 0; r < rows; ++r)
            encode_row(layout, values.data() + r * layout.width, view().row(r));
    }
    OwnedPages(const OwnedPages&) = delete;
    OwnedPages& operator=(const OwnedPages&) = delete;
    [[nodiscard]] RowPages view() const { return {pages.data(), layout, rows_per_page}; }
    [[nodiscard]] std::vector<float> decoded(std::int64_t row) const {
        std::vector<float> out(static_cast<std::size_t>(layout.width));
        decode_row(layout, view().row(row), out.data());
        return out;
    }
};

// Encoded rows in a ring of `capacity`.
struct OwnedRing {
    RowLayout layout;
    std::int64_t capacity;
    std::vector<std::byte> bytes;

    OwnedRing(RowLayout row_layout, std::int64_t row_capacity)
        : layout(row_layout),
          capacity(row_capacity),
          bytes(static_cast<std::size_t>(row_capacity * row_layout.stride)) {}
    OwnedRing(const OwnedRing&) = delete;
    OwnedRing& operator=(const OwnedRing&) = delete;
    [[nodiscard]] RowRing view() { return {bytes.data(), layout, capacity}; }
};

}  // namespace starglass::testing
