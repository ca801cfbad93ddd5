// SPDX-License-Identifier: MIT
//
// What a model would need and how fast it would decode, without loading it. The sum of the
// forecast, a token at a time:
//
//   other    weights of every token and rows of the context, over the speed of the memory they are
//            in: nothing is read from disk meanwhile, except where reading ahead is on
//   experts  the chosen ones, over the speed of memory, while those that are missing
//   read     come from disk: misses times the size of an expert, over the speed of the disk
//
//   seconds  other + max(experts, read), or max(other + experts, read) where the next layer's
//            experts are read ahead: with Lookahead::automatic that is the high end's hope
#include <algorithm>
#include <cmath>

#include "base/async_reader.h"
#include "base/thread_pool.h"
#include "cpu/machine_speed.h"
#include "engine/memory_plan.h"
#include "engine/trace_generator.h"
#include "experts/hot_list.h"
#include "model/decode_bytes.h"
#include "model/forward.h"
#include "session/disk_speed.h"
#include "session/engine_impl.h"
#include "session/expert_layout.h"
#include "session/memory_plan.h"
#include "session/placement.h"

namespace starglass {
namespace {

constexpr std::int64_t kMemoryProbe = std::int64_t{128} << 20;
// Who asks a model something has more in memory than who plans for it.
constexpr std::int64_t kAsking = std::int64_t{2} << 20;
// Kernels reach between this and all of what memory gives (docs/bench.md).
constexpr double kLowOfMemory = 0.5;
constexpr std::int64_t kShortContext = 128;
// Below this a token's time is mostly not reading.
constexpr double kSmallToken = 200e6;
// Tokens of the made-up trace: for more the rate no longer changes by a point.
constexpr int kMadeUpTokens = 512;

std::string gb(double bytes) {
    return bytes < 1e9 ? fmt::format("{:.0f} MB", bytes / 1e6)
                       : fmt::format("{:.{}f} GB", bytes / 1e9, bytes < 100e9 ? 1 : 0);
}

std::string gb_s(double bytes_s) {
    return bytes_s < 10e9 ? fmt::format("{:.2f} GB/s", bytes_s / 1e9)
                          : fmt::format("{:.0f} GB/s", bytes_s / 1e9);
}

std::string seconds_text(double seconds) {
    return seconds < 1 ? fmt::format("{:.{}f} ms", seconds * 1e3, seconds < 0.01 ? 1 : 0)
                       : fmt::format("{:.1f} s", seconds);
}

// "3412" as "3,412".
std::string count_text(std::int64_t count) {
    const std::string text = std::to_string(count);
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i > 0 && (text.size() - i) % 3 == 0) out += ',';
        out += text[i];
    }
    return out;
}

// What the forecast stands on, apart from the plan.
struct Ground {
    const EngineImpl::Parts& parts;
    const MemoryReport& report;
    std::vector<std::uint64_t> slots;  // [layers] bytes of one expert in memory; 0: on a device
    std::string hot_list;              // path; empty: none
    const ExpertTrace* trace = nullptr;
};

struct HitRate {
    double rate = 0;
    DecodeForecast::Source source = DecodeForecast::Source::none;
};

Result<double> simulated(const Ground& ground, ExpertTrace trace, std::uint64_t budget,
                         const CancelToken& cancel) {
    trace.expert_bytes = ground.slots;
    SimulationOptions options;
    options.policy = ground.parts.options.expert_policy;
    options.budget_bytes = budget;
    options.start_full = true;
    TRY(const Simulation simulation, simulate_experts(trace, options, cancel));
    return simulation.decoded_tokens > 0 ? simulation.decode.hit_rate()
                                         : simulation.totals.hit_rate();
}

// Of keeping the experts that were used most.
double learned_rate(const Ground& ground, std::span<const float> shares, std::uint64_t budget) {
    const auto experts = static_cast<std::size_t>(ground.parts.shape.experts);
    double all = 0, kept = 0;
    for (std::size_t i = 0; i < shares.size(); ++i)
        if (ground.slots[i / experts] > 0) all += shares[i];
    std::uint64_t bytes = 0;
    for (const ExpertId id : hottest_first(shares)) {
        const std::uint64_t slot = ground.slots[static_cast<std::size_t>(id) / experts];
        if (slot == 0) continue;
        bytes += slot;
        if (bytes > budget) break;
        kept += shares[static_cast<std::size_t>(id)];
    }
    return all > 0 ? kept / all : 0;
}

