// SPDX-License-Identifier: MIT
#include "engine/trace_generator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

namespace starglass {
namespace {

constexpr std::array<std::string_view, 3> kKinds = {"zipf", "locality", "chat"};

// Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014.
class SplitMix {
public:
    explicit SplitMix(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31);
    }
    // Below `end`; the tiny unevenness of a remainder does not matter here.
    std::uint64_t below(std::uint64_t end) { return next() % end; }
    bool chance(double probability) {
        return static_cast<double>(next() >> 11) * 0x1p-53 < probability;
    }

private:
    std::uint64_t state_;
};

// Weights are rounded to integers: the last bit of pow() is not the same everywhere.
class Zipf {
public:
    Zipf(int count, double exponent) {
        std::uint64_t sum = 0;
        for (int rank = 1; rank <= count; ++rank) {
            sum += 1 + static_cast<std::uint64_t>(std::llround(0x1p30 * std::pow(rank, -exponent)));
            sums_.push_back(sum);
        }
    }
    int draw(SplitMix& random) const {
        const std::uint64_t at = random.below(sums_.back());
        return static_cast<int>(std::upper_bound(sums_.begin(), sums_.end(), at) - sums_.begin());
    }

private:
    std::vector<std::uint64_t> sums_;
};

using Order = std::vector<std::int16_t>;

class Generator {
public:
    explicit Generator(const TraceRecipe& recipe)
        : recipe_(recipe),
          random_(recipe.seed),
          expert_ranks_(recipe.experts, recipe.exponent),
          token_ranks_(recipe.vocabulary, 1.0),
          general_(static_cast<std::size_t>(recipe.layers)),
          topics_(static_cast<std::size_t>(recipe.topics)),
          recent_(static_cast<std::size_t>(recipe.layers)) {
        for (Order& order : general_) order = shuffled();
        for (auto& topic : topics_)
            for (int layer = 0; layer < recipe.layers; ++layer) topic.push_back(shuffled());
    }

    ExpertTrace run() {
        ExpertTrace trace;
        trace.layers = recipe_.layers;
        trace.experts = recipe_.experts;
        trace.used = recipe_.used;
        trace.hash_layers = recipe_.hash_layers;
        trace.expert_bytes.assign(static_cast<std::size_t>(recipe_.layers), recipe_.expert_bytes);
        trace.compute_seconds = recipe_.compute_seconds;
        trace.prefill_seconds = recipe_.prefill_seconds;
        trace.read_bytes_s = recipe_.read_bytes_s;
        std::int64_t position = 0;
        for (int token = 0; token < recipe_.tokens; ++token) {
            if (token % recipe_.topic_tokens == 0) {
                topic_ = static_cast<std::size_t>(random_.below(topics_.size()));
                for (int left = recipe_.prompt_tokens; left > 0; left -= recipe_.chunk)
                    add(trace, position, std::min(left, recipe_.chunk));
            }
            add(trace, position, 1);
        }
        return trace;
    }

private:
    Order shuffled() {
        Order order(static_cast<std::size_t>(recipe_.experts));
        std::iota(order.begin(), order.end(), std::int16_t{0});
        for (std::size_t i = order.size(); i > 1; --i)
            std::swap(order[i - 1], order[random_.below(i)]);
        return order;
    }

    void add(ExpertTrace& trace, std::int64_t& position, int rows) {
        ExpertTrace::Batch batch;
        batch.position = position;
        batch.rows = rows;
        const auto used = static_cast<std::size_t>(recipe_.used);
        const std::size_t layer_size = static_cast<std::size_t>(rows) * used;
        batch.experts.resize(static_cast<std::size_t>(recipe_.layers) * layer_size);
        for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
            const std::uint64_t token = draw_token();
            for (int layer = 0; layer < recipe_.layers; ++layer) {
                std::int16_t* to = batch.experts.data() +
                                   static_cast<std::size_t>(layer) * layer_size + row * used;
                choose(layer, token, to);
            }
        }
        if (rows == 1 && recipe_.prediction > 0) predict(batch);
        position += rows;
        trace.batches.push_back(std::move(batch));
    }

