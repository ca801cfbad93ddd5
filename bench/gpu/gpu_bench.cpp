// SPDX-License-Identifier: MIT
//
// A model on a graphics processor, measured from inside: prefill and decode, each kernel's time by
// the device's own clock, and the floor that reading a token's weights sets.
//
//   gpu_bench [FILE] --device 0 --prefill 4096 --decode 64 [--profile] [--off cooperative_matrix]
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <functional>
#include <random>

#include "builtin/builtin_model.h"
#include "model/decode_bytes.h"
#include "session/engine_impl.h"
#include "vulkan/vulkan_backend.h"

namespace starglass {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of the thread that gives the work.
double thread_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void print_profile(const std::vector<gpu::KernelTime>& times, const char* what, double per) {
    double total = 0;
    for (const gpu::KernelTime& time : times) total += time.seconds;
    fmt::print("{}: kernels take {:.3f} ms of it\n", what, total * 1e3 / per);
    for (const gpu::KernelTime& time : times)
        fmt::print("  {:40} {:7.1f} calls {:9.1f} us {:8.2f} us each\n", time.name,
                   static_cast<double>(time.calls) / per, time.seconds * 1e6 / per,
                   time.seconds * 1e6 / static_cast<double>(time.calls));
}

// Tokens one after the other, and what the stream did for them.
struct DecodeRun {
    std::vector<double> seconds;
    double processor = 0;  // seconds, of all
    std::int64_t dispatches = 0, replayed = 0, barriers = 0, submissions = 0, waits = 0, bytes = 0;

