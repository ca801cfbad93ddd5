// SPDX-License-Identifier: MIT
//
// starglass-cli cache-sim: what a trace of experts would cost under other budgets and policies.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "engine/experts.h"
#include "engine/trace_generator.h"
#include "output.h"
#include "size_value.h"
#include "terminal.h"

namespace starglass::cli {
namespace {

constexpr const char* kOptimum = "optimum";

struct CacheSimOptions {
    std::string trace;
    std::vector<std::string> budgets = {"10%", "20%", "30%", "40%", "50%", "60%", "70%", "80%"};
    std::string policy = "all";
    bool lookahead = true, start_full = false, json = false;
    double compute_ms = 0;
    std::string read_speed;
    std::string generate, out;
    int tokens = 0;
    std::uint64_t seed = 1;
    double prediction = 0;
};

struct Budget {
    std::uint64_t bytes = 0;
    double share = 0;  // of all experts
    std::vector<Simulation> runs;
    double optimum_tokens_s = 0;
    double ahead_tokens_s = 0, not_ahead_tokens_s = 0;  // of the first policy, with predictions
};

struct Prediction {
    std::uint64_t made = 0, needed = 0, right = 0;
    [[nodiscard]] double precision() const {
        return made == 0 ? 0 : static_cast<double>(right) / static_cast<double>(made);
    }
    [[nodiscard]] double recall() const {
        return needed == 0 ? 0 : static_cast<double>(right) / static_cast<double>(needed);
    }
};

std::uint64_t all_bytes(const ExpertTrace& trace) {
    std::uint64_t all = 0;
    for (const std::uint64_t bytes : trace.expert_bytes)
        all += bytes * static_cast<std::uint64_t>(trace.experts);
    return all;
}

// "8GB" or "25%" of all experts.
Result<std::uint64_t> parse_budget(std::string_view text, std::uint64_t all) {
    if (text.ends_with('%')) {
        double percent = 0;
        const char* const end = text.data() + text.size() - 1;
        const auto [at, error] = std::from_chars(text.data(), end, percent);
        if (error == std::errc() && at == end && percent > 0 && percent <= 100)
            return static_cast<std::uint64_t>(static_cast<double>(all) * percent / 100);
    } else if (const auto bytes = parse_size(text)) {
        return static_cast<std::uint64_t>(*bytes);
    }
    return fail(ErrorCode::invalid_input, "a budget is a size like 8GB or a share like 25%, not {}",
                quoted_text(text));
}

Result<double> parse_speed(std::string_view text) {
    if (text.empty()) return 0.0;
    std::string_view size = text;
    if (size.ends_with("/s")) size.remove_suffix(2);
    const auto bytes = parse_size(size);
    if (!bytes || *bytes == 0)
        return fail(ErrorCode::invalid_input, "a speed of reading is a size like 1.1GB/s, not {}",
                    quoted_text(text));
    return static_cast<double>(*bytes);
}

// Layers without a prediction do not count.
Prediction measure_prediction(const ExpertTrace& trace) {
    Prediction out;
    const auto used = static_cast<std::size_t>(trace.used);
    for (const ExpertTrace::Batch& batch : trace.batches) {
        if (batch.rows != 1) continue;
        for (std::size_t at = 0; at < batch.predicted.size(); at += used) {
            const auto chosen = batch.experts.begin() + static_cast<std::ptrdiff_t>(at);
            bool made = false;
            for (std::size_t i = at; i < at + used; ++i) {
                if (batch.predicted[i] < 0) continue;
                made = true;
                ++out.made;
                const auto end = chosen + static_cast<std::ptrdiff_t>(used);
                out.right += std::find(chosen, end, batch.predicted[i]) != end ? 1 : 0;
            }
            out.needed += made ? used : 0;
        }
    }
    return out;
}

double bytes_per_token(const Simulation& run) {
    return run.decoded_tokens == 0
               ? 0
               : static_cast<double>(run.decode.read_bytes) / run.decoded_tokens;
}

Json run_json(const Simulation& run, double optimum) {
    Json out{{"policy", run.policy},
             {"hits", run.decode.hits},
             {"misses", run.decode.misses},
             {"hit_rate", run.decode.hit_rate()},
             {"total_hit_rate", run.totals.hit_rate()},
             {"decoded_tokens", run.decoded_tokens},
             {"read_bytes_per_token", bytes_per_token(run)},
             {"prefill_hits", run.totals.hits - run.decode.hits},
             {"prefill_misses", run.totals.misses - run.decode.misses},
             {"ahead_used", run.totals.ahead_used},
             {"ahead_wasted", run.totals.ahead_wasted},
             {"predicted_tokens_s", nullptr},
             {"share_of_optimum", nullptr}};
    if (run.predicted_tokens_s > 0) out["predicted_tokens_s"] = run.predicted_tokens_s;
    if (optimum > 0) out["share_of_optimum"] = run.predicted_tokens_s / optimum;
    return out;
}

void print_json(const ExpertTrace& trace, const Prediction& prediction,
                const std::vector<Budget>& budgets) {
    Json out;
    out["trace"] = {{"model", trace.model},
                    {"layers", trace.layers},
                    {"experts", trace.experts},
                    {"experts_used", trace.used},
                    {"hash_layers", trace.hash_layers},
                    {"batches", trace.batches.size()},
                    {"tokens", trace.tokens()},
                    {"routed_bytes", all_bytes(trace)}};
    if (prediction.made > 0)
        out["prediction"] = {{"precision", prediction.precision()},
                             {"recall", prediction.recall()}};
    out["budgets"] = Json::array();
    for (const Budget& budget : budgets) {
        Json& item = out["budgets"].emplace_back(
            Json{{"bytes", budget.bytes}, {"share", budget.share}, {"policies", Json::array()}});
        for (const Simulation& run : budget.runs)
            item["policies"].push_back(run_json(run, budget.optimum_tokens_s));
        if (budget.ahead_tokens_s > 0)
            item["lookahead"] = {{"with_tokens_s", budget.ahead_tokens_s},
                                 {"without_tokens_s", budget.not_ahead_tokens_s}};
    }
    write_json(out);
}

void print_table(const ExpertTrace& trace, const Prediction& prediction,
                 const std::vector<Budget>& budgets) {
    write_out(fmt::format("{}: {} layers of {} experts ({}), {} tokens in {} batches\n\n",
                          printable(trace.model.empty() ? "A trace" : trace.model), trace.layers,
                          trace.experts, size_text(all_bytes(trace)), trace.tokens(),
                          trace.batches.size()));
    write_out(fmt::format("{:<17} {:<10} {:>8} {:>13} {:>13} {:>10} {:>11}\n", "budget", "policy",
                          "hit rate", "prompts too", "read a token", "tokens/s", "of optimum"));
    for (const Budget& budget : budgets) {
        std::string name =
            fmt::format("{} ({:.0f} %)", size_text(budget.bytes), budget.share * 100);
        for (const Simulation& run : budget.runs) {
            const double speed = run.predicted_tokens_s;
            write_out(
                fmt::format("{:<17} {:<10} {:>6.1f} % {:>11.1f} % {:>13} {:>10} {:>11}\n",
                            std::exchange(name, ""), run.policy, run.decode.hit_rate() * 100,
                            run.totals.hit_rate() * 100,
                            size_text(static_cast<std::uint64_t>(bytes_per_token(run))),
                            speed > 0 ? fmt::format("{:.{}f}", speed, speed < 100 ? 2 : 0) : "-",
                            speed > 0 && budget.optimum_tokens_s > 0
                                ? fmt::format("{:.1f} %", speed / budget.optimum_tokens_s * 100)
                                : "-"));
        }
    }
    if (prediction.made == 0) return;
    write_out(fmt::format("\nPredictions: {:.1f} % right, {:.1f} % of what was needed.\n",
                          prediction.precision() * 100, prediction.recall() * 100));
    for (const Budget& budget : budgets)
        if (budget.ahead_tokens_s > 0)
            write_out(fmt::format(
                "Reading ahead with {}: {:.2f} instead of {:.2f} tokens/s; it {}.\n",
                size_text(budget.bytes), budget.ahead_tokens_s, budget.not_ahead_tokens_s,
                budget.ahead_tokens_s > budget.not_ahead_tokens_s ? "pays" : "does not pay"));
}

Result<int> generate(const CacheSimOptions& options) {
    TRY(TraceRecipe recipe, trace_recipe(options.generate));
    if (options.tokens > 0) recipe.tokens = options.tokens;
    recipe.seed = options.seed;
    recipe.prediction = options.prediction;
    TRY(ExpertTrace trace, generate_trace(recipe));
    trace.model = fmt::format("{}, seed {}", options.generate, options.seed);
    TRY_STATUS(write_expert_trace(trace, options.out));
    print_note(fmt::format("expert trace of {} tokens written to {}", trace.tokens(),
                           printable(options.out)));
    return kExitOk;
}

Result<int> simulate(const CacheSimOptions& options) {
    CancelToken cancel;
    const InterruptScope interrupts(cancel);
    TRY(const ExpertTrace trace, read_expert_trace(options.trace));
    TRY(const double speed, parse_speed(options.read_speed));
    std::vector<std::string> policies;
    if (options.policy == "all")
        policies.assign(expert_policies().begin(), expert_policies().end());
    else if (options.policy != kOptimum)
        policies.push_back(options.policy);
    policies.emplace_back(kOptimum);

    SimulationOptions with;
    with.compute_seconds = options.compute_ms / 1000;
    with.read_bytes_s = speed;
    with.start_full = options.start_full;
    const Prediction prediction = measure_prediction(trace);
    std::vector<Budget> budgets;
    StatusLine status;
    for (const std::string& text : options.budgets) {
        Budget& budget = budgets.emplace_back();
        TRY(budget.bytes, parse_budget(text, all_bytes(trace)));
        budget.share = static_cast<double>(budget.bytes) /
                       static_cast<double>(std::max<std::uint64_t>(all_bytes(trace), 1));
        with.budget_bytes = budget.bytes;
        for (const std::string& policy : policies) {
            status.show(fmt::format("{} with {}", policy, text));
            with.policy = policy;
            with.lookahead = options.lookahead && policy != kOptimum;
            TRY(Simulation run, simulate_experts(trace, with, cancel));
            if (policy == kOptimum) budget.optimum_tokens_s = run.predicted_tokens_s;
            budget.runs.push_back(std::move(run));
        }
        if (prediction.made == 0) continue;
        with.policy = policies.front() == kOptimum ? "" : policies.front();
        for (const bool ahead : {false, true}) {
            with.lookahead = ahead;
            TRY(const Simulation run, simulate_experts(trace, with, cancel));
            (ahead ? budget.ahead_tokens_s : budget.not_ahead_tokens_s) = run.predicted_tokens_s;
        }
    }
    status.clear();
    if (options.json)
        print_json(trace, prediction, budgets);
    else
        print_table(trace, prediction, budgets);
    return kExitOk;
}

}  // namespace

void add_cache_sim(CLI::App& app, Command& chosen) {
    auto options = std::make_shared<CacheSimOptions>();
    CLI::App* command = app.add_subcommand(
        "cache-sim", "Replay which experts were used under other budgets and policies");
    CLI::Option* trace =
        command->add_option("TRACE", options->trace, "A file of --expert-trace")->type_name("FILE");
    command
        ->add_option("--budget", options->budgets,
                     "Memory for experts: sizes or shares of all experts, separated by commas "
                     "(default: 10% to 80%)")
        ->delimiter(',')
        ->type_name("SIZE|NN%");
    std::vector<std::string> names(expert_policies().begin(), expert_policies().end());
    names.emplace_back(kOptimum);
    names.emplace_back("all");
    command
        ->add_option("--policy", options->policy,
                     fmt::format("{} (knows the future), or all",
                                 fmt::join(names.begin(), names.end() - 1, ", ")))
        ->check(CLI::IsMember(names))
        ->type_name("NAME")
        ->capture_default_str();
    command->add_flag("--lookahead,!--no-lookahead", options->lookahead,
                      "Read ahead what the trace says was predicted, as the run did (default)");
    command->add_flag("--full", options->start_full,
                      "Begin with the first experts of every layer in memory");
    command
        ->add_option("--compute", options->compute_ms,
                     "Milliseconds to compute a token without waiting (default: as recorded)")
        ->check(CLI::Range(1e-6, 1e9))
        ->type_name("MS");
    command
        ->add_option("--read-speed", options->read_speed,
                     "Speed of the disk, 1.1GB/s (default: as recorded)")
        ->type_name("SIZE/s");
    command->add_flag("--json", options->json, "Print one JSON object");
    CLI::Option* generated = command
                                 ->add_option("--generate", options->generate,
                                              fmt::format("Write a made-up trace instead: {}",
                                                          fmt::join(trace_kinds(), ", ")))
                                 ->type_name("KIND")
                                 ->excludes(trace);
    CLI::Option* out =
        command->add_option("--out", options->out, "Where to")->type_name("FILE")->needs(generated);
    generated->needs(out);
    command->add_option("--tokens", options->tokens, "Decoded tokens of a made-up trace")
        ->check(CLI::Range(1, 1 << 20))
        ->needs(generated)
        ->type_name("N");
    command->add_option("--seed", options->seed, "Another seed, another made-up trace")
        ->needs(generated)
        ->type_name("N");
    command
        ->add_option("--prediction", options->prediction,
                     "Probability that an expert is predicted rightly in a made-up trace")
        ->check(CLI::Range(0.0, 1.0))
        ->needs(generated)
        ->type_name("P");
    command->footer(
        "Hits are those that the engine would have; tokens/s are predicted from the time a token "
        "takes to compute and the speed of the disk.\nExamples:\n"
        "  starglass-cli run -p \"What is a hit rate?\" --expert-trace guide.trace\n"
        "  starglass-cli cache-sim guide.trace --budget 25%,50% --read-speed 1.1GB/s");
    command->callback([&chosen, options, trace] {
        if (trace->count() == 0 && options->generate.empty())
            throw CLI::RequiredError("TRACE or --generate");
        chosen = [options] {
            return options->generate.empty() ? simulate(*options) : generate(*options);
        };
    });
}

}  // namespace starglass::cli
