// SPDX-License-Identifier: MIT
//
// Many ops are given one after the other and waited for once, as a forward pass does; the time of
// one is its share. Weights take turns, more of them than a cache holds. Counters:
//
//   GB/s      weights or packed rows read, by the clock on the wall
//   GFLOP/s   two for each multiply-add
//   of_read   GB/s as a share of what a plain kernel reads on this device (measured at first use)
//   kernel_us an op's kernels by the device's timestamps, each alone: what is left of the time is
//             barriers, launches and the CPU
#include "vulkan_bench.h"

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <set>

#include "kernel/attention_cases.h"
#include "kernel/device_weight.h"
#include "kernel/experts_cases.h"
#include "kernel/hyper_connection_cases.h"
#include "kernel/index_select_cases.h"
#include "kernel/mat_mul_cases.h"
#include "kernel/rms_norm_cases.h"
#include "kernel/router_cases.h"
#include "kernel/top_logits_cases.h"
#include "support.h"
#include "vulkan/vulkan_backend.h"

namespace starglass::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// The device, and what lies in its memory for the benchmark that runs.
class Bed {
public:
    explicit Bed(const gpu::DeviceInfo& info) : info_(info) {}

    [[nodiscard]] bool software() const { return info_.kind == gpu::DeviceKind::software; }
    // Null when it does not open; the benchmark says why.
    VulkanBackend* open(benchmark::State& state) {
        if (backend_ == nullptr) {
            gpu::DeviceOptions options;
            options.device = std::to_string(info_.index);
            auto backend = make_vulkan_backend(Activations::int8, options);
            if (!backend) {
                state.SkipWithError(backend.error().message.c_str());
                return nullptr;
            }
            backend_ = std::move(*backend);
            if (const auto speed = backend_->measure_read_speed()) read_bytes_s_ = *speed;
            std::fprintf(stderr, "%s (%s): reads %.1f GB/s\n", info_.name.c_str(),
                         info_.driver.c_str(), read_bytes_s_ * 1e-9);
        }
        return backend_.get();
    }
    [[nodiscard]] double read_bytes_s() const { return read_bytes_s_; }

    // Device memory, released by clear(). Null after a failure, which the benchmark shows.
    std::byte* room(std::int64_t bytes) {
        auto memory = backend_->allocate(static_cast<std::size_t>(bytes));
        if (!memory) {
            error_ = memory.error().message;
            return nullptr;
        }
        taken_.push_back(*memory);
        return static_cast<std::byte*>(*memory);
    }
    template <class T>
    T* room_for(std::int64_t count) {
        return reinterpret_cast<T*>(room(count * static_cast<std::int64_t>(sizeof(T))));
    }
    template <class T>
    T* put(const T* values, std::int64_t count) {
        if (values == nullptr) return nullptr;
        T* memory = room_for<T>(count);
        if (memory != nullptr)
            backend_->write(memory, values, static_cast<std::size_t>(count) * sizeof(T));
        return memory;
    }
    // `copies` of the matrices of `w` in one stack: matrix i is a copy of matrix i % w.count.
    Weight place(const Weight& w, std::int64_t copies = 1) {
        auto placed = backend_->place(w);
        if (!placed) {
            error_ = placed.error().message;
            return w;
        }
        auto* from = const_cast<std::byte*>(placed->data);
        taken_.push_back(from);
        if (copies == 1) return *placed;
        Weight stack = *placed;
        stack.count = w.count * copies;
        const DeviceLayout one = device_layout(w);
        const DeviceLayout all = device_layout(stack);
        std::byte* memory = room(all.bytes);
        if (memory == nullptr) return w;
        stack.data = memory;
        for (std::size_t plane = 0; plane < static_cast<std::size_t>(one.count); ++plane) {
            const std::int64_t bytes = one.planes[plane].row_stride * w.out * w.count;
            for (std::int64_t i = 0; i < copies; ++i)
                backend_->copy(memory + all.planes[plane].offset + i * bytes,
                               from + one.planes[plane].offset, static_cast<std::size_t>(bytes));
        }
        return stack;
    }
    // `copies` of a weight, each in memory of its own.
    std::vector<Weight> place_each(const Weight& w, std::int64_t copies) {
        std::vector<Weight> all{place(w)};
        const std::int64_t bytes = device_layout(w).bytes;
        while (std::ssize(all) < copies) {
            std::byte* memory = room(bytes);
            if (memory == nullptr) break;
            backend_->copy(memory, all.front().data, static_cast<std::size_t>(bytes));
            Weight next = all.front();
            next.data = memory;
            all.push_back(next);
        }
        return all;
    }
    RowPages pages(const testing::OwnedPages& owned, std::vector<std::byte*>& addresses) {
        for (const auto& page : owned.storage)
            addresses.push_back(put(page.data(), std::ssize(page)));
        RowPages rows = owned.view();
        rows.pages = addresses.data();
        return rows;
    }
    void clear() {
        for (void* memory : taken_) backend_->release(memory);
        taken_.clear();
        error_.clear();
    }
    [[nodiscard]] const std::string& error() const { return error_; }

private:
    gpu::DeviceInfo info_;
    std::unique_ptr<VulkanBackend> backend_;
    double read_bytes_s_ = 0;
    std::vector<void*> taken_;
    std::string error_;
};

