// SPDX-License-Identifier: MIT
//
// starglass-cli trace: what the layers computed for given tokens, as named arrays.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "commands.h"
#include "evaluation_options.h"
#include "npz_writer.h"
#include "output.h"
#include "terminal.h"

namespace starglass::cli {
namespace {

struct TraceOptions {
    EvaluationOptions evaluation;
    std::string out;
    std::vector<std::string> names;
    bool list = false;
};

// What a zip file can hold; more would be collected in vain.
constexpr std::uint64_t kCollectedBytesMax = 0xFFF00000ULL;

// One array, growing along its first axis while chunks arrive.
struct Array {
    std::vector<std::int64_t> shape;
    std::vector<float> values;
    bool flags = false;  // 0 or 1: a row that is too short is completed with zeros
};

std::uint64_t elements(std::span<const std::int64_t> shape) {
    std::uint64_t count = 1;
    for (const std::int64_t size : shape) count *= static_cast<std::uint64_t>(size);
    return count;
}

class Collector final : public TraceSink {
public:
    Collector(std::vector<std::string> names, bool keep_values, CancelToken& cancel)
        : names_(std::move(names)), keep_values_(keep_values), cancel_(cancel) {}

    void on_array(std::string_view name, int layer, std::int64_t first_position,
                  std::span<const std::int64_t> shape, std::span<const float> values) override {
        if (!status || shape.empty()) return;
        const std::string key = layer < 0 ? std::string(name) : fmt::format("L{}.{}", layer, name);
        if (!wanted(name, key)) return;
        Array& array = arrays[key];
        array.flags = name == "index_selected";
        // Final caches have rows of their own; everywhere else row p belongs to position p.
        const std::int64_t first = name.ends_with("_final") ? 0 : first_position;
        std::vector<std::int64_t> grown(shape.begin(), shape.end());
        grown[0] = first + shape[0];
        for (std::size_t axis = 0; axis < grown.size() && axis < array.shape.size(); ++axis)
            grown[axis] = std::max(grown[axis], array.shape[axis]);
        if (!array.shape.empty() && array.shape.size() != grown.size()) {
            status = fail(ErrorCode::internal, "array {} changes its number of axes", key);
            return cancel_.cancel();
        }
        if (!keep_values_) {
            array.shape = std::move(grown);
            return;
        }
        bytes_ += (elements(grown) - array.values.size()) * sizeof(float);
        if (bytes_ > kCollectedBytesMax) {
            status = fail(ErrorCode::invalid_input,
                          "the arrays are larger than 4 GiB; choose some with --names");
            return cancel_.cancel();
        }
        resize(array, std::move(grown));
        copy(array, first, shape, values);
    }

    std::map<std::string, Array> arrays;
    Status status;

private:
    bool wanted(std::string_view name, std::string_view key) const {
        return names_.empty() || std::any_of(names_.begin(), names_.end(), [&](const auto& wish) {
                   return wish == name || wish == key;
               });
    }

    // Index arrays get longer rows with every chunk, and begin only when there is something to
    // choose from: what was never computed is NaN.
    static void resize(Array& array, std::vector<std::int64_t> shape) {
        constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
        if (!array.shape.empty() &&
            !std::equal(shape.begin() + 1, shape.end(), array.shape.begin() + 1)) {
            Array wider{shape, std::vector<float>(elements(shape), kMissing), array.flags};
            copy(wider, 0, array.shape, array.values);
            if (array.flags) complete_rows(wider, array.shape);
            array = std::move(wider);
            return;
        }
        array.values.resize(elements(shape), kMissing);
        array.shape = std::move(shape);
    }

    // Puts `values` of `shape` into `to`, its first row at row `first`.
    static void copy(Array& to, std::int64_t first, std::span<const std::int64_t> shape,
                     std::span<const float> values) {
        const std::uint64_t row_from = elements(shape.subspan(1));
        const std::uint64_t row_to = elements(std::span(to.shape).subspan(1));
        if (row_from == row_to) {
            std::copy(values.begin(), values.end(),
                      to.values.begin() + static_cast<std::ptrdiff_t>(first * row_to));
            return;
        }
        // Only arrays of two axes ever change their width.
        for (std::int64_t row = 0; row < shape[0]; ++row)
            std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(row * row_from), row_from,
                        to.values.begin() + static_cast<std::ptrdiff_t>((first + row) * row_to));
    }

    static void complete_rows(Array& wider, std::span<const std::int64_t> narrow) {
        for (std::int64_t row = 0; row < narrow[0]; ++row) {
            const auto begin = wider.values.begin() + row * wider.shape[1];
            if (!std::isnan(*begin)) std::fill(begin + narrow[1], begin + wider.shape[1], 0.0F);
        }
    }

    std::vector<std::string> names_;
    bool keep_values_;
    CancelToken& cancel_;
    std::uint64_t bytes_ = 0;
};

Status write_arrays(const std::string& path, const Collector& collector) {
    NpzWriter writer;
    TRY_STATUS(writer.open(path));
    for (const auto& [key, array] : collector.arrays)
        TRY_STATUS(writer.add(key, array.shape, std::span<const float>(array.values)));
    return writer.finish();
}

Result<int> trace(const TraceOptions& options) {
    CancelToken cancel;
    const InterruptScope interrupts(cancel);
    Collector collector(options.names, !options.list, cancel);
    std::int64_t logit_rows = 0;
    const LogitsConsumer logits = [&](std::int64_t, std::span<const float> row) {
        const std::int64_t shape[] = {1, static_cast<std::int64_t>(row.size())};
        collector.on_array("logits", -1, logit_rows++, shape, row);
    };
    const Status evaluated = evaluate_tokens(options.evaluation, &collector, logits, cancel);
    TRY_STATUS(collector.status);
    TRY_STATUS(evaluated);
    if (collector.arrays.empty())
        return fail(ErrorCode::not_found,
                    "no array has a name given with --names; --list shows the names");
    if (options.list) {
        for (const auto& [key, array] : collector.arrays)
            write_out(fmt::format("{:<28} {}\n", key, fmt::join(array.shape, " x ")));
        return kExitOk;
    }
    TRY_STATUS(write_arrays(options.out, collector));
    return kExitOk;
}

}  // namespace

void add_trace(CLI::App& app, Command& chosen) {
    auto options = std::make_shared<TraceOptions>();
    CLI::App* command = app.add_subcommand("trace", "Write what the layers computed");
    add_evaluation_options(*command, options->evaluation);
    CLI::Option* out =
        command->add_option("--out", options->out, "An .npz file")->type_name("FILE");
    command
        ->add_option("--names", options->names,
                     "Only these arrays: NAME for every layer or L2.NAME, separated by commas")
        ->delimiter(',')
        ->type_name("LIST");
    command->add_flag("--list", options->list, "Print names and shapes instead")->excludes(out);
    command->footer(
        "Arrays are f32 with one row per position; NaN marks what was not computed. They are held "
        "in memory until the end.\nExample:\n"
        "  starglass-cli trace -m model.gguf --tokens-file ids.txt --names q,kv,L2.index_scores "
        "--out trace.npz");
    command->callback([&chosen, options, out] {
        if (!options->list && out->count() == 0) throw CLI::RequiredError("--out or --list");
        chosen = [options] { return trace(*options); };
    });
}

}  // namespace starglass::cli
