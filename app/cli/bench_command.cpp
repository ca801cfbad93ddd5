// SPDX-License-Identifier: MIT
//
// starglass-cli bench: how fast prompts are read and tokens written after so many tokens.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "bench_plan.h"
#include "bench_report.h"
#include "commands.h"
#include "model_options.h"
#include "output.h"
#include "terminal.h"

namespace starglass::cli {
namespace {

constexpr std::int64_t kContextMax = std::int64_t{1} << 23;  // half of what an engine takes
constexpr std::int64_t kFrontierDefault = 512;
constexpr std::uint64_t kSeed = 1;

struct BenchOptions {
    ModelOptions model;
    std::string file;
    std::int64_t context_start = 64;
    std::int64_t context_max = 0;  // 0: kFrontierDefault, or context_start beyond it
    std::string step = "x2";
    std::int64_t prefill = 0;  // 0: all
    int generate = 32;
    int repeat = 1;
    bool synthetic = false;
    bool no_read_speed = false;
    bool json = false;
};

// Measures one frontier after the other; the probe stands at the last one in between.
class Bench {
public:
    // `experts`: null where nothing is read from the file.
    Bench(const BenchOptions& options, SpeedProbe& probe, bool on_device,
          const ExpertMemory* experts, const CancelToken& cancel)
        : options_(options),
          probe_(probe),
          on_device_(on_device),
          experts_(experts),
          cancel_(cancel) {}

    Result<BenchFrontier> at(std::int64_t context) {
        BenchFrontier result;
        result.context = context;
        const std::int64_t from = options_.synthetic ? 0 : probe_.position();
        // A synthetic context has a prefill only when one is asked for.
        const std::int64_t asked = options_.prefill > 0 ? options_.prefill
                                   : options_.synthetic ? 0
                                                        : context;
        const std::int64_t timed = std::min(asked, context - from);
        TRY_STATUS(reach(context - timed));
        const ExpertTotals before = totals();
        if (timed > 0) {
            TRY(result.prefill, prefill(context, timed));
        }
        const ExpertTotals between = totals();
        ExpertTotals decoding;
        TRY_STATUS(decode(context, result.token_seconds, decoding));
        if (experts_ != nullptr) {
            BenchExperts& use = result.experts.emplace();
            use.prefill = between - before;
            use.decode = totals() - decoding;
            use.read_bytes_s = experts_->snapshot().read_bytes_s;
        }
        if (on_device_) {
            status_.show(fmt::format("context {}, kernels of a token", context));
            TRY(result.device, probe_.profile_decode(std::min(options_.generate, 4), cancel_));
        }
        result.traffic = probe_.traffic(context + options_.generate / 2);
        result.state_bytes = probe_.state_bytes();
        result.anonymous_bytes = process_memory().anonymous_bytes;
        status_.clear();
        return result;
    }

private:
    Status reach(std::int64_t position) {
        if (options_.synthetic) {
            status_.show(fmt::format("filling a context of {} tokens", position));
            return probe_.synthesise(position, kSeed, cancel_);
        }
        if (position == probe_.position()) return {};
        const auto seconds =
            probe_.prefill(position - probe_.position(), progress(position, "on the way"), cancel_);
        if (!seconds) return tl::unexpected<Error>(seconds.error());
        return {};
    }

    Result<BenchPrefill> prefill(std::int64_t context, std::int64_t tokens) {
        BenchPrefill result;
        result.tokens = tokens;
        if (options_.repeat > 1) probe_.mark();
        for (int repeat = 0; repeat < options_.repeat; ++repeat) {
            if (repeat > 0) probe_.back();
            TRY(const double seconds,
                probe_.prefill(tokens, progress(context, "prefill"), cancel_));
            result.seconds.push_back(seconds);
        }
        return result;
    }

    [[nodiscard]] ExpertTotals totals() const {
        return experts_ != nullptr ? experts_->snapshot().totals : ExpertTotals();
    }

    // `before`: what had been read when the first token that counts began.
    Status decode(std::int64_t context, std::vector<double>& seconds, ExpertTotals& before) {
        // One token that does not count: scratch grows and pages of the file are mapped.
        std::vector<double> first;
        TRY_STATUS(probe_.decode(1, first, nullptr, cancel_));
        before = totals();
        for (int repeat = 0; repeat < options_.repeat; ++repeat)
            TRY_STATUS(
                probe_.decode(options_.generate, seconds, progress(context, "decode"), cancel_));
        return {};
    }

    SpeedProbe::Progress progress(std::int64_t context, const char* what) {
        return [this, context, what](std::int64_t done, std::int64_t total) {
            status_.show(
                fmt::format("context {}, {}: {} of {} tokens", context, what, done, total));
        };
    }