std::unique_ptr<Bed>& bed() {
    static std::unique_ptr<Bed> instance;
    return instance;
}

// Times `give`, which gives one op to the backend; `work` is what it does.
void measure(benchmark::State& state, VulkanBackend& backend, const Work& work,
             const std::function<void()>& give) {
    Bed& on = *bed();
    Status status = backend.finish();
    const auto several = [&](std::int64_t count) {
        const auto start = Clock::now();
        for (std::int64_t i = 0; i < count; ++i) give();
        if (auto done = backend.finish(); !done) status = done;
        return seconds_since(start);
    };
    if (status) several(1);  // builds the kernels
    // Ops a round: some milliseconds of them, so that starting and waiting do not count.
    const double once = status ? several(2) / 2 : 0;
    const auto round =
        static_cast<std::int64_t>(std::clamp(0.03 / std::max(once, 1e-7), 1.0, 1024.0));
    if (!on.error().empty() || !status) {
        state.SkipWithError((on.error().empty() ? status.error().message : on.error()).c_str());
        on.clear();
        return;
    }
    while (state.KeepRunningBatch(round)) several(round);
    // The device's own clock, on a few.
    backend.stream().start_profile();
    const auto profiled = std::min<std::int64_t>(round, 64);
    for (std::int64_t i = 0; i < profiled; ++i) give();
    static_cast<void>(backend.finish());
    double kernel_seconds = 0;
    for (const gpu::KernelTime& kernel : backend.stream().stop_profile())
        kernel_seconds += kernel.seconds;
    if (!status) state.SkipWithError(status.error().message.c_str());
    const auto rate = [](double value) {
        return benchmark::Counter(value, benchmark::Counter::kIsIterationInvariantRate);
    };
    const auto bytes = static_cast<double>(work.bytes);
    state.counters["GB/s"] = rate(bytes * 1e-9);
    state.counters["GFLOP/s"] = rate(2e-9 * work.multiply_adds);
    if (on.read_bytes_s() > 0) state.counters["of_read"] = rate(bytes / on.read_bytes_s());
    state.counters["kernel_us"] = kernel_seconds * 1e6 / static_cast<double>(profiled);
    on.clear();
}

// What shapes a software driver can do in a second or two.
std::int64_t cold_copies(std::int64_t bytes) {
    return bed()->software() ? 2 : copies_for(bytes, 64);
}

void mat_mul(benchmark::State& state, testing::MatMulCase shape) {
    VulkanBackend* backend = bed()->open(state);
    if (backend == nullptr) return;
    testing::MatMulProblem problem(shape);
    MatMul op = problem.op();
    const auto bytes = static_cast<std::int64_t>(problem.w.bytes.size());
    const std::vector<Weight> weights = bed()->place_each(op.w, cold_copies(bytes));
    op.x = bed()->put(op.x, shape.rows * shape.groups * shape.in);
    op.y = bed()->room_for<float>(shape.rows * shape.out);
    std::size_t turn = 0;
    measure(state, *backend,
            {bytes, static_cast<double>(shape.in) * static_cast<double>(shape.out * shape.rows)},
            [&] {
                op.w = weights[turn++ % weights.size()];
                backend->run(op);
            });
}