Result<HitRate> high_rate(const Ground& ground, const CancelToken& cancel) {
    using Source = DecodeForecast::Source;
    const ModelShape& shape = ground.parts.shape;
    const std::uint64_t budget = ground.report.plan.expert_budget;
    if (ground.trace != nullptr) {
        TRY(const double rate, simulated(ground, *ground.trace, budget, cancel));
        return HitRate{rate, Source::trace};
    }
    if (!ground.hot_list.empty()) {
        const auto shares =
            read_hot_list(FileSystem::disk(), ground.hot_list, shape.layers, shape.experts);
        if (shares) return HitRate{learned_rate(ground, *shares, budget), Source::learned};
    }
    TRY(TraceRecipe recipe, trace_recipe("locality"));
    recipe.layers = shape.layers;
    recipe.experts = shape.experts;
    recipe.used = shape.experts_used;
    recipe.hash_layers = shape.hash_layers;
    recipe.vocabulary = shape.vocabulary;
    recipe.tokens = kMadeUpTokens;
    TRY(ExpertTrace trace, generate_trace(recipe));
    TRY(const double rate, simulated(ground, std::move(trace), budget, cancel));
    return HitRate{rate, Source::made_up};
}

std::string source_text(DecodeForecast::Source source) {
    switch (source) {
        case DecodeForecast::Source::trace:
            return "by replaying the trace given";
        case DecodeForecast::Source::learned:
            return "if the experts that your own use needed most are kept";
        case DecodeForecast::Source::made_up:
            return "with the locality of the made-up trace (docs/streaming.md)";
        case DecodeForecast::Source::none:
            break;
    }
    return "";
}

class Forecaster {
public:
    Forecaster(const Ground& ground, DecodeForecast& out) : g_(ground), out_(out) {
        const std::vector<LayerStateShape> state = layer_state_shapes(
            g_.parts.shape,
            g_.parts.options.numerics == Numerics::cont ? Rounding::none : Rounding::model);
        const std::int64_t full = std::max<std::int64_t>(g_.report.context_tokens - 1, 0);
        full_ = decode_bytes(g_.parts.shape, g_.parts.weights, state, full);
        short_ =
            decode_bytes(g_.parts.shape, g_.parts.weights, state, std::min(full, kShortContext));
    }

    [[nodiscard]] const DecodeBytes& full() const { return full_; }
    // Whether the disk's speed matters.
    [[nodiscard]] bool reads() const { return even_rate() < 1; }

    Status run(const CancelToken& cancel) {
        const MemoryPlan& plan = g_.report.plan;
        const PlanSpeeds& speeds = g_.report.speeds;
        const bool device = g_.report.placement.backend == BackendKind::vulkan;
        const int all = g_.report.layers * g_.report.experts;
        device_share_ = all == 0 ? 0 : static_cast<double>(plan.device_experts) / all;
        double token_bytes = 0;  // of streamed experts
        for (const std::uint64_t slot : g_.slots)
            token_bytes += static_cast<double>(slot) * g_.report.experts_used;
        const double even = even_rate();
        HitRate high{1, DecodeForecast::Source::none};
        if (even < 1) {
            if (plan.mapped) {
                // The system's choice of pages; no better is promised than an even one.
                high = {even, DecodeForecast::Source::none};
            } else {
                TRY(high, high_rate(g_, cancel));
                high.rate = std::max(high.rate, even);
            }
        }
        out_.source = high.source;
        const Lookahead ahead = g_.parts.options.expert_lookahead;
        out_.low = end(full_, kLowOfMemory, even, token_bytes, ahead == Lookahead::on);
        out_.high = end(short_, 1, high.rate, token_bytes, ahead != Lookahead::off);
        explain(device, speeds, token_bytes, even, high);
        return {};
    }

private:
    // The share of a token's streamed experts that is in memory if all are as likely.
    [[nodiscard]] double even_rate() const {
        const MemoryPlan& plan = g_.report.plan;
        double streamed = 0;
        for (const std::uint64_t slot : g_.slots)
            streamed += static_cast<double>(slot) * g_.report.experts;
        if (streamed == 0) return 1;
        double kept = static_cast<double>(plan.expert_budget);
        if (plan.mapped) {
            // What the system has left for pages of the file.
            kept = static_cast<double>(plan.available_bytes);
            for (const MemoryPlan::Part& part : plan.parts)
                if (&part != &plan.parts.back() && &part != &plan.parts.front())
                    kept -= static_cast<double>(part.bytes);
        }
        return std::clamp(kept / streamed, 0.0, 1.0);
    }