    // What the stream and the processor have done so far, for good or taken back.
    void count(const gpu::Stream& stream, int sign) {
        processor += sign * thread_seconds();
        dispatches += sign * stream.dispatches();
        replayed += sign * stream.replayed();
        barriers += sign * stream.barriers();
        submissions += sign * stream.submissions();
        waits += sign * stream.waits();
        bytes += sign * stream.bytes_read();
    }
};

Status decode_turn(gpu::Replay replay, int tokens, const std::function<Status()>& step,
                   gpu::Stream& stream, DecodeRun* into) {
    stream.set_replay(replay);
    DecodeRun run = into != nullptr ? std::move(*into) : DecodeRun();
    run.count(stream, -1);
    for (int i = 0; i < tokens; ++i) {
        const Clock::time_point begin = Clock::now();
        TRY_STATUS(step());
        run.seconds.push_back(since(begin));
    }
    run.count(stream, 1);
    if (into != nullptr) *into = std::move(run);
    return {};
}

// `least`: seconds a token takes at least, by its bytes.
void print_decode(const DecodeRun& run, const std::string& what, double least) {
    if (run.seconds.empty()) return;
    std::vector<double> seconds = run.seconds;
    std::sort(seconds.begin(), seconds.end());
    const double median = seconds[seconds.size() / 2];
    const auto each = [&](double sum) { return sum / static_cast<double>(seconds.size()); };
    const auto count = [&](std::int64_t sum) { return each(static_cast<double>(sum)); };
    fmt::print(
        "{}: {:.1f} tokens/s (median {:.3f} ms, best {:.3f}), {:.1f} % of the floor's speed\n"
        "  a token: {:.0f} kernels, {:.0f} kernels and copies replayed, {:.0f} barriers, {:.1f} "
        "submissions, {:.1f} waits, {:.0f} bytes read, {:.3f} ms of the processor\n",
        what, 1.0 / median, median * 1e3, seconds.front() * 1e3, 100.0 * least / median,
        count(run.dispatches), count(run.replayed), count(run.barriers), count(run.submissions),
        count(run.waits), count(run.bytes), each(run.processor) * 1e3);
    std::fflush(stdout);
}

Status run(const std::string& path, EngineOptions options, int prefill, int chunk, int decode,
           bool profile) {
    const Clock::time_point start = Clock::now();
    options.backend = BackendKind::vulkan;
    options.context_tokens = std::max<std::int64_t>(prefill + 4 * decode + 64, 512);
    // The device alone first: with most of its memory taken some read more slowly.
    double speed = 0;
    {
        gpu::DeviceOptions alone;
        alone.device = options.device;
        TRY(auto empty, make_vulkan_backend(Activations::int8, alone));
        TRY(speed, empty->measure_read_speed());
    }
    auto opened = path.empty()
                      ? open_engine(builtin_model(), "the built-in model", options, nullptr, {})
                      : open_engine(path, options, nullptr, {});
    TRY(const std::shared_ptr<Engine> engine, std::move(opened));
    auto& implementation = dynamic_cast<EngineImpl&>(*engine);
    auto& backend = dynamic_cast<VulkanBackend&>(implementation.backend());
    const PlacementSummary& placement = engine->placement();
    const ModelShape& shape = implementation.shape();
    fmt::print("{}: {:.2f} GB on it, experts of {} of {} layers, placed in {:.1f} s\n",
               placement.device, static_cast<double>(placement.device_bytes) / 1e9,
               placement.device_expert_layers, placement.layers, since(start));
    TRY(const double full_speed, backend.measure_read_speed());
    const std::vector<LayerStateShape> layers = layer_state_shapes(shape, Rounding::model);
    const auto floor = [&](std::int64_t position) {
        const DecodeBytes bytes = decode_bytes(shape, implementation.weights(), layers, position);
        return static_cast<double>(bytes.dense + bytes.routed + bytes.kv);
    };
    fmt::print(
        "reads {:.0f} GB/s empty, {:.0f} GB/s with the model on it; a token at position {} reads "
        "{:.3f} GB: "
        "at least {:.3f} ms\n",
        speed / 1e9, full_speed / 1e9, prefill, floor(prefill) / 1e9, floor(prefill) / speed * 1e3);
    std::fflush(stdout);

    KvState state(layers,
                  static_cast<int>(std::min<std::int64_t>(shape.window, options.context_tokens)));
    Forward forward(shape, implementation.weights(), backend, Rounding::model);
    WorkingState working(state, backend);
    std::mt19937 random(7);
    const auto tokens = [&](int count) {
        std::vector<TokenId> result;
        for (int i = 0; i < count; ++i)
            result.push_back(
                static_cast<TokenId>(random() % static_cast<unsigned>(shape.vocabulary)));
        return result;
    };
    std::vector<float> logits(static_cast<std::size_t>(shape.vocabulary));
    const auto read = [&](int count, int batch) -> Result<double> {
        const Clock::time_point begin = Clock::now();
        for (int done = 0; done < count; done += batch) {
            const int rows = std::min(batch, count - done);
            TRY_STATUS(forward.run(tokens(rows), working, {}));
        }
        TRY_STATUS(forward.logits((count - 1) % batch, logits));
        return since(begin);
    };
    const auto again = [&] {
        state.clear();
        return Status();
    };
    const int batch = chunk > 0 ? chunk : implementation.prefill_chunk();
    gpu::Stream& stream = backend.stream();
    if (prefill > 0) {
        // The first pass builds kernels and grows scratch.
        TRY(const double first, read(prefill, batch));
        double best = first;
        for (int i = 0; i < 2; ++i) {
            TRY_STATUS(again());
            TRY(const double seconds, read(prefill, batch));
            best = std::min(best, seconds);
        }
        fmt::print(
            "prefill of {} tokens in batches of {}: {:.1f} tokens/s ({:.3f} s; the first {:.3f} "
            "s)\n",
            prefill, batch, prefill / best, best, first);
        std::fflush(stdout);
        if (profile) {
            TRY_STATUS(again());
            stream.start_profile();
            TRY(const double seconds, read(std::min(prefill, batch), batch));
            print_profile(stream.stop_profile(), "a batch of the prefill", 1.0);
            fmt::print("  wall {:.3f} s\n", seconds);
            TRY_STATUS(again());
            TRY(const double back, read(prefill, batch));
            static_cast<void>(back);
        }
    }
    // As a session decodes: what a token is chosen from comes back with it.
    LogitsSummary top;
    ForwardHooks hooks;
    hooks.top = &top;
    const auto step = [&]() -> Status { return forward.run(tokens(1), working, hooks); };
    // Both ways of giving commands, in turns, so that both meet the same machine.
    constexpr int kTurn = 16;  // tokens; recordings are made in the first few of the first
    TRY_STATUS(decode_turn(gpu::Replay::always, kTurn, step, stream, nullptr));
    DecodeRun anew, replayed;
    for (int done = 0; done < decode; done += kTurn) {
        const int count = std::min(kTurn, decode - done);
        TRY_STATUS(decode_turn(gpu::Replay::never, count, step, stream, &anew));
        TRY_STATUS(decode_turn(gpu::Replay::always, count, step, stream, &replayed));
    }
    stream.set_replay(gpu::Replay::never);
    const double least = floor(state.positions()) / speed;
    print_decode(anew, fmt::format("decode at {}", state.positions()), least);
    print_decode(replayed, "replayed", least);
    if (profile) {
        constexpr int kProfiled = 3;
        stream.start_profile();
        for (int i = 0; i < kProfiled; ++i) TRY_STATUS(step());
        print_profile(stream.stop_profile(), "a decoded token", kProfiled);
        stream.start_step_profile();
        for (int i = 0; i < kProfiled; ++i) TRY_STATUS(step());
        print_profile(stream.stop_profile(), "its steps between barriers", kProfiled);
    }
    return {};
}

}  // namespace
}  // namespace starglass

int main(int argc, char** argv) {
    CLI::App app("Measures a model on a graphics processor");
    std::string path;
    starglass::EngineOptions options;
    options.device = "0";
    int prefill = 512, decode = 32, chunk = 0;
    bool profile = false;
    app.add_option("FILE", path, "A model file; the built-in model without one");
    app.add_option("--device", options.device, "Device by index or name");
    app.add_option("--prefill", prefill, "Tokens to read");
    app.add_option("--chunk", chunk, "Tokens a batch; 0: the engine's");
    app.add_option("--decode", decode, "Tokens to make");
    app.add_option("--layers", options.device_expert_layers,
                   "Layers whose experts go to the device");
    app.add_option("--off", options.device_off,
                   "Features not to use, e.g. cooperative_matrix,integer_dot");
    app.add_flag("--profile", profile, "Times of every kernel");
    CLI11_PARSE(app, argc, argv);
    const auto status = starglass::run(path, options, prefill, chunk, decode, profile);
    if (!status) {
        fmt::print(stderr, "gpu_bench: {}\n", status.error().message);
        return 1;
    }
    return 0;
}
