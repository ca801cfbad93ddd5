// SPDX-License-Identifier: MIT
//
// starglass-cli plan: what a model would keep in memory and how fast it would be, before it is
// opened.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.h"
#include "engine/memory_plan.h"
#include "model_options.h"
#include "output.h"
#include "placement_text.h"
#include "terminal.h"

namespace starglass::cli {
namespace {

struct PlanOptions {
    ModelOptions model;
    std::vector<std::string> ceilings;
    std::string trace;
    bool json = false;
};

std::string rate_text(double bytes_s) {
    return bytes_s > 0 ? fmt::format("{:.2f} GB/s", bytes_s / 1e9) : "-";
}

std::string tokens_text(double tokens_s) {
    return fmt::format("{:.{}f}", tokens_s, tokens_s < 9.95 ? 2 : tokens_s < 99.5 ? 1 : 0);
}

// A range that says one figure when both ends look alike.
std::string range(const std::string& low, const std::string& high) {
    return low == high ? low : low + " to " + high;
}

std::string_view source_name(DecodeForecast::Source source) {
    switch (source) {
        case DecodeForecast::Source::none:
            return "none";
        case DecodeForecast::Source::made_up:
            return "made_up";
        case DecodeForecast::Source::learned:
            return "learned";
        case DecodeForecast::Source::trace:
            break;
    }
    return "trace";
}

std::string ceiling_text(const MemoryReport& report) {
    const MemoryPlan& plan = report.plan;
    if (plan.mapped) return plan.automatic ? "auto: mapped" : "mapped";
    return fmt::format("{}{}", plan.automatic ? "auto: " : "", size_text(plan.ceiling));
}

std::uint64_t sum_of(const MemoryPlan& plan) {
    std::uint64_t sum = 0;
    for (const MemoryPlan::Part& part : plan.parts) sum += part.bytes;
    return sum;
}

// The disk is measured by the first ceiling that needs it.
PlanSpeeds speeds_of(const std::vector<MemoryReport>& reports) {
    for (const MemoryReport& report : reports)
        if (report.speeds.disk > 0) return report.speeds;
    return reports.front().speeds;
}

// --- JSON --------------------------------------------------------------------------------------

Json end_json(const DecodeForecast::End& end) {
    return {{"hit_rate", end.hit_rate},
            {"compute_seconds", end.compute_seconds},
            {"read_seconds", end.read_seconds},
            {"tokens_s", end.tokens_s}};
}

// Zero where nothing was measured.
Json speed_json(double bytes_s) {
    return bytes_s > 0 ? Json(bytes_s) : Json(nullptr);
}

Json plan_json(const MemoryReport& report) {
    const MemoryPlan& plan = report.plan;
    Json parts = Json::array();
    for (const MemoryPlan::Part& part : plan.parts)
        parts.push_back({{"name", part.name}, {"bytes", part.bytes}});
    Json out{{"works", report.problem.empty()},
             {"problem", report.problem.empty() ? Json(nullptr) : Json(report.problem)},
             {"ceiling_bytes", plan.ceiling > 0 ? Json(plan.ceiling) : Json(nullptr)},
             {"automatic", plan.automatic},
             {"mapped", plan.mapped},
             {"available_bytes", plan.available_bytes},
             {"least_ceiling_bytes", plan.least_ceiling},
             {"parts", std::move(parts)},
             {"parts_bytes", sum_of(plan)},
             {"expert_bytes", plan.expert_budget},
             {"experts",
              {{"device", plan.device_experts},
               {"host", plan.host_experts},
               {"disk", plan.disk_experts}}},
             {"prefill_chunk", plan.prefill_chunk},
             {"placement", placement_to_json(report.placement)}};
    if (!report.problem.empty()) return out;
    out["decode"] = {{"label", "predicted"},
                     {"high_hit_rate_from", source_name(report.decode.source)},
                     {"low", end_json(report.decode.low)},
                     {"high", end_json(report.decode.high)},
                     {"reasons", report.decode.reasons}};
    return out;
}

Json to_json(const std::vector<MemoryReport>& reports) {
    const MemoryReport& first = reports.front();
    const PlanSpeeds speeds = speeds_of(reports);
    Json plans = Json::array();
    for (const MemoryReport& report : reports) plans.push_back(plan_json(report));
    return {{"schema", 1},
            {"model",
             {{"name", first.model},
              {"path", first.path},
              {"file_bytes", first.file_bytes},
              {"layers", first.layers},
              {"experts", first.experts},
              {"experts_used", first.experts_used}}},
            {"context_tokens", first.context_tokens},
            {"threads", first.threads},
            {"token_bytes",
             {{"dense_weights", first.dense_bytes},
              {"routed_weights", first.routed_bytes},
              {"kv", first.kv_bytes}}},
            {"speeds",
             {{"label", "measured"},
              {"memory_bytes_s", speed_json(speeds.memory)},
              {"device_bytes_s", speed_json(speeds.device)},
              {"disk_bytes_s", speed_json(speeds.disk)},
              {"disk_reads", speeds.reads.empty() ? Json(nullptr) : Json(speeds.reads)}}},
            {"plans", std::move(plans)}};
}

// --- text --------------------------------------------------------------------------------------

constexpr std::size_t kLabelWidth = 38;

// A row of the table: a label and a cell for each ceiling, right-aligned.
class Table {
public:
    explicit Table(const std::vector<MemoryReport>& reports) : reports_(reports) {}