    const BenchOptions& options_;
    SpeedProbe& probe_;
    bool on_device_;
    const ExpertMemory* experts_;
    const CancelToken& cancel_;
    StatusLine status_;
};

Status check_against_model(const BenchOptions& options, std::int64_t context_max,
                           const ModelInfo& model) {
    if (model.context_length > 0 && context_max > model.context_length)
        return fail(ErrorCode::invalid_input,
                    "--ctx-max {} is beyond this model's context of {} tokens", context_max,
                    model.context_length);
    if (options.prefill > options.context_start)
        return fail(ErrorCode::invalid_input,
                    "--prefill {} is more than the {} tokens in front of the first frontier; raise "
                    "--ctx-start",
                    options.prefill, options.context_start);
    return {};
}

Status measure_memory(BenchReport& report, const CancelToken& cancel) {
    StatusLine status;
    status.show("measuring the memory's speed");
    report.read_threads = {1};
    if (report.options.threads > 1) report.read_threads.push_back(report.options.threads);
    TRY(report.read_bytes_s, memory_read_speed(report.read_threads, cancel));
    return {};
}

Result<int> bench(const BenchOptions& options) {
    CancelToken cancel;
    const InterruptScope interrupts(cancel);
    BenchReport report;
    report.context_start = options.context_start;
    report.context_max = options.context_max > 0
                             ? options.context_max
                             : std::max(options.context_start, kFrontierDefault);
    TRY(const BenchStep step, BenchStep::parse(options.step));
    TRY(const std::vector<std::int64_t> frontiers,
        bench_frontiers(report.context_start, report.context_max, step));

    ModelOptions model = options.model;
    if (!options.file.empty()) model.path = options.file;
    model.context_tokens = report.context_max + options.generate;
    TRY(const std::shared_ptr<Engine> engine, open_model(model, cancel));
    TRY_STATUS(check_against_model(options, report.context_max, engine->info()));
    TRY(const std::unique_ptr<SpeedProbe> probe, create_speed_probe(engine));
    report.model = engine->info();
    report.options = engine->options();
    report.placement = engine->placement();
    const bool on_device = report.placement.backend == BackendKind::vulkan;
    report.simd_target =
        report.options.backend == BackendKind::reference ? "scalar" : simd_target_text();
    report.prefill_chunk = probe->chunk_tokens();
    report.machine = machine_info();
    report.date = utc_time();
    report.load_before = load_average();
    report.step = options.step;
    report.prefill_limit = options.prefill;
    report.generate = options.generate;
    report.repeat = options.repeat;
    report.synthetic = options.synthetic;
    if (!options.no_read_speed && on_device) {
        TRY(report.device_speed, probe->device_speed());
    }
    // The host's memory counts where something is read from it.
    if (!options.no_read_speed && (!on_device || report.placement.host_bytes > 0))
        TRY_STATUS(measure_memory(report, cancel));
    reset_peak_memory();
    report.anonymous_loaded_bytes = process_memory().anonymous_bytes;

    if (!options.json) {
        write_out(bench_head(report));
        flush_out();
    }
    Bench run(options, *probe, on_device, engine->expert_memory(), cancel);
    for (const std::int64_t context : frontiers) {
        TRY(BenchFrontier frontier, run.at(context));
        if (!options.json) {
            write_out(bench_line(report, frontier));
            flush_out();
        }
        report.frontiers.push_back(std::move(frontier));
    }
    report.load_after = load_average();
    report.peak_bytes = process_memory().peak_bytes;
    if (options.json)
        write_json(to_json(report));
    else
        write_out(bench_foot(report));
    return kExitOk;
}

}  // namespace

void add_bench(CLI::App& app, Command& chosen) {
    auto options = std::make_shared<BenchOptions>();
    CLI::App* command =
        app.add_subcommand("bench", "Measure prefill and decode at several lengths of context");
    add_model_options(*command, options->model);
    command->add_option("FILE", options->file, "A GGUF file")
        ->excludes(command->get_option("--builtin"))
        ->excludes(command->get_option("--model"));
    const CLI::Range tokens(std::int64_t{1}, kContextMax);
    command->add_option("--ctx-start", options->context_start, "Tokens of the first frontier")
        ->check(tokens)
        ->type_name("N")
        ->capture_default_str();
    command
        ->add_option("--ctx-max", options->context_max,
                     "Tokens of the last frontier (default 512, or --ctx-start beyond that)")
        ->check(tokens)
        ->type_name("N");
    command
        ->add_option("--step", options->step, "From one frontier to the next: tokens, or a factor")
        ->type_name("N|xF")
        ->capture_default_str();
    command->add_option("--gen", options->generate, "Tokens to decode at each frontier")
        ->check(CLI::Range(1, 1 << 20))
        ->type_name("N")
        ->capture_default_str();
    command
        ->add_option("--prefill", options->prefill,
                     "Time only the last N tokens in front of a frontier, not all since the one "
                     "before")
        ->check(tokens)
        ->type_name("N");
    command
        ->add_option("--repeat", options->repeat,
                     "Measure everything N times: median of prefill, all tokens of decode")
        ->check(CLI::Range(1, 1000))
        ->type_name("N")
        ->capture_default_str();
    command->add_flag("--synthetic-context", options->synthetic,
                      "Fill the memory of the context with random rows instead of evaluating it; "
                      "prefill is measured only with --prefill");
    command->add_flag("--no-read-speed", options->no_read_speed,
                      "Do not measure how fast the machine reads memory");
    command->add_flag("--json", options->json, "Print one JSON object (docs/bench.md)");
    options->model.backend = "auto";
    add_engine_options(*command, options->model);
    command->footer(
        "The tokens are made up and the state is restored after each decode. MB and GB are powers "
        "of ten.\n"
        "Examples:\n  starglass-cli bench\n"
        "  starglass-cli bench model.gguf --ctx-start 64 --ctx-max 512 --gen 16 --threads 2\n"
        "  starglass-cli bench model.gguf --ctx-start 4096 --ctx-max 1048576 --step x16 "
        "--synthetic-context --json");
    command->callback([&chosen, options] { chosen = [options] { return bench(*options); }; });
}

}  // namespace starglass::cli