void experts(benchmark::State& state, testing::ExpertsCase shape) {
    VulkanBackend* backend = bed()->open(state);
    if (backend == nullptr) return;
    // A few are made up, the rest are copies on the device.
    constexpr int kDistinct = 8;
    const int copies = bed()->software() ? 4 : shape.experts / kDistinct;
    const int all = kDistinct * copies;
    shape.experts = kDistinct;
    testing::ExpertsProblem problem(shape);
    RoutedExperts op = problem.routed();
    const auto expert_bytes =
        static_cast<std::int64_t>(problem.gate.bytes.size() + problem.up.bytes.size() +
                                  problem.down.bytes.size()) /
        kDistinct;
    op.gate = bed()->place(op.gate, copies);
    op.up = bed()->place(op.up, copies);
    op.down = bed()->place(op.down, copies);
    op.x = bed()->put(op.x, shape.rows * shape.dim);
    op.weights = bed()->put(op.weights, static_cast<std::int64_t>(shape.rows) * shape.used);
    op.y = bed()->room_for<float>(shape.rows * shape.dim);
    // Other experts every time: several choices, each on the device.
    testing::Random random(7);
    std::vector<const std::int32_t*> choices;
    std::size_t touched = 0;
    for (int choice = 0; choice < 8; ++choice) {
        std::vector<std::int32_t> chosen;
        for (int row = 0; row < shape.rows; ++row) {
            std::set<std::int32_t> some;
            while (static_cast<int>(some.size()) < shape.used) some.insert(random.below(all));
            chosen.insert(chosen.end(), some.begin(), some.end());
        }
        touched += std::set<std::int32_t>(chosen.begin(), chosen.end()).size();
        choices.push_back(bed()->put(chosen.data(), std::ssize(chosen)));
    }
    std::size_t turn = 0;
    measure(state, *backend,
            {expert_bytes * static_cast<std::int64_t>(touched) / std::ssize(choices),
             3.0 * static_cast<double>(shape.dim) * static_cast<double>(shape.hidden) * shape.used *
                 shape.rows},
            [&] {
                op.selected = choices[turn++ % choices.size()];
                backend->run(op);
            });
}

void shared_expert(benchmark::State& state, testing::ExpertsCase shape) {
    VulkanBackend* backend = bed()->open(state);
    if (backend == nullptr) return;
    testing::ExpertsProblem problem(shape);
    SharedExpert op = problem.shared();
    const auto bytes = static_cast<std::int64_t>(
        problem.gate.bytes.size() + problem.up.bytes.size() + problem.down.bytes.size());
    const std::int64_t copies = cold_copies(bytes);
    const std::vector<Weight> gates = bed()->place_each(op.gate, copies);
    const std::vector<Weight> ups = bed()->place_each(op.up, copies);
    const std::vector<Weight> downs = bed()->place_each(op.down, copies);
    op.x = bed()->put(op.x, shape.rows * shape.dim);
    op.y = bed()->room_for<float>(shape.rows * shape.dim);
    std::size_t turn = 0;
    measure(state, *backend,
            {bytes,
             3.0 * static_cast<double>(shape.dim) * static_cast<double>(shape.hidden) * shape.rows},
            [&] {
                op.gate = gates[turn % gates.size()];
                op.up = ups[turn % ups.size()];
                op.down = downs[turn++ % downs.size()];
                backend->run(op);
            });
}

