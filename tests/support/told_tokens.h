// SPDX-License-Identifier: MIT
//
// Holds what a session says of each token against all logits of its position, which are looked at
// while it is said: the token that the same seed draws from them, its probability, the entropy and
// the alternatives.
#pragma once

#include <gtest/gtest.h>

#include "engine/session.h"
#include "session/sampler.h"
#include "session/token_statistics.h"

namespace starglass::test {

class ToldTokens final : public SessionListener {
public:
    // `look`: whether to read all logits; else only what is said is kept.
    ToldTokens(Session& session, const GenerateRequest& request, bool look = true)
        : session_(session), request_(request), sampler_(request.sampling), look_(look) {}

    void on_token(const TokenEvent& event) override {
        if (event.id < 0) return;
        said.push_back(event);
        if (!look_) return;
        const std::span<const float> logits = session_.logits();
        ASSERT_FALSE(logits.empty());
        EXPECT_EQ(sampler_.sample(logits), event.id);
        const TokenStatistics want = token_statistics(logits, event.id, request_.top_alternatives);
        EXPECT_NEAR(event.probability, want.probability, 3e-7 * want.probability);
        EXPECT_NEAR(event.entropy_bits, want.entropy_bits, 2e-6);
        ASSERT_EQ(event.alternatives.size(), want.alternatives.size());
        for (std::size_t i = 0; i < want.alternatives.size(); ++i) {
            EXPECT_EQ(event.alternatives[i].id, want.alternatives[i].id);
            EXPECT_NEAR(event.alternatives[i].probability, want.alternatives[i].probability,
                        3e-7 * want.alternatives[i].probability);
        }
    }

    std::vector<TokenEvent> said;

private:
    Session& session_;
    const GenerateRequest& request_;
    Sampler sampler_;
    bool look_;
};

// Settings under which the k best decide, and some under which they do not.
inline std::vector<SamplingOptions> many_sampling_options() {
    std::vector<SamplingOptions> all;
    std::uint64_t seed = 1;
    for (const float temperature : {0.0F, 0.3F, 1.0F, 4.0F})
        for (const float top_p : {1.0F, 0.9F, 0.3F})
            for (const float min_p : {0.0F, 0.05F})
                for (const int top_k : {0, 3, 1024}) {
                    if (temperature == 0 && (top_p < 1 || min_p > 0)) continue;
                    all.push_back({.temperature = temperature,
                                   .top_p = top_p,
                                   .min_p = min_p,
                                   .top_k = top_k,
                                   .seed = seed++});
                }
    return all;
}

}  // namespace starglass::test
