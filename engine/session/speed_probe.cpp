// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <optional>

#include "cpu/machine_speed.h"
#include "engine/measure.h"
#include "kernel/device_weight.h"
#include "model/decode_bytes.h"
#include "residency/synthetic_state.h"
#include "residency/working_state.h"
#include "session/engine_impl.h"
#include "vulkan/vulkan_backend.h"

namespace starglass {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// The best of some rounds of copies from one half of a piece of device memory to the other.
Result<double> measure_copy_speed(VulkanBackend& backend) {
    constexpr std::int64_t kHalfMax = std::int64_t{256} << 20;
    constexpr int kCopies = 4;
    const std::int64_t room = backend.device().free_bytes() / 8 / 4096 * 4096;
    // A software driver's copies need no large piece to be slow.
    const bool software = backend.device().info().kind == gpu::DeviceKind::software;
    const std::int64_t half = std::min(software ? kHalfMax / 16 : kHalfMax, room);
    if (half <= 0)
        return fail(ErrorCode::out_of_memory, "the device has no room to measure copies in");
    TRY(void* const memory, backend.allocate(static_cast<std::size_t>(2 * half)));
    auto* const from = static_cast<std::byte*>(memory);
    double best = 0;
    Status status;
    for (int round = 0; round < 4 && status; ++round) {
        const Clock::time_point start = Clock::now();
        for (int i = 0; i < kCopies; ++i)
            backend.copy(from + half, from, static_cast<std::size_t>(half));
        status = backend.finish();
        if (round > 0)
            best = std::max(best, kCopies * static_cast<double>(half) / seconds_since(start));
    }
    backend.release(memory);
    if (!status) return tl::unexpected<Error>(status.error());
    return best;
}

class SpeedProbeImpl final : public SpeedProbe {
public:
    explicit SpeedProbeImpl(std::shared_ptr<EngineImpl> engine)
        : engine_(std::move(engine)),
          layers_(layer_state_shapes(engine_->shape(), engine_->rounding())),
          state_(layers_, model_state_shape(*engine_).window),
          working_(state_, engine_->backend()),
          forward_(engine_->shape(), engine_->weights(), engine_->backend(), engine_->rounding(),
                   engine_->feeds()) {}

    [[nodiscard]] std::int64_t position() const override { return state_.positions(); }
    // Any token, spread over the vocabulary. Not what the model would say next: what is read for a
    // token must not depend on how a kernel rounds.
    [[nodiscard]] TokenId token_at(std::int64_t position) const override {
        const auto hash = static_cast<std::uint64_t>(position + 1) * 0x9E3779B97F4A7C15ULL;
        return static_cast<TokenId>((hash >> 33U) %
                                    static_cast<std::uint64_t>(engine_->shape().vocabulary));
    }
    [[nodiscard]] int chunk_tokens() const override { return engine_->prefill_chunk(); }
    [[nodiscard]] std::span<const float> logits() const override { return logits_; }
    [[nodiscard]] std::uint64_t state_bytes() const override {
        return static_cast<std::uint64_t>(state_.bytes());
    }
    [[nodiscard]] TokenTraffic traffic(std::int64_t position) const override {
        const DecodeBytes bytes =
            decode_bytes(engine_->shape(), engine_->weights(), layers_, position);
        return {static_cast<std::uint64_t>(bytes.dense), static_cast<std::uint64_t>(bytes.routed),
                static_cast<std::uint64_t>(bytes.kv)};
    }

    Result<double> prefill(std::int64_t tokens, const Progress& progress,
                           const CancelToken& cancel) override {
        TRY_STATUS(check_room(tokens));
        const Clock::time_point start = Clock::now();
        int rows = 0;
        for (std::int64_t done = 0; done < tokens; done += rows) {
            rows = static_cast<int>(std::min<std::int64_t>(chunk_tokens(), tokens - done));
            TRY_STATUS(run(rows, cancel));
            if (progress) progress(done + rows, tokens);
        }
        if (rows > 0) TRY_STATUS(read_logits(rows - 1, logits_));
        return seconds_since(start);
    }

    Status decode(int tokens, std::vector<double>& seconds, const Progress& progress,
                  const CancelToken& cancel) override {
        TRY_STATUS(check_room(tokens));
        TRY(const KvState::Snapshot before, state_.snapshot());
        Status status;
        for (int done = 0; done < tokens && status; ++done) {
            const Clock::time_point start = Clock::now();
            status = decode_one(cancel);
            if (!status) break;
            seconds.push_back(seconds_since(start));
            if (progress) progress(done + 1, tokens);
        }
        state_.restore(before);
        return status;
    }

    Status synthesise(std::int64_t position, std::uint64_t seed,
                      const CancelToken& cancel) override {
        marked_.reset();
        logits_.clear();
        state_.clear();
        TRY_STATUS(check_room(position));
        return fill_synthetic(state_, engine_->backend(), position, seed, cancel);
    }

    Result<DeviceSpeed> device_speed() override {
        TRY(VulkanBackend* const backend, device_backend());
        DeviceSpeed speed;
        TRY(speed.read_bytes_s, backend->measure_read_speed());
        TRY(speed.copy_bytes_s, measure_copy_speed(*backend));
        return speed;
    }