void attention(benchmark::State& state, testing::AttentionCase shape) {
    VulkanBackend* backend = bed()->open(state);
    if (backend == nullptr) return;
    testing::AttentionProblem problem(shape);
    Attention op = problem.op();
    std::int64_t rows = 0;
    for (int row = 0; row < shape.rows; ++row) {
        const std::int64_t position = shape.first + row;
        rows += std::min<std::int64_t>(shape.window, position + 1);
        if (shape.ratio != 0)
            rows += problem.counts.empty() ? (position + 1) / shape.ratio
                                           : problem.counts[static_cast<std::size_t>(row)];
    }
    const std::int64_t values = static_cast<std::int64_t>(shape.rows) * shape.heads * shape.width;
    op.q = bed()->put(op.q, values);
    op.sinks = bed()->put(op.sinks, shape.heads);
    op.raw.data = bed()->put(problem.raw->bytes.data(), std::ssize(problem.raw->bytes));
    std::vector<std::byte*> addresses;
    if (problem.compressed) op.compressed = bed()->pages(*problem.compressed, addresses);
    op.selected =
        problem.selected.empty() ? nullptr : bed()->put(op.selected, std::ssize(problem.selected));
    op.counts =
        problem.counts.empty() ? nullptr : bed()->put(op.counts, std::ssize(problem.counts));
    op.out = bed()->room_for<float>(values);
    measure(state, *backend,
            {rows * problem.raw->layout.stride,
             2.0 * static_cast<double>(rows) * shape.heads * shape.width},
            [&] { backend->run(op); });
}

void index_select(benchmark::State& state, testing::IndexSelectCase shape) {
    VulkanBackend* backend = bed()->open(state);
    if (backend == nullptr) return;
    testing::IndexSelectProblem problem(shape);
    IndexSelect op = problem.op();
    std::int64_t rows = 0;
    for (int row = 0; row < shape.rows; ++row) rows += (shape.first + row + 1) / shape.ratio;
    op.query =
        bed()->put(op.query, static_cast<std::int64_t>(shape.rows) * shape.heads * shape.width);
    op.weights = bed()->put(op.weights, static_cast<std::int64_t>(shape.rows) * shape.heads);
    std::vector<std::byte*> addresses;
    op.keys = bed()->pages(*problem.keys, addresses);
    op.selected =
        bed()->room_for<std::int32_t>(static_cast<std::int64_t>(shape.rows) * shape.top_k);
    op.counts = bed()->room_for<std::int32_t>(shape.rows);
    op.scores = nullptr;
    measure(
        state, *backend,
        {rows * problem.keys->layout.stride, static_cast<double>(rows) * shape.heads * shape.width},
        [&] { backend->run(op); });
}

void rms_norm(benchmark::State& state, testing::RmsNormCase shape) {
    VulkanBackend* backend = bed()->open(state);
    if (backend == nullptr) return;
    testing::RmsNormProblem problem(shape);
    RmsNorm op = problem.op();
    const std::int64_t values = shape.rows * shape.dim;
    op.weight = bed()->put(op.weight, shape.dim);
    op.x = bed()->put(op.x, values);
    op.y = bed()->room_for<float>(values);
    measure(state, *backend, {values * 8, static_cast<double>(values)}, [&] { backend->run(op); });
}

// The pair of a layer: after one block, before the next, with the norm that follows.
void hyper(benchmark::State& state, int rows) {
    VulkanBackend* backend = bed()->open(state);
    if (backend == nullptr) return;
    constexpr std::int64_t kDim = 4096;
    constexpr std::int64_t kStreams = 4;
    testing::HyperProblem problem({DataType::f16, static_cast<int>(kStreams), kDim, rows});
    HyperPre pre = problem.pre();
    HyperPost post = problem.spread();
    post.h = bed()->put(post.h, rows * kStreams * kDim);
    post.y = bed()->put(post.y, rows * kDim);
    pre.fn = bed()->place(pre.fn);
    pre.scale = bed()->put(pre.scale, 3);
    pre.base = bed()->put(pre.base, 2 * kStreams + kStreams * kStreams);
    pre.u = bed()->room_for<float>(rows * kDim);
    pre.post = bed()->room_for<float>(rows * kStreams);
    pre.comb = bed()->room_for<float>(rows * kStreams * kStreams);
    post.post = pre.post;
    post.comb = pre.comb;
    post.out = bed()->room_for<float>(rows * kStreams * kDim);
    pre.h = post.out;
    RmsNorm norm{.x = pre.u,
                 .weight = nullptr,
                 .y = bed()->room_for<float>(rows * kDim),
                 .rows = rows,
                 .dim = kDim,
                 .epsilon = 1e-6F};
    HyperPre first = pre;
    first.h = post.h;
    backend->run(first);
    measure(state, *backend,
            {pre.fn.row_size() * pre.fn.out + rows * kDim * 4 * (2 * kStreams + 3),
             static_cast<double>(rows * kStreams * kDim) * (24 + kStreams)},
            [&] {
                backend->run(post);
                backend->run(pre);
                backend->run(norm);
            });
}

