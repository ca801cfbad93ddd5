// SPDX-License-Identifier: MIT
//
// Runs a model through the facade and compares with the reference engine's recorded values.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "support/npz.h"

namespace starglass::test {

inline std::string golden_path(const std::string& name) {
    return std::string(SG_GOLDEN_DIR) + "/" + name;
}

inline std::string name_of(Numerics numerics) {
    return numerics == Numerics::act8 ? "act8" : numerics == Numerics::fp ? "fp" : "cont";
}
inline std::string name_of(BackendKind backend) {
    return backend == BackendKind::cpu ? "cpu" : "reference";
}

// Relative RMS error of `got` against `want`.
inline double relative_rms(const std::vector<float>& got, const std::vector<float>& want) {
    double error = 0;
    double size = 0;
    for (std::size_t i = 0; i < want.size(); ++i) {
        const double difference = static_cast<double>(got[i]) - want[i];
        error += difference * difference;
        size += static_cast<double>(want[i]) * want[i];
    }
    return size > 0 ? std::sqrt(error / size) : std::sqrt(error);
}

inline std::size_t argmax(const std::vector<float>& values) {
    return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) -
                                    values.begin());
}

inline double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

struct Loaded {
    std::shared_ptr<Engine> engine;
    std::unique_ptr<Session> session;
};

inline Loaded open_model(const std::string& path, BackendKind backend, Numerics numerics,
                         int threads = 0) {
    EngineOptions options;
    options.backend = backend;
    options.numerics = numerics;
    options.threads = threads;
    auto engine = open_engine(path, options, nullptr, CancelToken());
    if (!engine) throw std::runtime_error(engine.error().message);
    auto session = (*engine)->create_session();
    if (!session) throw std::runtime_error(session.error().message);
    return {*engine, std::move(*session)};
}

using LogitRows = std::map<std::int64_t, std::vector<float>>;

inline LogitRows all_logits(Session& session, const std::vector<TokenId>& tokens, int chunk) {
    LogitRows rows;
    SessionListener listener;
    EvaluateOptions options;
    options.chunk = chunk;
    options.all_logits = true;
    const Status status = session.evaluate(
        tokens, options, listener,
        [&](std::int64_t position, std::span<const float> logits) {
            rows[position] = {logits.begin(), logits.end()};
        },
        CancelToken());
    if (!status) throw std::runtime_error(status.error().message);
    return rows;
}

// All intermediates of an evaluation, whole: [positions, ...] per name and layer.
class TraceCollector final : public TraceSink {
public:
    struct Array {
        std::int64_t first = 0;
        std::vector<std::vector<float>> rows;  // by position - first, widths may grow
    };
    void on_array(std::string_view name, int layer, std::int64_t first_position,
                  std::span<const std::int64_t> shape, std::span<const float> values) override {
        Array& array = arrays_[{std::string(name), layer}];
        if (array.rows.empty()) array.first = first_position;
        const auto width = shape[0] == 0 ? 0 : values.size() / static_cast<std::size_t>(shape[0]);
        for (std::int64_t row = 0; row < shape[0]; ++row)
            array.rows.emplace_back(
                values.begin() + row * static_cast<std::ptrdiff_t>(width),
                values.begin() + (row + 1) * static_cast<std::ptrdiff_t>(width));
    }
    [[nodiscard]] const Array& at(const std::string& name, int layer) const {
        return arrays_.at({name, layer});
    }
    [[nodiscard]] bool has(const std::string& name, int layer) const {
        return arrays_.count({name, layer}) != 0;
    }
    // The row of an absolute position; empty when it was not traced.
    [[nodiscard]] std::vector<float> row(const std::string& name, int layer,
                                         std::int64_t position) const {
        const Array& array = at(name, layer);
        const std::int64_t index = position - array.first;
        if (index < 0 || index >= static_cast<std::int64_t>(array.rows.size())) return {};
        return array.rows[static_cast<std::size_t>(index)];
    }

private:
    std::map<std::pair<std::string, int>, Array> arrays_;
};

// Sets of experts against the recorded ones.
struct RouterChoices {
    int compared = 0, differ = 0;
    std::map<std::int64_t, int> flipped;  // position: first layer that chose others
};

inline RouterChoices router_choices(const Npz& golden, const std::string& variant,
                                    const TraceCollector& trace) {
    RouterChoices choices;
    for (int layer = 0; layer < 6; ++layer) {
        const std::string key = variant + ".L" + std::to_string(layer) + ".router_sel";
        if (!golden.has(key)) continue;
        const NpyArray& want = golden.at(key);
        for (std::int64_t row = 0; row < want.rows(); ++row) {
            ++choices.compared;
            std::vector<float> expected = want.row(row);
            std::vector<float> got = trace.row("router_sel", layer, row);
            std::sort(expected.begin(), expected.end());
            std::sort(got.begin(), got.end());
            if (expected == got) continue;
            ++choices.differ;
            choices.flipped.emplace(row, layer);
        }
    }
    return choices;
}

// Relative RMS errors of one recorded intermediate: of each of `positions`, or one in all for what
// a run leaves behind. layer: 6 for the logits, -1 for what is in front of the first.
struct ComparedIntermediate {
    std::string key, name;
    int layer = -1;
    std::vector<double> errors;
};

inline std::vector<ComparedIntermediate> compare_intermediates(
    const Npz& golden, const std::string& variant, const TraceCollector& trace,
    const std::vector<std::int32_t>& positions) {
    std::vector<ComparedIntermediate> result;
    for (const std::string& key : golden.names()) {
        if (!key.starts_with(variant + ".")) continue;
        std::string name = key.substr(variant.size() + 1);
        int layer = name == "logits" ? 6 : -1;
        if (name[0] == 'L') {
            layer = std::stoi(name.substr(1));
            name = name.substr(name.find('.') + 1);
        }
        const int place = name == "logits" ? -1 : layer;
        const NpyArray& want = golden.at(key);
        if (want.values.empty()) continue;  // a cache that holds nothing yet
        if (name == "router_sel" || name == "router_w" || name == "router_margin" ||
            name == "index_pos" || name == "index_scores" || name == "index_selected")
            continue;  // compared elsewhere, or implied by what follows them
        if (!trace.has(name, place)) {
            ADD_FAILURE() << key << " was not traced";
            continue;
        }
        std::vector<double> errors;
        if (name.ends_with("_final")) {
            const auto& rows = trace.at(name, place).rows;
            std::vector<float> got;
            const std::vector<float> expected(want.values.begin(), want.values.end());
            for (const auto& row : rows) got.insert(got.end(), row.begin(), row.end());
            EXPECT_EQ(static_cast<std::int64_t>(rows.size()), want.rows()) << key;
            EXPECT_EQ(got.size(), expected.size()) << key;
            if (got.size() == expected.size()) errors.push_back(relative_rms(got, expected));
        } else {
            for (std::size_t i = 0; i < positions.size(); ++i)
                errors.push_back(relative_rms(trace.row(name, place, positions[i]),
                                              want.row(static_cast<std::int64_t>(i))));
        }
        result.push_back({key, name, layer, std::move(errors)});
    }
    return result;
}

}  // namespace starglass::test