    [[nodiscard]] DecodeForecast::End end(const DecodeBytes& bytes, double of_memory, double rate,
                                          double token_bytes, bool ahead) const {
        const PlanSpeeds& speeds = g_.report.speeds;
        const bool device = g_.report.placement.backend == BackendKind::vulkan;
        const double host = speeds.memory * of_memory;
        const double everywhere = device ? speeds.device * of_memory : host;
        const auto routed = static_cast<double>(bytes.routed);
        const double other =
            (static_cast<double>(bytes.dense + bytes.kv) + device_share_ * routed) / everywhere;
        const double experts = (1 - device_share_) * routed / host;
        DecodeForecast::End out;
        out.hit_rate = rate;
        out.compute_seconds = other + experts;
        out.read_seconds = rate < 1 ? (1 - rate) * token_bytes / speeds.disk : 0;
        const double seconds = ahead ? std::max(other + experts, out.read_seconds)
                                     : other + std::max(experts, out.read_seconds);
        out.tokens_s = 1 / seconds;
        return out;
    }

    void explain(bool device, const PlanSpeeds& speeds, double token_bytes, double even,
                 const HitRate& high) {
        const MemoryPlan& plan = g_.report.plan;
        const DecodeForecast::End& low = out_.low;
        const auto say = [&](std::string sentence) { out_.reasons.push_back(std::move(sentence)); };
        const double bytes = static_cast<double>(full_.dense + full_.routed + full_.kv);
        std::string memory = fmt::format("memory gives {} (measured)", gb_s(speeds.memory));
        if (device)
            memory = fmt::format("the device's memory gives {} and the host's {} (both measured)",
                                 gb_s(speeds.device), gb_s(speeds.memory));
        say(fmt::format(
            "A token needs {}, of it {} of experts; {}, of which kernels reach half or "
            "more: {} to {} to compute (predicted).",
            gb(bytes), gb(static_cast<double>(full_.routed)), memory,
            seconds_text(out_.high.compute_seconds), seconds_text(low.compute_seconds)));
        if (bytes < kSmallToken)
            say("The model is so small that a token's time is mostly not reading; it will be "
                "slower than this.");
        if (even >= 1) {
            say(plan.mapped ? "Everything fits into memory, so nothing is read from disk once it "
                              "has been used."
                            : "All experts fit under the ceiling, so each is read once and stays.");
            return;
        }
        if (plan.mapped) {
            say(
                fmt::format("The file is larger than what is free, and which of its pages stay is "
                            "the system's choice: {:.0f} % of a token's experts are found in "
                            "memory if all are as likely (predicted).",
                            100 * even));
        } else {
            const int all = g_.report.layers * g_.report.experts - plan.device_experts;
            say(fmt::format(
                "{} of {} experts fit into memory, so {:.0f} % of what a token needs is there if "
                "all are as likely (low end), and {:.0f} % {} (high end, predicted).",
                count_text(plan.host_experts), count_text(all), 100 * even, 100 * high.rate,
                source_text(high.source)));
        }
        say(fmt::format(
            "The rest, {} to {} a token, is read at {} (measured for a moment, {}; a "
            "disk that reads for long may be slower): {} to {}.",
            gb((1 - high.rate) * token_bytes), gb((1 - even) * token_bytes), gb_s(speeds.disk),
            speeds.reads, seconds_text(out_.high.read_seconds), seconds_text(low.read_seconds)));
        const Lookahead ahead = g_.parts.options.expert_lookahead;
        const std::string_view overlap =
            ahead == Lookahead::on ? "Reading runs beside computing"
            : ahead == Lookahead::off
                ? "Reading runs beside computing a layer's other experts"
                : "Reading runs beside computing a layer's other experts (low end), and beside all "
                  "computing where reading ahead pays (high end)";
        if (low.read_seconds > low.compute_seconds)
            say(fmt::format("{}; the disk is what takes longest.", overlap));
        else
            say(fmt::format("{}; computing is what takes longest.", overlap));
    }