    std::uint64_t draw_token() {
        std::uint64_t token = 0;
        if (!tokens_.empty() && random_.chance(recipe_.reuse))
            token = tokens_[random_.below(tokens_.size())];
        else
            token = static_cast<std::uint64_t>(token_ranks_.draw(random_));
        keep(tokens_, token, static_cast<std::size_t>(recipe_.memory));
        return token;
    }

    template <class T>
    static void keep(std::vector<T>& recent, T value, std::size_t count) {
        recent.push_back(value);
        if (recent.size() > count) recent.erase(recent.begin());
    }

    void choose(int layer, std::uint64_t token, std::int16_t* to) {
        const auto l = static_cast<std::size_t>(layer);
        const auto used = static_cast<std::size_t>(recipe_.used);
        SplitMix of_token(recipe_.seed ^ (token * 64 + l + 1) * 0xD1342543DE82EF95U);
        std::vector<std::int16_t>& recent = recent_[l];
        for (std::size_t i = 0; i < used;) {
            std::int16_t expert = 0;
            if (layer < recipe_.hash_layers)
                expert = static_cast<std::int16_t>(
                    of_token.below(static_cast<std::uint64_t>(recipe_.experts)));
            else if (!recent.empty() && random_.chance(recipe_.reuse))
                expert = recent[random_.below(recent.size())];
            else {
                const Order& order =
                    random_.chance(recipe_.topic_share) ? topics_[topic_][l] : general_[l];
                expert = order[static_cast<std::size_t>(expert_ranks_.draw(random_))];
            }
            if (std::find(to, to + i, expert) == to + i) to[i++] = expert;
        }
        for (std::size_t i = 0; i < used; ++i)
            keep(recent, to[i], static_cast<std::size_t>(recipe_.memory) * used);
    }

    void predict(ExpertTrace::Batch& batch) {
        const auto used = static_cast<std::size_t>(recipe_.used);
        batch.predicted.assign(batch.experts.size(), -1);
        for (std::size_t layer = static_cast<std::size_t>(std::max(recipe_.hash_layers, 1));
             layer < static_cast<std::size_t>(recipe_.layers); ++layer)
            for (std::size_t i = layer * used; i < (layer + 1) * used; ++i)
                batch.predicted[i] = random_.chance(recipe_.prediction)
                                         ? batch.experts[i]
                                         : static_cast<std::int16_t>(random_.below(
                                               static_cast<std::uint64_t>(recipe_.experts)));
    }

    const TraceRecipe& recipe_;
    SplitMix random_;
    Zipf expert_ranks_, token_ranks_;
    std::vector<Order> general_;                     // [layers]
    std::vector<std::vector<Order>> topics_;         // [topics][layers]
    std::vector<std::vector<std::int16_t>> recent_;  // [layers]
    std::vector<std::uint64_t> tokens_;
    std::size_t topic_ = 0;
};

}  // namespace

std::span<const std::string_view> trace_kinds() {
    return kKinds;
}

Result<TraceRecipe> trace_recipe(std::string_view kind) {
    TraceRecipe recipe;
    if (kind == "zipf") return recipe;
    recipe.reuse = 0.35;
    recipe.topic_share = 0.5;
    if (kind == "locality") return recipe;
    recipe.prompt_tokens = 192;
    if (kind == "chat") return recipe;
    return fail(ErrorCode::invalid_input, "there is no kind of trace '{}'; there are {}", kind,
                fmt::join(kKinds, ", "));
}

Result<ExpertTrace> generate_trace(const TraceRecipe& recipe) {
    // Rejection ends only when there is something else to draw.
    const bool possible = recipe.layers > 0 && recipe.layers <= 4096 && recipe.used > 0 &&
                          recipe.experts >= recipe.used && recipe.experts <= 32767 &&
                          recipe.hash_layers >= 0 && recipe.hash_layers <= recipe.layers &&
                          recipe.vocabulary > 0 && recipe.tokens >= 0 && recipe.memory > 0 &&
                          recipe.reuse >= 0 && recipe.reuse < 1 && recipe.topics > 0 &&
                          recipe.topic_tokens > 0 && recipe.prompt_tokens >= 0 && recipe.chunk > 0;
    if (!possible) return fail(ErrorCode::invalid_input, "no trace can be made from these numbers");
    return Generator(recipe).run();
}

}  // namespace starglass
