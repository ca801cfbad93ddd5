// SPDX-License-Identifier: MIT
//
// Measuring speed: what evaluating costs at a chosen length of context, and what the machine could
// do at most. For the command line's bench; nothing here is needed to run a model.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace starglass {

// What decoding one token has to read from memory, in bytes.
struct TokenTraffic {
    std::uint64_t dense_weights = 0;   // all that every token needs; one row of look-up tables
    std::uint64_t routed_weights = 0;  // of the experts used
    std::uint64_t kv = 0;              // packed rows attended to or scored
    [[nodiscard]] std::uint64_t total() const { return dense_weights + routed_weights + kv; }
};

// What a device's memory does at most, by kernels and copies that do nothing else.
struct DeviceSpeed {
    double read_bytes_s = 0;
    double copy_bytes_s = 0;  // bytes copied, each of them read and written
};

// One kind of kernel by the device's own clock.
struct DeviceKernel {
    std::string name;
    std::int64_t calls = 0;
    double seconds = 0;
    // What it was given to read and write, each once a call; of a stack of experts the chosen ones.
    std::uint64_t read_bytes = 0, written_bytes = 0;
};

// Tokens on a device, seen from inside.
struct DeviceProfile {
    int tokens = 0;
    std::vector<DeviceKernel> kernels;  // most time first; each ran alone
    // Per token or batch, when nothing is measured; `replayed`: kernels and copies whose commands
    // were recorded for an earlier token.
    double dispatches = 0, barriers = 0, submissions = 0, replayed = 0;
};

// A timeline of made-up tokens: which one stands at a position follows from the position alone, so
// every run evaluates the same. One thread at a time.
class SpeedProbe {
public:
    // Tokens done of those asked for.
    using Progress = std::function<void(std::int64_t done, std::int64_t total)>;

    virtual ~SpeedProbe() = default;

    [[nodiscard]] virtual std::int64_t position() const = 0;  // tokens evaluated or made up
    [[nodiscard]] virtual TokenId token_at(std::int64_t position) const = 0;
    [[nodiscard]] virtual int chunk_tokens() const = 0;  // most tokens of a prefill batch
    // After the last token, [vocabulary]; empty at position 0 and after synthesise().
    [[nodiscard]] virtual std::span<const float> logits() const = 0;
    [[nodiscard]] virtual std::uint64_t state_bytes() const = 0;  // rows and frontiers
    [[nodiscard]] virtual TokenTraffic traffic(std::int64_t position) const = 0;

    // All of the following fail with `cancelled`, and with invalid_input where the context ends.

    // Evaluates the next `tokens` tokens as a prompt is, logits of the last one included; seconds.
    virtual Result<double> prefill(std::int64_t tokens, const Progress& progress,
                                   const CancelToken& cancel) = 0;
    // Evaluates `tokens` tokens one at a time with their logits and appends the seconds of each to
    // `seconds`. State and logits are afterwards as they were before.
    virtual Status decode(int tokens, std::vector<double>& seconds, const Progress& progress,
                          const CancelToken& cancel) = 0;
    // Makes the state that of `position` tokens out of random rows in the model's codes.
    virtual Status synthesise(std::int64_t position, std::uint64_t seed,
                              const CancelToken& cancel) = 0;
    // Only where the model runs on a device; else unsupported. State and logits stay as they are.
    virtual Result<DeviceSpeed> device_speed() = 0;
    // `tokens` decoded ones at position(). An empty list of kernels where the device has no clock.
    virtual Result<DeviceProfile> profile_decode(int tokens, const CancelToken& cancel) = 0;
    // Remembers state and logits; back() returns to them, as often as wanted.
    virtual void mark() = 0;
    virtual void back() = 0;
};

// Errors: unsupported for an engine that open_engine() did not give.
Result<std::unique_ptr<SpeedProbe>> create_speed_probe(const std::shared_ptr<Engine>& engine);

// The instruction set in use, for people: "AVX-512 VNNI".
std::string simd_target_text();
// Bytes per second that each number of threads reads from memory; takes about two seconds and a
// gibibyte. Errors: out_of_memory, cancelled.
Result<std::vector<double>> memory_read_speed(std::span<const int> threads,
                                              const CancelToken& cancel);

}  // namespace starglass