    const Ground& g_;
    DecodeForecast& out_;
    DecodeBytes full_, short_;
    double device_share_ = 0;
};

Status check_trace(const ExpertTrace& trace, const ModelShape& shape) {
    if (trace.layers == shape.layers && trace.experts == shape.experts &&
        trace.used == shape.experts_used)
        return {};
    return fail(ErrorCode::invalid_input,
                "the trace is of a model with {} layers of {} experts, {} used, and this one has "
                "{} of {}, {} used",
                trace.layers, trace.experts, trace.used, shape.layers, shape.experts,
                shape.experts_used);
}

int threads_of(const EngineOptions& options) {
    if (options.backend == BackendKind::reference) return 1;
    return options.threads > 0 ? options.threads : ThreadPool::default_threads();
}

struct Process {
    AvailableMemory available;
    std::int64_t bytes = 0;  // without the model
};

// `given` is PlanRequest::process_bytes, `before` what was there before the file was mapped.
Result<Process> look_at_process(std::int64_t given, const ResidentMemory& before) {
    Process process;
    TRY(process.available, available_memory());
    TRY(const ResidentMemory now, resident_memory());
    // As it is counted when the model is opened: pages of the file itself will go.
    process.bytes = now.anonymous + now.shared + before.file + kAsking;
    if (given <= 0) return process;
    // A model that is open makes room for the next one.
    const std::int64_t grown = now.anonymous - before.anonymous + now.shared - before.shared;
    process.available.bytes += std::max<std::int64_t>(0, process.bytes - grown - given);
    process.bytes = given + std::max<std::int64_t>(0, grown) + kAsking;
    return process;
}

// One model and machine, looked at once, for any number of ceilings.
class Planner {
public:
    Planner(const MappedFile& file, const PlanRequest& request, const EngineImpl::Parts& parts)
        : file_(file), request_(request), parts_(parts) {}

    Status look(const std::string& path, const ResidentMemory& before, const CancelToken& cancel) {
        const EngineOptions& options = parts_.options;
        const ModelShape& shape = parts_.shape;
        base_.model = parts_.info.name;
        base_.path = path;
        base_.file_bytes = file_.bytes().size();
        base_.layers = shape.layers;
        base_.experts = shape.experts;
        base_.experts_used = shape.experts_used;
        base_.context_tokens = options.context_tokens;
        base_.threads = threads_of(options);
        base_.speeds = request_.speeds;
        TRY(process_, look_at_process(request_.process_bytes, before));
        if (base_.speeds.memory <= 0) {
            const int cores = ThreadPool::default_threads();
            TRY(const std::vector<double> speed,
                measure_read_speed(std::span(&cores, 1), kMemoryProbe, cancel));
            base_.speeds.memory = speed.front();
        }
        const double kv_bytes = static_cast<double>(parts_.info.kv_bytes_per_1k_tokens) / 1000.0 *
                                static_cast<double>(options.context_tokens);
        TRY(placed_,
            forecast_placement(shape, parts_.weights, static_cast<std::int64_t>(kv_bytes), options,
                               {base_.speeds.device, base_.speeds.memory}, cancel));
        base_.placement = placed_.summary;
        base_.speeds.device = placed_.speeds.device;
        if (on_device()) {
            // Drivers take memory of the host's too.
            TRY(process_, look_at_process(request_.process_bytes, before));
        }
        TRY(const ReadFile direct, ReadFile::open(path));
        alignment_ = direct.alignment();
        layouts_ = expert_layouts(parts_.weights, file_.bytes().data());
        return {};
    }

    Result<MemoryReport> plan(std::int64_t ceiling, const CancelToken& cancel) {
        MemoryReport report = base_;
        TRY_STATUS(place(ceiling, report));
        Ground ground{parts_, report, slots(), {}, request_.trace};
        if (!parts_.options.expert_folder.empty())
            ground.hot_list =
                fmt::format("{}/{}.experts", parts_.options.expert_folder, parts_.info.fingerprint);
        Forecaster forecaster(ground, report.decode);
        report.dense_bytes = static_cast<std::uint64_t>(forecaster.full().dense);
        report.routed_bytes = static_cast<std::uint64_t>(forecaster.full().routed);
        report.kv_bytes = static_cast<std::uint64_t>(forecaster.full().kv);
        if (!report.problem.empty()) return report;
        if (forecaster.reads() && report.speeds.disk <= 0) {
            TRY(const DiskSpeed speed,
                measure_disk_speed(report.path, layouts_, report.experts, report.experts_used,
                                   parts_.options.expert_reads, cancel));
            base_.speeds.disk = report.speeds.disk = speed.bytes_s;
            base_.speeds.reads = report.speeds.reads = speed.how;
        }
        TRY_STATUS(forecaster.run(cancel));
        return report;
    }

private:
    [[nodiscard]] bool on_device() const { return placed_.summary.backend == BackendKind::vulkan; }

