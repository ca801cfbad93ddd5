// SPDX-License-Identifier: MIT
#include "cpu/machine_speed.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "base/thread_pool.h"
#include "kernel/cpu_context.h"
#include "kernel/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/machine_speed.cpp"
#include <hwy/foreach_target.h>

#include "kernel/simd_float-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {

// Independent sums in flight: latency of a multiply-add (4 or 5 cycles) times two a cycle is at
// most 10; twelve and two operands still fit AVX2's sixteen registers.
constexpr int kSums = 12;
using Bytes = hn::ScalableTag<std::uint8_t>;

// Touches every vector of data[0, bytes), a multiple of 512.
std::uint64_t read_all_target(const std::byte* data, std::int64_t bytes) {
    const Bytes d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const auto* at = reinterpret_cast<const std::uint8_t*>(data);
    auto a = hn::Zero(d);
    auto b = a;
    auto c = a;
    auto e = a;
    for (std::int64_t i = 0; i < bytes; i += 4 * lanes) {
        a = hn::Xor(a, hn::Load(d, at + i));
        b = hn::Xor(b, hn::Load(d, at + i + lanes));
        c = hn::Xor(c, hn::Load(d, at + i + 2 * lanes));
        e = hn::Xor(e, hn::Load(d, at + i + 3 * lanes));
    }
    return hn::GetLane(hn::Xor(hn::Xor(a, b), hn::Xor(c, e)));
}

// `rounds` times kSums vectors of multiply-adds; gives how many that were.
std::int64_t multiply_add_target(std::int64_t rounds, float* result) {
    const Float d;
    FloatVec sum[kSums];
    for (int i = 0; i < kSums; ++i) sum[i] = hn::Set(d, static_cast<float>(i));
    // Each sum feeds itself, so that no compiler can do with fewer; it settles at 2.
    const FloatVec half = hn::Set(d, *result);
    const FloatVec one = hn::Set(d, 1.0F);
    for (std::int64_t round = 0; round < rounds; ++round)
        for (int i = 0; i < kSums; ++i) sum[i] = hn::MulAdd(sum[i], half, one);
    FloatVec all = sum[0];
    for (int i = 1; i < kSums; ++i) all = hn::Add(all, sum[i]);
    *result = sum_of(all);
    return rounds * kSums * static_cast<std::int64_t>(hn::Lanes(d));
}

