// SPDX-License-Identifier: MIT
//
// Opens every file that make_broken_gguf.py writes, each in a process of its own: a broken one
// must be refused with its sentence within a second and 100 MB, a legal one must give logits.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "support/sanitized.h"

namespace starglass {
namespace {

struct Case {
    std::string file;
    std::string stage;  // load, logits or legal
    std::string says;
};

// What the child process reports: "refused: SENTENCE" or "logits: COUNT".
std::string open_and_evaluate(const std::string& path) {
    EngineOptions options;
    options.backend = BackendKind::reference;
    options.threads = 1;
    options.context_tokens = 64;
    const CancelToken never;
    const auto engine = open_engine(path, options, {}, never);
    if (!engine) return "refused at load: " + engine.error().message;
    auto session = (*engine)->create_session();
    if (!session) return "refused at session: " + session.error().message;
    // Enough positions for a row of both compressed kinds and to leave the raw window.
    std::vector<TokenId> tokens;
    for (TokenId id = 0; id < 20; ++id) tokens.push_back(id * 13);
    SessionListener listener;
    bool finite = true;
    const Status done = (*session)->evaluate(
        tokens, {}, listener,
        [&](std::int64_t, std::span<const float> logits) {
            for (const float logit : logits) finite = finite && std::isfinite(logit);
        },
        never);
    if (!done) return "refused at logits: " + done.error().message;
    return finite ? "logits" : "logits that are not finite";
}

struct Outcome {
    std::string report;
    double seconds = 0;
    double resident_mb = 0;
    int status = 0;
};

Outcome run_in_child(const std::string& path) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    const auto start = std::chrono::steady_clock::now();
    const pid_t child = fork();
    if (child == 0) {
        const std::string report = open_and_evaluate(path);
        const bool written =
            write(ends[1], report.data(), report.size()) == static_cast<ssize_t>(report.size());
        _exit(written ? 0 : 3);
    }
    close(ends[1]);
    Outcome outcome;
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = read(ends[0], buffer.data(), buffer.size())) > 0;)
        outcome.report.append(buffer.data(), static_cast<std::size_t>(got));
    close(ends[0]);
    rusage usage{};
    wait4(child, &outcome.status, 0, &usage);
    outcome.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    outcome.resident_mb = static_cast<double>(usage.ru_maxrss) / 1024;
    return outcome;
}

std::vector<Case> read_manifest() {
    std::ifstream stream(std::string(SG_CORPUS_DIR) + "/manifest.json");
    std::vector<Case> cases;
    for (const auto& entry : nlohmann::json::parse(stream))
        cases.push_back({entry.at("file"), entry.at("stage"), entry.at("says")});
    return cases;
}

TEST(BrokenGguf, EachIsRefusedWithItsSentence) {
    int broken = 0;
    int legal = 0;
    double seconds_max = 0;
    double resident_mb_max = 0;
    for (const Case& c : read_manifest()) {
        const Outcome outcome = run_in_child(std::string(SG_CORPUS_DIR) + "/" + c.file);
        SCOPED_TRACE(c.file + ": " + outcome.report);
        EXPECT_EQ(outcome.status, 0) << "the process did not end by itself";
        if (c.stage == "legal") {
            ++legal;
            EXPECT_EQ(outcome.report, "logits");
        } else {
            ++broken;
            EXPECT_TRUE(outcome.report.starts_with("refused at " + c.stage));
            EXPECT_NE(outcome.report.find(c.says), std::string::npos) << "expected: " << c.says;
            EXPECT_EQ(outcome.report.find('\n'), std::string::npos);
        }
        seconds_max = std::max(seconds_max, outcome.seconds);
        resident_mb_max = std::max(resident_mb_max, outcome.resident_mb);
        if (kSanitized) continue;
        EXPECT_LT(outcome.seconds, 1.0);
        EXPECT_LT(outcome.resident_mb, 100.0);
    }
    EXPECT_GE(broken, 40);
    EXPECT_GE(legal, 8);
    std::cout << broken << " broken and " << legal << " legal files, at most " << seconds_max
              << " s and " << resident_mb_max << " MB each\n";
}

}  // namespace
}  // namespace starglass