    [[nodiscard]] std::vector<std::uint64_t> slots() const {
        std::vector<std::uint64_t> slots;
        for (const ExpertLayout& layer : layouts_)
            slots.push_back(static_cast<int>(slots.size()) < placed_.summary.device_expert_layers
                                ? 0
                                : ExpertStore::slot_bytes(layer, alignment_));
        return slots;
    }

    Status place(std::int64_t ceiling, MemoryReport& report) const {
        const EngineOptions& options = parts_.options;
        MemoryPlanInput input = memory_plan_input(
            parts_, file_.bytes(), alignment_, placed_.summary, placed_.prefill_chunk,
            {process_.available, process_.bytes, report.threads});
        input.memory_bytes = ceiling;
        auto plan = plan_memory(input);
        if (plan) {
            report.plan = std::move(*plan);
            return {};
        }
        if (plan.error().code != ErrorCode::out_of_memory)
            return tl::unexpected<Error>(plan.error());
        const bool asked = ceiling > 0 || options.expert_bytes > 0;
        if (asked) report.problem = plan.error().message;
        // Where nobody asked for a ceiling the file is mapped, whatever is free.
        input.memory_bytes = kMemoryMapped;
        input.expert_bytes = 0;
        TRY(report.plan, plan_memory(input));
        if (!asked) {
            report.plan.automatic = true;
            return {};
        }
        input.memory_bytes = static_cast<std::int64_t>(report.plan.least_ceiling);
        TRY(report.plan, plan_memory(input));
        report.plan.ceiling = static_cast<std::uint64_t>(std::max<std::int64_t>(ceiling, 0));
        report.plan.automatic = ceiling == kMemoryAutomatic;
        return {};
    }

    const MappedFile& file_;
    const PlanRequest& request_;
    const EngineImpl::Parts& parts_;
    MemoryReport base_;
    Process process_;
    PlacementForecast placed_;
    std::int64_t alignment_ = 4096;
    std::vector<ExpertLayout> layouts_;
};

Result<std::vector<MemoryReport>> plan_bytes(const MappedFile& file, const std::string& path,
                                             const PlanRequest& request,
                                             std::span<const std::int64_t> ceilings,
                                             const ResidentMemory& before,
                                             const CancelToken& cancel) {
    TRY(const EngineImpl::Parts parts, EngineImpl::read(file.bytes(), request.engine, {}, cancel));
    if (request.trace != nullptr) TRY_STATUS(check_trace(*request.trace, parts.shape));
    Planner planner(file, request, parts);
    TRY_STATUS(planner.look(path, before, cancel));
    std::vector<MemoryReport> reports;
    for (const std::int64_t ceiling : ceilings) {
        TRY(MemoryReport report, planner.plan(ceiling, cancel));
        reports.push_back(std::move(report));
    }
    return reports;
}

}  // namespace

Result<std::vector<MemoryReport>> plan_model(const std::string& path, const PlanRequest& request,
                                             std::span<const std::int64_t> ceilings,
                                             const CancelToken& cancel) {
    TRY(const ResidentMemory before, resident_memory());
    TRY(MappedFile file, MappedFile::open(path));
    file.expect_random();
    auto reports = plan_bytes(file, path, request, ceilings, before, cancel);
    if (!reports && reports.error().code != ErrorCode::cancelled)
        return fail(reports.error().code, "cannot plan for '{}': {}", path,
                    reports.error().message);
    return reports;
}

Result<MemoryReport> plan_model(const std::string& path, const PlanRequest& request,
                                const CancelToken& cancel) {
    TRY(std::vector<MemoryReport> reports,
        plan_model(path, request, std::span(&request.engine.memory_bytes, 1), cancel));
    return std::move(reports.front());
}

std::int64_t process_memory() {
    const auto now = resident_memory();
    return now ? now->bytes : 0;
}

}  // namespace starglass
