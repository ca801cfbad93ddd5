// SPDX-License-Identifier: MIT
#include "bench_report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "expert_text.h"
#include "placement_text.h"

namespace starglass::cli {
namespace {

double rate(std::uint64_t bytes, double seconds) {
    return seconds > 0 ? static_cast<double>(bytes) / seconds : 0;
}

double sum(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

// "IQ2_XXS/Q2_K", or several with commas.
std::string expert_types(const ModelInfo& model) {
    const std::set<std::string> types(model.expert_types.begin(), model.expert_types.end());
    return fmt::format("{}", fmt::join(types, ", "));
}

std::string_view activations(const BenchReport& report) {
    return report.options.numerics == Numerics::act8 ? "int8" : "f32";
}

std::string_view numerics(const BenchReport& report) {
    return report.options.numerics == Numerics::act8 ? "act8"
           : report.options.numerics == Numerics::fp ? "fp"
                                                     : "cont";
}

Json model_to_json(const ModelInfo& model) {
    return {{"name", model.name},
            {"path", model.path},
            {"builtin", model.builtin},
            {"fingerprint", model.fingerprint},
            {"file_bytes", model.file_bytes},
            {"layers", model.layers},
            {"embedding", model.embedding},
            {"heads", model.heads},
            {"head_width", model.head_width},
            {"vocabulary", model.vocabulary},
            {"experts", model.experts},
            {"experts_used", model.experts_used},
            {"expert_types", expert_types(model)},
            {"routed_bytes", model.routed_bytes},
            {"other_bytes", model.other_bytes},
            {"context_length", model.context_length}};
}

// Per token.
Json profile_to_json(const BenchReport& report, const DeviceProfile& profile) {
    const double tokens = std::max(profile.tokens, 1);
    Json kernels = Json::array();
    for (const DeviceKernel& kernel : profile.kernels) {
        const double read = rate(kernel.read_bytes, kernel.seconds);
        Json share;
        if (report.device_speed && report.device_speed->read_bytes_s > 0)
            share = read / report.device_speed->read_bytes_s;
        kernels.push_back({{"name", kernel.name},
                           {"calls", static_cast<double>(kernel.calls) / tokens},
                           {"seconds", kernel.seconds / tokens},
                           {"read_bytes", static_cast<double>(kernel.read_bytes) / tokens},
                           {"written_bytes", static_cast<double>(kernel.written_bytes) / tokens},
                           {"read_bytes_s", read},
                           {"read_share", std::move(share)}});
    }
    return {{"dispatches", profile.dispatches},
            {"barriers", profile.barriers},
            {"submissions", profile.submissions},
            {"replayed", profile.replayed},
            {"kernels", std::move(kernels)}};
}

std::string profile_text(const BenchReport& report, const BenchFrontier& at) {
    const DeviceProfile& profile = *at.device;
    const double tokens = std::max(profile.tokens, 1);
    double kernel_seconds = 0;
    for (const DeviceKernel& kernel : profile.kernels) kernel_seconds += kernel.seconds;
    std::string text = fmt::format(
        "\na token after {}: {:.0f} kernels, {:.0f} replayed, {:.0f} barriers, {:.1f} submissions; "
        "median {:.3f} ms",
        at.context, profile.dispatches, profile.replayed, profile.barriers, profile.submissions,
        1e3 * median(at.token_seconds));
    if (const double floor = report.floor_seconds(at.traffic); floor > 0)
        text += fmt::format(", at least {:.3f} ms by its bytes ({:.1f} %)", 1e3 * floor,
                            100 * floor / median(at.token_seconds));
    if (profile.kernels.empty()) return text + "; the device has no clock for its kernels\n";
    text += fmt::format("\nkernels by the device's clock, each alone: {:.3f} ms a token\n",
                        1e3 * kernel_seconds / tokens);
    text +=
        fmt::format("{:<28} {:>6} {:>9} {:>8} {:>7} {:>9} {:>9} {:>8} {:>8}\n", "kernel", "calls",
                    "us", "us each", "share", "MB read", "MB writ.", "GB/s", "of read");
    for (const DeviceKernel& kernel : profile.kernels) {
        const double read = rate(kernel.read_bytes, kernel.seconds);
        const std::string share =
            report.device_speed && report.device_speed->read_bytes_s > 0
                ? fmt::format("{:.1f} %", 100 * read / report.device_speed->read_bytes_s)
                : "-";
        text += fmt::format(
            "{:<28} {:>6.0f} {:>9.1f} {:>8.2f} {:>5.1f} % {:>9.3f} {:>9.3f} {:>8.2f} {:>8}\n",
            kernel.name, static_cast<double>(kernel.calls) / tokens, 1e6 * kernel.seconds / tokens,
            1e6 * kernel.seconds / static_cast<double>(std::max<std::int64_t>(kernel.calls, 1)),
            100 * kernel.seconds / std::max(kernel_seconds, 1e-12),
            static_cast<double>(kernel.read_bytes) / 1e6 / tokens,
            static_cast<double>(kernel.written_bytes) / 1e6 / tokens, read / 1e9, share);
    }
    return text;
}

Json frontier_to_json(const BenchReport& report, const BenchFrontier& at) {
    Json prefill;
    if (at.prefill)
        prefill = {{"tokens", at.prefill->tokens},
                   {"seconds_median", median(at.prefill->seconds)},
                   {"tokens_s", at.prefill_tokens_s()}};
    Json share;
    Json floor;
    if (const double seconds = report.floor_seconds(at.traffic); seconds > 0) {
        share = seconds * at.decode_tokens_s();
        floor = seconds;
    }
    Json out{{"context", at.context},
             {"prefill", std::move(prefill)},
             {"decode",
              {{"tokens", at.token_seconds.size()},
               {"tokens_s", at.decode_tokens_s()},
               {"seconds_median", median(at.token_seconds)},
               {"seconds_p95", percentile(at.token_seconds, 0.95)},
               {"seconds_min", percentile(at.token_seconds, 0)}}},
             {"bytes_per_token",
              {{"dense_weights", at.traffic.dense_weights},
               {"routed_weights", at.traffic.routed_weights},
               {"kv", at.traffic.kv},
               {"total", at.traffic.total()}}},
             {"bytes_s", at.bytes_s()},
             {"read_share", std::move(share)},
             {"floor_seconds", std::move(floor)},
             {"state_bytes", at.state_bytes},
             {"anonymous_bytes", at.anonymous_bytes}};
    if (at.device) out["device"] = profile_to_json(report, *at.device);
    if (at.experts)
        out["experts"] = {{"prefill", expert_totals_to_json(at.experts->prefill)},
                          {"decode", expert_totals_to_json(at.experts->decode)},
                          {"read_bytes_s", at.experts->read_bytes_s}};
    return out;
}

// What a decoded token read and waited for.
std::string experts_text(const BenchFrontier& at) {
    const ExpertTotals& decode = at.experts->decode;
    const auto tokens = static_cast<double>(std::max<std::size_t>(at.token_seconds.size(), 1));
    const double bytes = static_cast<double>(decode.read_bytes) / tokens;
    const double seconds = sum(at.token_seconds) / tokens;
    const double stall = decode.stall_seconds / tokens;
    std::string text = fmt::format(
        "{:>8} a token: {:.1f} % hits, {:.1f} misses, {:.1f} MB read, waited {:.1f} of "
        "{:.1f} ms",
        "", 100 * decode.hit_rate(), static_cast<double>(decode.misses) / tokens, bytes / 1e6,
        1e3 * stall, 1e3 * seconds);
    if (at.experts->read_bytes_s <= 0) return text + "\n";
    const double read = bytes / at.experts->read_bytes_s;
    const double least = std::max(read, seconds - stall);
    return text + fmt::format("; reading alone {:.1f} ms at {:.2f} GB/s, {:.2f} x the longer\n",
                              1e3 * read, at.experts->read_bytes_s / 1e9, seconds / least);
}

std::string load_text(double load) {
    return load < 0 ? "unknown" : fmt::format("{:.2f}", load);
}

}  // namespace

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 != 0) return *middle;
    return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double percentile(std::vector<double> values, double share) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const double rank = std::ceil(share * static_cast<double>(values.size()));
    return values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

double BenchFrontier::prefill_tokens_s() const {
    const double seconds = prefill ? median(prefill->seconds) : 0;
    return seconds > 0 ? static_cast<double>(prefill->tokens) / seconds : 0;
}

double BenchFrontier::decode_tokens_s() const {
    const double seconds = sum(token_seconds);
    return seconds > 0 ? static_cast<double>(token_seconds.size()) / seconds : 0;
}

double BenchFrontier::bytes_s() const {
    return static_cast<double>(traffic.total()) * decode_tokens_s();
}

double BenchReport::floor_seconds(const TokenTraffic& traffic) const {
    const auto bytes = static_cast<double>(traffic.total());
    const double host = host_read_speed();
    if (placement.backend != BackendKind::vulkan) return host > 0 ? bytes / host : 0;
    if (!device_speed || device_speed->read_bytes_s <= 0) return 0;
    // Experts that stay on the host are read there.
    const double away =
        1.0 - static_cast<double>(placement.device_expert_layers) / std::max(placement.layers, 1);
    const double there = away * static_cast<double>(traffic.routed_weights);
    if (there > 0 && host <= 0) return 0;
    return (bytes - there) / device_speed->read_bytes_s + (there > 0 ? there / host : 0);
}

Json to_json(const BenchReport& report) {
    Json device;
    if (report.device_speed)
        device = {{"read_bytes_s", report.device_speed->read_bytes_s},
                  {"copy_bytes_s", report.device_speed->copy_bytes_s}};
    Json read = Json::array();
    for (std::size_t i = 0; i < report.read_threads.size(); ++i)
        read.push_back({{"threads", report.read_threads[i]}, {"bytes_s", report.read_bytes_s[i]}});
    Json frontiers = Json::array();
    for (const BenchFrontier& at : report.frontiers)
        frontiers.push_back(frontier_to_json(report, at));
    Json prefill;
    if (report.prefill_limit > 0) prefill = report.prefill_limit;
    return {{"schema", kBenchSchema},
            {"program", "starglass-cli " SG_VERSION " bench"},
            {"date", report.date},
            {"model", model_to_json(report.model)},
            {"engine",
             {{"backend", backend_name(report.options.backend)},
              {"numerics", numerics(report)},
              {"activations", activations(report)},
              {"threads", report.options.threads},
              {"simd_target", report.simd_target},
              {"prefill_chunk", report.prefill_chunk},
              {"placement", placement_to_json(report.placement)}}},
            {"machine",
             {{"cpu", report.machine.cpu},
              {"logical_cores", report.machine.logical_cores},
              {"memory_bytes", report.machine.memory_bytes},
              {"system", report.machine.system},
              {"load_before", report.load_before},
              {"load_after", report.load_after},
              {"read", std::move(read)},
              {"device", std::move(device)}}},
            {"run",
             {{"context_start", report.context_start},
              {"context_max", report.context_max},
              {"step", report.step},
              {"prefill", std::move(prefill)},
              {"generate", report.generate},
              {"repeat", report.repeat},
              {"synthetic", report.synthetic}}},
            {"frontiers", std::move(frontiers)},
            {"memory",
             {{"anonymous_loaded_bytes", report.anonymous_loaded_bytes},
              {"peak_resident_bytes", report.peak_bytes}}}};
}

std::string bench_head(const BenchReport& report) {
    const ModelInfo& model = report.model;
    std::string text = fmt::format("model    {}, {} layers, width {}, {} experts ({} used, {})\n",
                                   printable(model.name), model.layers, model.embedding,
                                   model.experts, model.experts_used, expert_types(model));
    text += fmt::format("machine  {}, {} cores, {}, {}\n", printable(report.machine.cpu),
                        report.machine.logical_cores, size_text(report.machine.memory_bytes),
                        report.machine.system);
    text += fmt::format("run      {}, {} activations, {} threads, {}; {}, load {}\n",
                        backend_name(report.options.backend), activations(report),
                        report.options.threads, report.simd_target, report.date,
                        load_text(report.load_before));
    if (report.placement.considered || report.placement.memory_ceiling > 0 ||
        report.placement.backend == BackendKind::vulkan)
        text += fmt::format("runs on  {}\n", printable(placement_text(report.placement)));
    if (report.device_speed)
        text += fmt::format("device   reads {:.1f} GB/s, copies {:.1f} GB/s\n",
                            report.device_speed->read_bytes_s / 1e9,
                            report.device_speed->copy_bytes_s / 1e9);
    if (!report.read_threads.empty()) {
        text += "memory   reads";
        for (std::size_t i = 0; i < report.read_threads.size(); ++i)
            text += fmt::format("{} {:.1f} GB/s with {} thread{}", i == 0 ? "" : ",",
                                report.read_bytes_s[i] / 1e9, report.read_threads[i],
                                report.read_threads[i] == 1 ? "" : "s");
        text += "\n";
    }
    if (report.synthetic)
        text += "context  synthetic: rows of random codes instead of evaluated tokens\n";
    text += fmt::format("\n{:>8} {:>14} {:>13} {:>10} {:>9} {:>9} {:>7} {:>6} {:>8} {:>9}\n",
                        "context", "prefill tok/s", "decode tok/s", "median ms", "p95 ms",
                        "MB/token", "KV MB", "GB/s", "of read", "state MB");
    return text;
}

std::string bench_line(const BenchReport& report, const BenchFrontier& at) {
    const auto mega = [](std::uint64_t bytes) { return static_cast<double>(bytes) / 1e6; };
    const double share = report.floor_seconds(at.traffic) * at.decode_tokens_s();
    std::string line = fmt::format(
        "{:>8} {:>14} {:>13.2f} {:>10.2f} {:>9.2f} {:>9.1f} {:>7.2f} {:>6.2f} {:>8} {:>9.1f}\n",
        at.context, at.prefill ? fmt::format("{:.2f}", at.prefill_tokens_s()) : "-",
        at.decode_tokens_s(), 1e3 * median(at.token_seconds),
        1e3 * percentile(at.token_seconds, 0.95), mega(at.traffic.total()), mega(at.traffic.kv),
        at.bytes_s() / 1e9, share > 0 ? fmt::format("{:.1f} %", 100 * share) : "-",
        mega(at.state_bytes));
    if (at.experts) line += experts_text(at);
    return line;
}

std::string bench_foot(const BenchReport& report) {
    std::uint64_t most = report.anonymous_loaded_bytes;
    for (const BenchFrontier& at : report.frontiers) most = std::max(most, at.anonymous_bytes);
    std::string text;
    if (!report.frontiers.empty() && report.frontiers.back().device)
        text = profile_text(report, report.frontiers.back());
    return text + fmt::format(
                      "\npeak resident {}; state and scratch {} above the open model; load {} "
                      "afterwards\n",
                      size_text(report.peak_bytes), size_text(most - report.anonymous_loaded_bytes),
                      load_text(report.load_after));
}

}  // namespace starglass::cli