void router(benchmark::State& state, int rows) {
    VulkanBackend* backend = bed()->open(state);
    if (backend == nullptr) return;
    testing::RouterProblem problem({rows, 256, 6, true, false, false});
    Router op = problem.op();
    op.logits = bed()->put(op.logits, rows * 256);
    op.bias = bed()->put(op.bias, 256);
    op.selected = bed()->room_for<std::int32_t>(rows * 6);
    op.weights = bed()->room_for<float>(rows * 6);
    measure(state, *backend, {rows * 256 * 4, 0}, [&] { backend->run(op); });
}

void top_logits(benchmark::State& state, testing::TopLogitsCase shape) {
    VulkanBackend* backend = bed()->open(state);
    if (backend == nullptr) return;
    testing::TopLogitsProblem problem(shape);
    TopLogits op = problem.op();
    op.logits = bed()->put(op.logits, static_cast<std::int64_t>(shape.rows) * shape.vocabulary);
    op.ids = bed()->room_for<std::int32_t>(shape.rows * op.kept());
    op.values = bed()->room_for<float>(shape.rows * op.kept());
    op.rest = bed()->room_for<TopLogitsRest>(shape.rows);
    measure(state, *backend, {static_cast<std::int64_t>(shape.rows) * shape.vocabulary * 4, 0},
            [&] { backend->run(op); });
}

using enum DataType;

template <class Case>
void add(const std::string& name, void (*function)(benchmark::State&, Case), Case shape) {
    benchmark::RegisterBenchmark(name.c_str(), function, shape)
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
}

struct NamedType {
    const char* name;
    DataType type;
    std::int64_t in, out;
    int groups = 1;
};