    template <class Cell>
    void row(std::string_view label, Cell&& cell) {
        std::vector<std::string> cells;
        for (const MemoryReport& report : reports_) {
            cells.push_back(cell(report));
            width_ = std::max(width_, cells.back().size());
        }
        lines_.push_back({std::string(label), std::move(cells)});
    }
    void gap() { lines_.push_back({}); }
    void write() const {
        for (const auto& [label, cells] : lines_) {
            std::string line = fmt::format("{:<{}}", label, kLabelWidth);
            for (const std::string& cell : cells) line += fmt::format("  {:>{}}", cell, width_);
            line.erase(line.find_last_not_of(' ') + 1);
            write_out(line + "\n");
        }
    }

private:
    struct Line {
        std::string label;
        std::vector<std::string> cells;
    };
    const std::vector<MemoryReport>& reports_;
    std::vector<Line> lines_;
    std::size_t width_ = 0;
};

void write_text(const std::vector<MemoryReport>& reports) {
    const MemoryReport& first = reports.front();
    const PlanSpeeds speeds = speeds_of(reports);
    const auto line = [](std::string_view label, const std::string& value) {
        write_out(fmt::format("{:<12}{}\n", label, printable(value)));
    };
    line("model", first.model);
    line("file", fmt::format("{}, {}", first.path, size_text(first.file_bytes)));
    line("experts", fmt::format("{} in each of {} layers, {} used", first.experts, first.layers,
                                first.experts_used));
    std::string runs = first.placement.backend == BackendKind::vulkan
                           ? fmt::format("{}, experts of {} of {} layers", first.placement.device,
                                         first.placement.device_expert_layers, first.layers)
                           : fmt::format("{}, {} thread{}", backend_name(first.placement.backend),
                                         first.threads, first.threads == 1 ? "" : "s");
    if (!first.placement.reason.empty()) runs += fmt::format(" ({})", first.placement.reason);
    line("runs on", runs);
    line("context", fmt::format("{} tokens", first.context_tokens));
    line("available", size_text(first.plan.available_bytes) + " of memory (measured)");
    line("speeds",
         fmt::format(
             "memory {}{}{} (measured)", rate_text(speeds.memory),
             speeds.device > 0 ? fmt::format(", the device's {}", rate_text(speeds.device)) : "",
             speeds.disk > 0 ? fmt::format(", disk {} ({})", rate_text(speeds.disk), speeds.reads)
                             : ""));
    write_out("\n");

    Table table(reports);
    table.row("ceiling", ceiling_text);
    std::vector<std::string> names;
    for (const MemoryReport& report : reports) {
        if (!report.problem.empty()) continue;
        for (const MemoryPlan::Part& part : report.plan.parts) {
            if (std::find(names.begin(), names.end(), part.name) != names.end()) continue;
            // Experts stand last whatever else there is.
            const bool experts = part.name.starts_with("routed");
            const auto at = std::find_if(names.begin(), names.end(), [](const auto& other) {
                return other.starts_with("routed");
            });
            names.insert(experts ? names.end() : at, part.name);
        }
    }
    for (const std::string& name : names)
        table.row("  " + name, [&](const MemoryReport& report) -> std::string {
            for (const MemoryPlan::Part& part : report.plan.parts)
                if (part.name == name && report.problem.empty()) return size_text(part.bytes);
            return "-";
        });
    const auto working = [](auto&& cell) {
        return [cell](const MemoryReport& report) -> std::string {
            return report.problem.empty() ? cell(report) : "-";
        };
    };
    table.row("  sum", working([](const MemoryReport& r) { return size_text(sum_of(r.plan)); }));
    table.row("the least ceiling that works",
              [](const MemoryReport& report) { return size_text(report.plan.least_ceiling); });
    table.gap();
    const auto count = [&](int MemoryPlan::*field) {
        return working([field](const MemoryReport& r) { return fmt::format("{}", r.plan.*field); });
    };
    if (first.placement.backend == BackendKind::vulkan)
        table.row("experts on the device", count(&MemoryPlan::device_experts));
    table.row("experts in memory", count(&MemoryPlan::host_experts));
    table.row("experts on disk only", count(&MemoryPlan::disk_experts));
    table.row("tokens of a prompt at once", count(&MemoryPlan::prefill_chunk));
    table.gap();
    table.row("hit rate (predicted)", working([](const MemoryReport& r) {
                  return range(fmt::format("{:.0f} %", 100 * r.decode.low.hit_rate),
                               fmt::format("{:.0f} %", 100 * r.decode.high.hit_rate));
              }));
    table.row("tokens/s written (predicted)", working([](const MemoryReport& r) {
                  return range(tokens_text(r.decode.low.tokens_s),
                               tokens_text(r.decode.high.tokens_s));
              }));
    table.write();
    for (const MemoryReport& report : reports) {
        const bool several = reports.size() > 1;
        if (report.problem.empty()) {
            write_out(several ? fmt::format("\nWhy, for {}:\n", ceiling_text(report)) : "\nWhy:\n");
            for (const std::string& reason : report.decode.reasons)
                write_out("  " + printable(reason) + "\n");
        } else if (several) {
            write_out(fmt::format("\n{} does not work:\n  {}.\n", ceiling_text(report),
                                  printable(report.problem)));
        }
    }
}

Result<int> plan(const PlanOptions& options) {
    CancelToken cancel;
    const InterruptScope interrupts(cancel);
    std::optional<ExpertTrace> trace;
    if (!options.trace.empty()) {
        TRY(trace, read_expert_trace(options.trace));
    }
    PlanRequest request;
    request.engine = engine_options(options.model);
    if (trace) request.trace = &*trace;
    StatusLine status;
    status.show("measuring");
    std::vector<std::int64_t> ceilings;
    for (const std::string& ceiling : options.ceilings) ceilings.push_back(memory_bytes(ceiling));
    if (ceilings.empty()) ceilings.push_back(kMemoryAutomatic);
    TRY(const std::vector<MemoryReport> reports,
        plan_model(options.model.path, request, ceilings, cancel));
    status.clear();
    if (options.json)
        write_json(to_json(reports));
    else
        write_text(reports);
    const bool works = std::any_of(reports.begin(), reports.end(),
                                   [](const auto& report) { return report.problem.empty(); });
    if (!works) return fail(ErrorCode::out_of_memory, "{}", reports.front().problem);
    return kExitOk;
}

}  // namespace

void add_plan(CLI::App& app, Command& chosen) {
    auto options = std::make_shared<PlanOptions>();
    CLI::App* command = app.add_subcommand(
        "plan", "Show what a model would keep in memory and how fast it would be");
    command->add_option("FILE", options->model.path, "A GGUF file")->required();
    add_engine_options(*command, options->model);
    add_memory_options(*command, options->ceilings);
    add_context_option(*command, options->model);
    command
        ->add_option("--trace", options->trace,
                     "Predict the hit rate by replaying this recording of --expert-trace")
        ->type_name("FILE");
    command->add_flag("--json", options->json, "Print JSON (docs/streaming.md)");
    command->footer(
        "Nothing is loaded: the file's metadata is read, memory and disk are measured for about "
        "half a second.\n"
        "Examples:\n  starglass-cli plan model.gguf --memory 12GB\n"
        "  starglass-cli plan model.gguf --memory 8GB,16GB,32GB,mapped --context 100000\n"
        "  starglass-cli plan model.gguf --memory 16GB --trace mine.trace --json");
    command->callback([&chosen, options] { chosen = [options] { return plan(*options); }; });
}

}  // namespace starglass::cli
