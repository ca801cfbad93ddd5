// SPDX-License-Identifier: MIT
//
// What a bench found, as a table for people and as one JSON object (docs/bench.md).
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "engine/measure.h"
#include "machine_info.h"
#include "output.h"

namespace starglass::cli {

// Raised when a field changes its meaning or goes away; new fields do not count.
inline constexpr int kBenchSchema = 1;

struct BenchPrefill {
    std::int64_t tokens = 0;
    std::vector<double> seconds;  // one per repetition
};

// Where experts are read from the file.
struct BenchExperts {
    ExpertTotals prefill;     // of all repetitions
    ExpertTotals decode;      // of the tokens that count
    double read_bytes_s = 0;  // while nothing else was waited for; 0: not known
};

struct BenchFrontier {
    std::int64_t context = 0;
    std::optional<BenchPrefill> prefill;
    std::vector<double> token_seconds;    // of all repetitions
    std::optional<DeviceProfile> device;  // where the model runs on one
    std::optional<BenchExperts> experts;
    TokenTraffic traffic;  // of the token in the middle of a decode
    std::uint64_t state_bytes = 0;
    std::uint64_t anonymous_bytes = 0;  // of the process, after decoding

    [[nodiscard]] double prefill_tokens_s() const;  // of the median repetition
    [[nodiscard]] double decode_tokens_s() const;   // tokens over the sum of their times
    [[nodiscard]] double bytes_s() const;           // read for decoding
};

struct BenchReport {
    ModelInfo model;
    EngineOptions options;
    PlacementSummary placement;
    std::string simd_target;
    std::optional<DeviceSpeed> device_speed;  // where the model runs on a device
    int prefill_chunk = 0;
    MachineInfo machine;
    std::string date;
    double load_before = -1, load_after = -1;
    std::vector<int> read_threads;     // what the read speed was measured with; empty: not at all
    std::vector<double> read_bytes_s;  // one each
    std::int64_t context_start = 0, context_max = 0;
    std::string step;
    std::int64_t prefill_limit = 0;  // 0: all tokens that lead to a frontier
    int generate = 0;
    int repeat = 0;
    bool synthetic = false;
    std::uint64_t anonymous_loaded_bytes = 0;  // with the model open and nothing evaluated
    std::uint64_t peak_bytes = 0;
    std::vector<BenchFrontier> frontiers;

    // The host's best; 0 when it was not measured.
    [[nodiscard]] double host_read_speed() const {
        return read_bytes_s.empty() ? 0
                                    : *std::max_element(read_bytes_s.begin(), read_bytes_s.end());
    }
    // Seconds that reading a token's bytes takes at least, each from where it lies; 0 when that was
    // not measured.
    [[nodiscard]] double floor_seconds(const TokenTraffic& traffic) const;
};

double median(std::vector<double> values);
double percentile(std::vector<double> values, double share);  // nearest rank

Json to_json(const BenchReport& report);
// The lines above the table, with its head; then one line each, then what is known at the end.
std::string bench_head(const BenchReport& report);
std::string bench_line(const BenchReport& report, const BenchFrontier& frontier);
std::string bench_foot(const BenchReport& report);

}  // namespace starglass::cli