    Result<DeviceProfile> profile_decode(int tokens, const CancelToken& cancel) override {
        TRY(VulkanBackend* const backend, device_backend());
        TRY_STATUS(check_room(tokens));
        TRY(const KvState::Snapshot before, state_.snapshot());
        gpu::Stream& stream = backend->stream();
        DeviceProfile profile;
        profile.tokens = tokens;
        const std::int64_t dispatches = stream.dispatches();
        const std::int64_t barriers = stream.barriers();
        const std::int64_t submissions = stream.submissions();
        const std::int64_t replayed = stream.replayed();
        Status status;
        for (int i = 0; i < tokens && status; ++i) status = decode_one(cancel);
        const auto each = [&](std::int64_t now, std::int64_t then) {
            return static_cast<double>(now - then) / tokens;
        };
        profile.dispatches = each(stream.dispatches(), dispatches);
        profile.barriers = each(stream.barriers(), barriers);
        profile.submissions = each(stream.submissions(), submissions);
        profile.replayed = each(stream.replayed(), replayed);
        state_.restore(before);
        if (!status) return tl::unexpected<Error>(status.error());

        stream.start_profile();
        for (const LayerWeights& layer : engine_->weights().layers)
            for (const Weight* stack :
                 {&layer.gate_experts, &layer.up_experts, &layer.down_experts}) {
                const std::int64_t used =
                    std::min<std::int64_t>(engine_->shape().experts_used, stack->count);
                stream.count_as(reinterpret_cast<std::uint64_t>(stack->data),
                                device_layout(*stack).bytes / stack->count * used);
            }
        for (int i = 0; i < tokens && status; ++i) status = decode_one(cancel);
        for (const gpu::KernelTime& kernel : stream.stop_profile())
            profile.kernels.push_back({kernel.name, kernel.calls, kernel.seconds,
                                       static_cast<std::uint64_t>(kernel.read_bytes),
                                       static_cast<std::uint64_t>(kernel.written_bytes)});
        state_.restore(before);
        if (!status) return tl::unexpected<Error>(status.error());
        return profile;
    }

    void mark() override {
        marked_.reset();
        if (auto state = state_.snapshot()) marked_ = {std::move(*state), logits_};
    }
    void back() override {
        if (!marked_) return;
        state_.restore(marked_->state);
        logits_ = marked_->logits;
    }

private:
    struct Marked {
        KvState::Snapshot state;
        std::vector<float> logits;
    };

    Result<VulkanBackend*> device_backend() const {
        auto* backend = dynamic_cast<VulkanBackend*>(&engine_->backend());
        if (backend == nullptr) return fail(ErrorCode::unsupported, "the model runs on the CPU");
        return backend;
    }

    Status check_room(std::int64_t tokens) const {
        const std::int64_t context = engine_->options().context_tokens;
        if (position() + tokens > context)
            return fail(ErrorCode::invalid_input,
                        "{} tokens after {} do not fit into a context of {}", tokens, position(),
                        context);
        return {};
    }

    // The next `rows` tokens through all layers.
    Status run(int rows, const CancelToken& cancel, LogitsSummary* top = nullptr) {
        tokens_.resize(static_cast<std::size_t>(rows));
        for (int row = 0; row < rows; ++row)
            tokens_[static_cast<std::size_t>(row)] = token_at(position() + row);
        return forward_.run(tokens_, working_,
                            {.cancel = &cancel, .trace = {}, .routing = {}, .top = top});
    }

    // A token as a session decodes it: where memory is the device's, what it is chosen from comes
    // back, not all logits.
    Status decode_one(const CancelToken& cancel) {
        if (!engine_->backend().host_memory()) return run(1, cancel, &top_);
        TRY_STATUS(run(1, cancel));
        return read_logits(0, decoded_);
    }

    Status read_logits(int row, std::vector<float>& logits) {
        logits.resize(static_cast<std::size_t>(engine_->shape().vocabulary));
        return forward_.logits(row, logits);
    }

    std::shared_ptr<EngineImpl> engine_;
    std::vector<LayerStateShape> layers_;
    KvState state_;
    WorkingState working_;
    Forward forward_;
    std::vector<float> logits_, decoded_;
    LogitsSummary top_;
    std::vector<std::int32_t> tokens_;
    std::optional<Marked> marked_;
};

}  // namespace

Result<std::unique_ptr<SpeedProbe>> create_speed_probe(const std::shared_ptr<Engine>& engine) {
    auto impl = std::dynamic_pointer_cast<EngineImpl>(engine);
    if (!impl) return fail(ErrorCode::unsupported, "this engine has nothing to measure");
    return std::make_unique<SpeedProbeImpl>(std::move(impl));
}

std::string simd_target_text() {
    const std::string_view name = simd_target_name();
    if (name == "AVX3_DL") return "AVX-512 VNNI";
    if (name == "AVX3") return "AVX-512";
    return std::string(name);
}

Result<std::vector<double>> memory_read_speed(std::span<const int> threads,
                                              const CancelToken& cancel) {
    return measure_read_speed(threads, kReadBytes, cancel);
}

}  // namespace starglass