// The same for products of bytes.
std::int64_t dot_bytes_target(std::int64_t rounds, std::int32_t* result) {
    const hn::ScalableTag<std::int32_t> d;
    using Vec = hn::Vec<decltype(d)>;
    Vec sum[kSums];
    for (int i = 0; i < kSums; ++i) sum[i] = hn::Set(d, i);
    const Vec factor = hn::Set(d, *result);
    for (std::int64_t round = 0; round < rounds; ++round)
        for (int i = 0; i < kSums; ++i) {
#if HWY_TARGET == HWY_AVX3_DL
            sum[i] = Vec{_mm512_dpbusd_epi32(sum[i].raw, factor.raw, factor.raw)};
#elif HWY_TARGET == HWY_AVX3
            sum[i] = Vec{_mm512_madd_epi16(_mm512_maddubs_epi16(sum[i].raw, factor.raw),
                                           _mm512_set1_epi16(1))} +
                     sum[i];
#elif HWY_TARGET == HWY_AVX2
            sum[i] = Vec{_mm256_madd_epi16(_mm256_maddubs_epi16(sum[i].raw, factor.raw),
                                           _mm256_set1_epi16(1))} +
                     sum[i];
#else
            sum[i] = hn::Add(hn::Mul(sum[i], factor), factor);
#endif
        }
    Vec all = sum[0];
    for (int i = 1; i < kSums; ++i) all = hn::Add(all, sum[i]);
    *result = hn::GetLane(all);
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
    return rounds * kSums * 4 * lanes;
#else
    return rounds * kSums * lanes;
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starglass {

HWY_EXPORT(read_all_target);
HWY_EXPORT(multiply_add_target);
HWY_EXPORT(dot_bytes_target);

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::int64_t kAlignment = std::int64_t{2} << 20;  // of a large page
constexpr std::int64_t kLine = 512;  // what read_all_target reads at once, or more
constexpr int kReadPasses = 5;
constexpr std::int64_t kReadStretch = std::int64_t{64} << 20;  // between two looks at the token
// What is timed is short, and the best of many counts: on a machine that does other things too,
// something is always taken away from what takes long.
constexpr int kArithmeticPasses = 50;
constexpr auto kArithmeticTimed = std::chrono::milliseconds(2);

struct Free {
    void operator()(std::byte* bytes) const {
        ::operator delete (bytes, std::align_val_t{kAlignment});
    }
};

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// Operations per second of all threads together; `work()` does some and gives how many.
template <class Work>
double best_rate(int threads, Work&& work) {
    ThreadPool pool(threads);
    double best = 0;
    for (int pass = 0; pass < kArithmeticPasses; ++pass) {
        std::atomic<std::int64_t> done{0};
        const Clock::time_point start = Clock::now();
        pool.run([&](int) {
            std::int64_t mine = 0;
            while (Clock::now() - start < kArithmeticTimed) mine += work();
            done.fetch_add(mine, std::memory_order_relaxed);
        });
        best = std::max(best, static_cast<double>(done.load()) / seconds_since(start));
    }
    return best;
}

}  // namespace

std::string_view simd_target_name() {
    return hwy::TargetName(std::int64_t{1} << best_simd_target());
}

Result<std::vector<double>> measure_read_speed(std::span<const int> threads, std::int64_t bytes,
                                               const CancelToken& cancel) {
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    const std::unique_ptr<std::byte, Free> buffer(static_cast<std::byte*>(::operator new (
        static_cast<std::size_t>(bytes), std::align_val_t{kAlignment}, std::nothrow)));
    if (buffer == nullptr)
        return fail(ErrorCode::out_of_memory,
                    "there is no room for the {} MiB that measuring the memory's speed takes",
                    bytes >> 20);
#ifdef __linux__
    // Fewer look-ups of addresses: what is asked for is the memory's speed.
    (void)::madvise(buffer.get(), static_cast<std::size_t>(bytes), MADV_HUGEPAGE);
#endif
    std::vector<double> result;
    std::atomic<std::uint64_t> kept{0};
    for (const int count : threads) {
        ThreadPool pool(count);
        // Every thread has a part of each stretch, the same in all passes.
        const auto cut = [&](std::int64_t length, int worker) {
            return length / kLine * worker / pool.threads() * kLine;
        };
        // Whole passes count: of a single stretch much may have stayed in a large last level cache.
        double best = 0;
        for (int pass = 0; pass < kReadPasses; ++pass) {
            const bool first = result.empty() && pass == 0;
            double seconds = 0;
            for (std::int64_t at = 0; at < bytes; at += kReadStretch) {
                if (cancel.cancelled()) return fail(ErrorCode::cancelled, "measuring was stopped");
                const std::int64_t length = std::min(kReadStretch, bytes - at);
                const Clock::time_point start = Clock::now();
                pool.run([&](int worker) {
                    std::byte* part = buffer.get() + at + cut(length, worker);
                    const std::int64_t size = cut(length, worker + 1) - cut(length, worker);
                    // Pages appear when they are first written; nothing is read from those.
                    if (first) return (void)std::memset(part, 1, static_cast<std::size_t>(size));
                    kept.fetch_add(HWY_DYNAMIC_DISPATCH(read_all_target)(part, size),
                                   std::memory_order_relaxed);
                });
                seconds += seconds_since(start);
            }
            if (!first) best = std::max(best, static_cast<double>(bytes) / seconds);
        }
        result.push_back(best);
    }
    return result;
}

ArithmeticSpeed measure_arithmetic_speed(int threads) {
    constexpr std::int64_t kRounds = 1 << 15;  // some tens of microseconds
    ArithmeticSpeed speed;
    std::atomic<double> kept{0};
    speed.f32_flop_s = 2 * best_rate(threads, [&] {
                           float value = 0.5F;
                           const std::int64_t done =
                               HWY_DYNAMIC_DISPATCH(multiply_add_target)(kRounds, &value);
                           kept.store(value, std::memory_order_relaxed);
                           return done;
                       });
    speed.int8_op_s = 2 * best_rate(threads, [&] {
                          std::int32_t value = 3;
                          const std::int64_t done =
                              HWY_DYNAMIC_DISPATCH(dot_bytes_target)(kRounds, &value);
                          kept.store(value, std::memory_order_relaxed);
                          return done;
                      });
    return speed;
}

}  // namespace starglass
#endif  // HWY_ONCE
