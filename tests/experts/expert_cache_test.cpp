// SPDX-License-Identifier: MIT
#include "experts/expert_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <set>

#include "engine/experts.h"

namespace starglass {
namespace {

using Config = ExpertCache::Config;
using Wave = ExpertCache::Wave;

std::unique_ptr<ExpertPolicy> policy_for(const Config& config, std::string_view name = "lru") {
    return make_expert_policy(name, {config.layers, config.experts, config.used});
}

ExpertCache cache_of(const Config& config, std::string_view policy = "lru") {
    return {config, policy_for(config, policy)};
}

std::vector<ExpertId> ids(const Wave& wave) {
    std::vector<ExpertId> out;
    for (const auto& entry : wave.entries) out.push_back(entry.id);
    return out;
}

// One layer of one token, its waves given back at once.
std::vector<Wave> run_layer(ExpertCache& cache, int layer,
                            const std::vector<std::int32_t>& experts) {
    const std::vector<std::int32_t> rows(experts.size(), 1);
    cache.begin_layer(layer, experts, rows);
    std::vector<Wave> waves(1);
    while (cache.next_wave(layer, waves.back())) {
        cache.give_back(waves.back());
        waves.emplace_back();
    }
    waves.pop_back();
    return waves;
}

TEST(ExpertCache, HandsOutWhatIsInMemoryFirst) {
    ExpertCache cache = cache_of({1, 8, 3, {10}, 60});
    cache.begin_batch(1);
    auto waves = run_layer(cache, 0, {2, 4, 6});
    ASSERT_EQ(waves.size(), 1U);
    EXPECT_EQ(ids(waves[0]), (std::vector<ExpertId>{2, 4, 6}));
    EXPECT_FALSE(waves[0].entries[0].hit);

    cache.begin_batch(1);
    waves = run_layer(cache, 0, {1, 4, 6});
    ASSERT_EQ(waves.size(), 2U);
    EXPECT_EQ(ids(waves[0]), (std::vector<ExpertId>{4, 6}));
    EXPECT_TRUE(waves[0].entries[0].hit);
    EXPECT_EQ(ids(waves[1]), (std::vector<ExpertId>{1}));
    EXPECT_TRUE(waves[1].removed.empty());
    EXPECT_EQ(cache.counts().hits, 2U);
    EXPECT_EQ(cache.counts().misses, 4U);
}

TEST(ExpertCache, GivesUpWhatItsPolicyNames) {
    ExpertCache cache = cache_of({2, 4, 1, {10, 10}, 30});
    cache.begin_batch(1);
    run_layer(cache, 0, {0});
    run_layer(cache, 1, {1});
    cache.begin_batch(1);
    run_layer(cache, 0, {2});
    run_layer(cache, 1, {1});
    cache.begin_batch(1);
    const auto waves = run_layer(cache, 0, {3});  // 0 of layer 0 is the oldest
    EXPECT_EQ(waves[0].removed, (std::vector<ExpertId>{0}));
    EXPECT_TRUE(cache.resident(2));
    EXPECT_TRUE(cache.resident(4 + 1));
    EXPECT_EQ(cache.resident_bytes(), 30U);
}

TEST(ExpertCache, SplitsAPromptIntoHalvesOfTheBudget) {
    const Config config{1, 16, 2, {10}, 60};
    ExpertCache cache = cache_of(config);
    cache.begin_batch(8);
    std::vector<std::int32_t> experts(16), rows(16, 1);
    for (int i = 0; i < 16; ++i) experts[static_cast<std::size_t>(i)] = i;
    cache.begin_layer(0, experts, rows);
    Wave first, second, third;
    ASSERT_TRUE(cache.next_wave(0, first));
    ASSERT_TRUE(cache.next_wave(0, second));
    EXPECT_EQ(ids(first), (std::vector<ExpertId>{0, 1, 2}));
    EXPECT_EQ(ids(second), (std::vector<ExpertId>{3, 4, 5}));
    cache.give_back(first);
    ASSERT_TRUE(cache.next_wave(0, third));
    EXPECT_EQ(third.removed, (std::vector<ExpertId>{0, 1, 2}));  // never what is out
    cache.give_back(second);
    cache.give_back(third);
}

TEST(ExpertCache, ReadsNoMoreMissesAtOnceThanItSays) {
    ExpertCache cache = cache_of({1, 256, 6, {1}, 1000});
    std::vector<std::int32_t> experts(256), rows(256, 3);
    for (int i = 0; i < 256; ++i) experts[static_cast<std::size_t>(i)] = i;
    cache.begin_batch(512);
    cache.begin_layer(0, experts, rows);
    Wave wave;
    ASSERT_TRUE(cache.next_wave(0, wave));
    EXPECT_EQ(wave.entries.size(), static_cast<std::size_t>(ExpertCache::kMissesInWave));
    EXPECT_EQ(wave.entries[0].rows, 3);
    cache.give_back(wave);
}

TEST(ExpertCache, ReadingAheadCountsWhenItIsUsed) {
    ExpertCache cache = cache_of({2, 8, 2, {10, 10}, 60});
    cache.begin_batch(1);
    std::vector<ExpertId> come, removed;
    cache.read_ahead(1, std::vector<std::int32_t>{5, 7}, come, removed);
    EXPECT_EQ(come, (std::vector<ExpertId>{13, 15}));
    EXPECT_TRUE(removed.empty());
    run_layer(cache, 0, {0, 1});
    const auto waves = run_layer(cache, 1, {4, 5});
    ASSERT_EQ(waves.size(), 2U);
    EXPECT_TRUE(waves[0].entries[0].ahead);
    EXPECT_EQ(cache.counts().hits, 1U);
    EXPECT_EQ(cache.counts().ahead_used, 1U);
    EXPECT_EQ(cache.counts().ahead_wasted, 0U);
    // Enough others push out the one that was read in vain.
    for (const int token : {0, 1, 2}) {
        cache.begin_batch(1);
        run_layer(cache, 0, {2 * token, 2 * token + 1});
    }
    EXPECT_FALSE(cache.resident(15));
    EXPECT_EQ(cache.counts().ahead_wasted, 1U);
}

TEST(ExpertCache, ReadingAheadSparesWhatIsOutAndWhatIsPredicted) {
    ExpertCache cache = cache_of({2, 8, 2, {10, 10}, 40});
    cache.begin_batch(1);
    const std::vector<std::int32_t> rows(2, 1);
    cache.begin_layer(0, std::vector<std::int32_t>{0, 1}, rows);
    Wave wave;
    ASSERT_TRUE(cache.next_wave(0, wave));
    std::vector<ExpertId> come, removed;
    cache.read_ahead(1, std::vector<std::int32_t>{2, 3, 4}, come, removed);
    EXPECT_EQ(come, (std::vector<ExpertId>{10, 11}));
    EXPECT_TRUE(removed.empty());
    cache.give_back(wave);
    EXPECT_LE(cache.resident_bytes(), 40U);
}

TEST(ExpertCache, ForgetsWhatCouldNotBeRead) {
    ExpertCache cache = cache_of({1, 8, 2, {10}, 40});
    cache.begin_batch(1);
    cache.begin_layer(0, std::vector<std::int32_t>{1, 2}, std::vector<std::int32_t>{1, 1});
    Wave wave;
    ASSERT_TRUE(cache.next_wave(0, wave));
    cache.drop(1);
    EXPECT_FALSE(cache.resident(1));
    EXPECT_EQ(cache.resident_bytes(), 10U);
    cache.give_back(wave);
    EXPECT_EQ(cache.resident_count(), 1);
    const auto again = run_layer(cache, 0, {1, 2});
    EXPECT_TRUE(again[0].entries[0].hit);
    EXPECT_EQ(ids(again[1]), (std::vector<ExpertId>{1}));
}

TEST(ExpertCache, PreloadsIntoFreeRoomOnly) {
    ExpertCache cache = cache_of({2, 4, 1, {10, 0}, 20});
    EXPECT_TRUE(cache.preload(0));
    EXPECT_TRUE(cache.preload(3));
    EXPECT_FALSE(cache.preload(1));
    EXPECT_FALSE(cache.preload(4));  // its layer is not kept here
    EXPECT_EQ(cache.resident_count(), 2);
}

TEST(ExpertCache, BeginsHashLayersAheadWhenTheyTakeHalfAtMost) {
    const Config config{4, 8, 2, {10, 10, 20, 20}, 160};
    EXPECT_TRUE(ExpertCache::begins_ahead(config, 3, 1));
    EXPECT_FALSE(ExpertCache::begins_ahead(config, 4, 1));
    EXPECT_FALSE(ExpertCache::begins_ahead(config, 3, 2));
    EXPECT_EQ(ExpertCache::least_budget(config), 40U);
}

// Any sequence of allowed calls, against what the header promises and against a mirror of what is
// in memory that is built from the answers alone.
class RandomCalls {
public:
    RandomCalls(std::uint64_t seed, std::string_view policy) : random_(seed) {
        Config config;
        config.layers = pick(1, 5);
        config.experts = pick(2, 40);
        config.used = pick(1, std::min(config.experts, 6));
        for (int layer = 0; layer < config.layers; ++layer)
            config.bytes.push_back(static_cast<std::uint64_t>(pick(1, 9)));
        const std::uint64_t least = ExpertCache::least_budget(config);
        std::uint64_t all = 0;
        for (const auto bytes : config.bytes)
            all += bytes * static_cast<std::uint64_t>(config.experts);
        config.budget = pick(0, 3) == 0 ? least : least + pick(0, 100) * all / 90;
        hash_layers_ = pick(0, config.layers);
        cache_ = std::make_unique<ExpertCache>(config, policy_for(config, policy));
    }