void register_all() {
    // Flash: the dense matrices of a layer, one expert's, the head.
    const std::vector<NamedType> matrices = {
        {"q8_0", q8_0, 4096, 4096},       {"q8_0", q8_0, 4096, 2048},
        {"q8_0", q8_0, 4096, 1024},       {"q8_0", q8_0, 4096, 512},
        {"q8_0", q8_0, 1024, 32768},      {"q8_0", q8_0, 8192, 4096},
        {"q8_0", q8_0, 4096, 8192, 8},    {"q8_0", q8_0, 4096, 129280},
        {"iq2_xxs", iq2_xxs, 4096, 2048}, {"q2_k", q2_k, 2048, 4096},
        {"q4_k", q4_k, 4096, 2048},       {"f16", f16, 4096, 1024},
        {"f16", f16, 4096, 256},          {"f32", f32, 4096, 256}};
    for (const NamedType& m : matrices) {
        const std::string shape =
            fmt::format("{}/{}x{}{}", m.name, m.in, m.out, m.groups > 1 ? "g8" : "");
        add("vulkan/mat_vec/" + shape, mat_mul,
            testing::MatMulCase{m.type, m.in, m.out, 1, m.groups});
    }
    for (const NamedType& m : matrices) {
        if (m.out > 32768 || m.out < 1024) continue;
        for (const int rows : {4, 16, 128, 512, 2048})
            add(fmt::format("vulkan/mat_mul/{}/{}x{}{}/rows:{}", m.name, m.in, m.out,
                            m.groups > 1 ? "g8" : "", rows),
                mat_mul, testing::MatMulCase{m.type, m.in, m.out, rows, m.groups});
    }
    for (const int rows : {1, 8, 128, 512, 2048}) {
        add(fmt::format("vulkan/experts/q2/rows:{}", rows), experts,
            testing::ExpertsCase{iq2_xxs, iq2_xxs, q2_k, 4096, 2048, 256, 6, rows, 10.0F});
        add(fmt::format("vulkan/experts/q4/rows:{}", rows), experts,
            testing::ExpertsCase{q4_k, q4_k, q4_k, 4096, 2048, 256, 6, rows, 10.0F});
        add(fmt::format("vulkan/shared_expert/q8_0/rows:{}", rows), shared_expert,
            testing::ExpertsCase{q8_0, q8_0, q8_0, 4096, 2048, 1, 1, rows, 10.0F});
    }
    const auto attend = [](const char* name, testing::AttentionCase shape) {
        add(std::string("vulkan/attention/") + name, attention, shape);
    };
    attend("window", {64, 512, 64, 128, 500, 1, 0, 0, false});
    attend("selected_512", {64, 512, 64, 128, 4000, 1, 4, 512, false});
    attend("ratio_128_at_32k", {64, 512, 64, 128, 32768, 1, 128, 0, false});
    attend("ratio_128_at_1m", {64, 512, 64, 128, 1 << 20, 1, 128, 0, false});
    attend("prefill_window_512", {64, 512, 64, 128, 1000, 512, 0, 0, false});
    attend("prefill_selected_512", {64, 512, 64, 128, 4000, 512, 4, 512, false});
    attend("prefill_ratio_128_512_at_32k", {64, 512, 64, 128, 32768, 512, 128, 0, false});
    const auto index = [](const char* name, testing::IndexSelectCase shape) {
        add(std::string("vulkan/index_select/") + name, index_select, shape);
    };
    index("at_32k", {64, 128, 1 << 15, 1, 4, 512, false, true, 256});
    index("at_128k", {64, 128, 1 << 17, 1, 4, 512, false, true, 256});
    index("at_1m", {64, 128, 1 << 20, 1, 4, 512, false, true, 256});
    index("prefill_512_at_32k", {64, 128, 1 << 15, 512, 4, 512, false, true, 256});
    const auto norm = [](const char* name, testing::RmsNormCase shape) {
        add(std::string("vulkan/rms_norm/") + name, rms_norm, shape);
    };
    norm("embedding", {4096, 1, true, false});
    norm("heads", {512, 64, false, false});
    norm("embedding_512", {4096, 512, true, false});
    for (const int k : {1, 256, TopLogits::kMost})
        add(fmt::format("vulkan/top_logits/129280/k:{}", k), top_logits,
            testing::TopLogitsCase{1, 129280, k, 1.0F, 3.0F, testing::Values::normal});
    for (const int rows : {1, 512}) {
        add(fmt::format("vulkan/hyper/rows:{}", rows), hyper, rows);
        add(fmt::format("vulkan/router/rows:{}", rows), router, rows);
    }
}

}  // namespace

void register_vulkan(const std::string& device) {
    auto devices = gpu::list_devices();
    if (!devices) {
        std::fprintf(stderr, "no vulkan/... lines: %s\n", devices.error().message.c_str());
        return;
    }
    auto chosen = gpu::choose_device(*devices, device);
    if (!chosen && device.empty()) {
        // A software driver still shows that the lines run.
        chosen = gpu::choose_device(*devices, "0");
        if (chosen)
            std::fprintf(stderr, "no graphics processor: vulkan/... measures %s, a %s\n",
                         chosen->name.c_str(), std::string(name_of(chosen->kind)).c_str());
    }
    if (!chosen) {
        std::fprintf(stderr, "no vulkan/... lines: %s\n", chosen.error().message.c_str());
        return;
    }
    bed() = std::make_unique<Bed>(*chosen);
    benchmark::AddCustomContext("device", chosen->name);
    benchmark::AddCustomContext("device_kind", std::string(name_of(chosen->kind)));
    benchmark::AddCustomContext("device_driver", chosen->driver);
    register_all();
}

void close_vulkan() {
    bed().reset();
}

}  // namespace starglass::bench