    void run(int batches) {
        while (pick(0, 9) != 0) {
            const ExpertId id = pick(0, cache_->config().layers * cache_->config().experts - 1);
            if (cache_->preload(id)) mirror_.insert(id);
        }
        for (int batch = 0; batch < batches; ++batch) {
            run_batch(pick(0, 3) == 0 ? pick(2, 40) : 1);
            if (testing::Test::HasFailure()) return;
        }
        EXPECT_EQ(cache_->counts().hits, hits_);
        EXPECT_EQ(cache_->counts().misses, misses_);
    }
    [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> counts() const {
        return {hits_, misses_};
    }

private:
    int pick(int from, int to) {
        return from + static_cast<int>(random_() % static_cast<std::uint64_t>(to - from + 1));
    }

    void begin(int layer, int rows) {
        const Config& config = cache_->config();
        std::set<std::int32_t> chosen;
        const auto count = static_cast<std::size_t>(
            rows == 1 ? config.used : std::min(config.experts, pick(1, rows * config.used)));
        while (chosen.size() < count) chosen.insert(pick(0, config.experts - 1));
        const std::vector<std::int32_t> experts(chosen.begin(), chosen.end());
        std::vector<std::int32_t> users;
        for (std::size_t i = 0; i < experts.size(); ++i) users.push_back(pick(1, rows));
        for (const auto expert : experts) left_[layer].insert(layer * config.experts + expert);
        cache_->begin_layer(layer, experts, users);
    }

    void check_removed(const std::vector<ExpertId>& removed) {
        for (const ExpertId id : removed) {
            EXPECT_EQ(mirror_.erase(id), 1U);
            EXPECT_FALSE(out_.contains(id));
        }
    }

    bool take(int layer) {
        Wave wave;
        if (!cache_->next_wave(layer, wave)) {
            EXPECT_TRUE(left_[layer].empty());
            return false;
        }
        EXPECT_FALSE(wave.entries.empty());
        const bool hit = wave.entries.front().hit;
        // In memory first: none of those left is there when others are read.
        if (!hit) {
            for (const ExpertId id : left_[layer]) EXPECT_FALSE(mirror_.contains(id));
        }
        check_removed(wave.removed);
        std::uint64_t bytes = 0;
        for (const auto& entry : wave.entries) {
            EXPECT_EQ(entry.hit, hit);
            EXPECT_EQ(left_[layer].erase(entry.id), 1U);
            EXPECT_EQ(mirror_.contains(entry.id), hit);
            mirror_.insert(entry.id);
            out_.insert(entry.id);
            bytes += cache_->config().bytes[static_cast<std::size_t>(layer)];
            ++(hit ? hits_ : misses_);
        }
        EXPECT_LE(bytes, cache_->config().budget / 2);
        waves_[layer].push_back(std::move(wave));
        check();
        return true;
    }

    void give_back(int layer) {
        for (const auto& entry : waves_[layer].front().entries) {
            if (pick(0, 60) == 0 && mirror_.contains(entry.id)) {
                cache_->drop(entry.id);
                mirror_.erase(entry.id);
            }
            out_.erase(entry.id);
        }
        cache_->give_back(waves_[layer].front());
        waves_[layer].pop_front();
        check();
    }

    void check() {
        std::uint64_t bytes = 0;
        for (const ExpertId id : mirror_) {
            EXPECT_TRUE(cache_->resident(id));
            bytes +=
                cache_->config().bytes[static_cast<std::size_t>(id / cache_->config().experts)];
        }
        EXPECT_EQ(cache_->resident_count(), static_cast<int>(mirror_.size()));
        EXPECT_EQ(cache_->resident_bytes(), bytes);
        EXPECT_LE(bytes, cache_->config().budget);
        for (const ExpertId id : out_) EXPECT_TRUE(cache_->resident(id));
    }

    void read_ahead(int layer) {
        std::set<std::int32_t> guess;
        for (int i = 0; i < cache_->config().used; ++i)
            guess.insert(pick(0, cache_->config().experts - 1));
        std::vector<ExpertId> come, removed;
        const std::vector<std::int32_t> experts(guess.begin(), guess.end());
        cache_->read_ahead(layer, experts, come, removed);
        check_removed(removed);
        for (const ExpertId id : come) EXPECT_TRUE(mirror_.insert(id).second);
        check();
    }

    void run_batch(int rows) {
        const int layers = cache_->config().layers;
        left_.assign(static_cast<std::size_t>(layers), {});
        waves_.assign(static_cast<std::size_t>(layers), {});
        cache_->begin_batch(rows);
        const bool ahead = ExpertCache::begins_ahead(cache_->config(), hash_layers_, rows);
        if (ahead)
            for (int layer = 0; layer < hash_layers_; ++layer) {
                begin(layer, rows);
                while (take(layer)) EXPECT_LE(waves_[layer].size(), 2U);
            }
        const bool cancelled = pick(0, 9) == 0;
        for (int layer = 0; layer < layers; ++layer) {
            if (!(ahead && layer < hash_layers_)) {
                begin(layer, rows);
                bool more = take(layer);
                while (more) {
                    more = take(layer);
                    if (layer + 1 < layers && pick(0, 2) == 0) read_ahead(layer + 1);
                    give_back(layer);
                    if (cancelled && pick(0, 5) == 0) break;
                }
            }
            while (!waves_[layer].empty()) give_back(layer);
        }
        EXPECT_TRUE(out_.empty());
    }

    std::mt19937_64 random_;
    std::unique_ptr<ExpertCache> cache_;
    int hash_layers_ = 0;
    std::set<ExpertId> mirror_, out_;
    std::vector<std::set<ExpertId>> left_;
    std::vector<std::deque<Wave>> waves_;
    std::uint64_t hits_ = 0, misses_ = 0;
};

TEST(ExpertCache, KeepsItsPromisesUnderAnyPolicyAndAnySequenceOfCalls) {
    for (const std::string_view policy : expert_policies())
        for (std::uint64_t seed = 1; seed <= 150; ++seed) {
            SCOPED_TRACE(testing::Message() << policy << ", seed " << seed);
            RandomCalls calls(seed, policy);
            calls.run(40);
            RandomCalls again(seed, policy);
            again.run(40);
            EXPECT_EQ(calls.counts(), again.counts());
            if (HasFailure()) return;
        }
}

}  // namespace
}  // namespace starglass
