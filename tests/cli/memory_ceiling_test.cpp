// SPDX-License-Identifier: MIT
//
// That --memory holds: a model larger than its ceiling is run as a program of its own, and the most
// that it had in memory and what it left of the file in the page cache are held against the
// ceiling.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/cli_runner.h"
#include "support/sanitized.h"
#include "support/synthetic_model.h"

namespace starglass::cli_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::SyntheticModel;
using test::SyntheticShape;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
// The ceiling may be passed by so much: kernels count per processor and add up now and then.
constexpr double kTolerance = 1.05;

// 512 experts of 0.7 MB and hardly anything else: 350 MB.
SyntheticShape large_shape() {
    SyntheticShape shape;
    shape.embedding = 1024;
    shape.expert_width = 768;
    shape.experts = 64;
    shape.experts_used = 4;
    shape.heads = 8;
    shape.query_rank = 256;
    shape.output_rank = 128;
    shape.window = 128;
    shape.index_top_k = 64;
    shape.ratios = {0, 4, 12, 4, 0, 4, 12, 4};
    return shape;
}

struct Measured {
    int code = -1;
    std::string out;
    std::int64_t peak = 0;
};

// Runs the program, in a control group when one is named by its file for processes.
Measured measure(const std::vector<std::string>& arguments, const fs::path& folder,
                 const std::string& group = {}) {
    const std::string out = (folder / "out").string();
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("fork failed");
    if (child == 0) {
        const int file = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (file < 0 || dup2(file, 1) < 0 || dup2(file, 2) < 0) _exit(126);
        if (!group.empty()) {
            const int procs = open(group.c_str(), O_WRONLY);
            if (procs < 0 || write(procs, "0", 1) != 1) _exit(125);
            close(procs);
        }
        std::vector<char*> argv{const_cast<char*>(SG_CLI)};
        for (const std::string& word : arguments) argv.push_back(const_cast<char*>(word.c_str()));
        argv.push_back(nullptr);
        execv(argv[0], argv.data());
        _exit(127);
    }
    int status = 0;
    rusage usage{};
    wait4(child, &status, 0, &usage);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(out),
            usage.ru_maxrss * 1024};
}

// Bytes of a file that are in the system's cache.
std::int64_t cached_bytes(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY);
    const auto size = static_cast<std::size_t>(fs::file_size(path));
    void* const memory = mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (memory == MAP_FAILED) throw std::runtime_error("mmap failed");
    std::vector<unsigned char> pages((size + 4095) / 4096);
    mincore(memory, size, pages.data());
    munmap(memory, size);
    return std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page & 1U; }) *
           std::int64_t{4096};
}

void forget_cached(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY);
    fsync(file);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
}

class Ceiling : public testing::Test {
protected:
    void SetUp() override {
        if (kSanitized) GTEST_SKIP() << "a sanitizer takes memory the ceiling does not know";
    }
    // On the build's disk: files in memory cannot be read past the cache.
    static void SetUpTestSuite() {
        std::string name = (fs::current_path() / "ceiling-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
        // In a process of its own, so that this one stays small: what a child had before exec
        // counts as its peak.
        const pid_t child = fork();
        if (child == 0) {
            const GgufBytes bytes = SyntheticModel(large_shape()).build();
            std::ofstream file(model(), std::ios::binary);
            file.write(reinterpret_cast<const char*>(bytes.data()),
                       static_cast<std::streamsize>(bytes.size()));
            file.close();
            _exit(file ? 0 : 1);
        }
        int status = 1;
        waitpid(child, &status, 0);
        ASSERT_EQ(status, 0) << "the model could not be written";
        forget_cached(model());
    }
    static void TearDownTestSuite() { fs::remove_all(folder_); }

    static std::string model() { return (folder_ / "model.gguf").string(); }
    static std::int64_t file_bytes() { return static_cast<std::int64_t>(fs::file_size(model())); }

    static json plan(std::int64_t ceiling, std::vector<std::string> more) {
        std::vector<std::string> words{"plan", model(), "--memory", std::to_string(ceiling),
                                       "--json"};
        words.insert(words.end(), more.begin(), more.end());
        const Ran ran = run(words);
        EXPECT_EQ(ran.code, 0) << ran.err;
        return ran.code == 0 ? json::parse(ran.out).at("plans")[0] : json();
    }

    // A prompt of so many letters, a token each, and an answer.
    static std::vector<std::string> asking(std::int64_t ceiling, int letters,
                                           std::vector<std::string> more) {
        std::string text;
        for (int i = 0; i < letters; ++i) text += static_cast<char>('a' + i * 7 % 26);
        write_file(folder_ / "prompt", text);
        std::vector<std::string> words{"run",
                                       "-m",
                                       model(),
                                       "--prompt-file",
                                       (folder_ / "prompt").string(),
                                       "--memory",
                                       std::to_string(ceiling),
                                       "--max-tokens",
                                       "8",
                                       "--temp",
                                       "0",
                                       "--think",
                                       "off"};
        words.insert(words.end(), more.begin(), more.end());
        return words;
    }

    static fs::path folder_;
};
fs::path Ceiling::folder_;

TEST_F(Ceiling, HoldsForPromptsAndAnswers) {
    struct Case {
        std::int64_t ceiling;
        int letters;
        std::vector<std::string> more;
    };
    const std::int64_t least = plan(file_bytes(), {"--context", "2048", "--backend", "cpu"})
                                   .at("least_ceiling_bytes")
                                   .get<std::int64_t>();
    const std::string kv = (folder_ / "kv").string();
    for (const Case& c :
         std::vector<Case>{{least + 2 * kMiB, 80, {"--context", "2048"}},
                           {140 * kMiB, 250, {"--context", "2048"}},
                           {140 * kMiB, 100, {"--context", "2048", "--threads", "1"}},
                           {160 * kMiB, 100, {"--context", "16384", "--threads", "8"}},
                           {220 * kMiB, 700, {"--context", "16384", "--threads", "2"}},
                           {220 * kMiB, 250, {"--context", "2048", "--kv-dir", kv}},
                           {160 * kMiB, 100, {"--context", "2048", "--numerics", "cont"}},
                           {140 * kMiB, 100, {"--context", "2048", "--expert-reads", "threads"}},
                           {140 * kMiB, 100, {"--context", "2048", "--lookahead", "on"}},
                           {140 * kMiB, 40, {"--context", "2048", "--backend", "reference"}}}) {
        std::vector<std::string> more = c.more;
        if (std::find(more.begin(), more.end(), "--backend") == more.end())
            more.insert(more.end(), {"--backend", "cpu"});
        SCOPED_TRACE(testing::PrintToString(more) + " under " + std::to_string(c.ceiling));
        ASSERT_GE(static_cast<double>(file_bytes()), 1.5 * static_cast<double>(c.ceiling));
        std::vector<std::string> planned;
        for (std::size_t i = 0; i + 1 < more.size(); i += 2)
            if (more[i] != "--kv-dir") planned.insert(planned.end(), {more[i], more[i + 1]});
        const json parts = plan(c.ceiling, planned);
        forget_cached(model());
        const Measured ran = measure(asking(c.ceiling, c.letters, more), folder_);
        ASSERT_EQ(ran.code, 0) << ran.out;
        const std::int64_t cached = cached_bytes(model());
        std::printf("%5.1f MiB ceiling, %5.1f planned, %5.1f peak (%.2f), %4.1f MiB cached: %s\n",
                    static_cast<double>(c.ceiling) / kMiB,
                    parts.at("parts_bytes").get<double>() / kMiB,
                    static_cast<double>(ran.peak) / kMiB,
                    static_cast<double>(ran.peak) / static_cast<double>(c.ceiling),
                    static_cast<double>(cached) / kMiB, testing::PrintToString(more).c_str());
        EXPECT_LE(static_cast<double>(ran.peak + cached),
                  kTolerance * static_cast<double>(c.ceiling));
        // What was counted is what is used: a spare of 24 MiB, and little else, stays free.
        EXPECT_GE(ran.peak, c.ceiling * 6 / 10);
    }
}

// --- control groups ----------------------------------------------------------------------------

// A group of ours with a limit, where this user may make one.
class Group {
public:
    explicit Group(std::int64_t limit) {
        const std::string name = "starglass-test-" + std::to_string(getpid());
        for (const auto& [root, file] :
             {std::pair{"/sys/fs/cgroup/memory/", "memory.limit_in_bytes"},
              std::pair{"/sys/fs/cgroup/", "memory.max"}}) {
            if (!fs::exists(root)) continue;
            std::error_code refused;
            path_ = root + name;
            if (!fs::create_directory(path_, refused)) {
                path_.clear();
                continue;
            }
            std::ofstream limits(path_ / file);
            limits << limit << std::flush;
            if (limits) return;
            limits.close();
            fs::remove(path_, refused);
            path_.clear();
        }
    }
    ~Group() {
        std::error_code ignored;
        if (!path_.empty()) rmdir(path_.c_str());
    }
    [[nodiscard]] bool made() const { return !path_.empty(); }
    [[nodiscard]] std::string procs() const { return (path_ / "cgroup.procs").string(); }

private:
    fs::path path_;
};

TEST_F(Ceiling, NothingIsKilledWhereTheSystemEnforcesIt) {
    constexpr std::int64_t kCeiling = 160 * kMiB;
    const Group group(kCeiling * 105 / 100);
    if (!group.made()) GTEST_SKIP() << "this user may not make a control group with a memory limit";
    const std::vector<std::string> words =
        asking(kCeiling, 200, {"--context", "2048", "--backend", "cpu"});
    const Measured free = measure(words, folder_);
    ASSERT_EQ(free.code, 0) << free.out;
    forget_cached(model());
    const Measured held = measure(words, folder_, group.procs());
    EXPECT_EQ(held.code, 0) << held.out;
    EXPECT_EQ(held.out, free.out);
    EXPECT_LE(static_cast<double>(held.peak), kTolerance * kCeiling);
}

TEST_F(Ceiling, AutomaticKeepsToTheGroupsLimit) {
    constexpr std::int64_t kLimit = 200 * kMiB;
    const Group group(kLimit);
    if (!group.made()) GTEST_SKIP() << "this user may not make a control group with a memory limit";
    const Measured planned =
        measure({"plan", model(), "--context", "2048", "--json"}, folder_, group.procs());
    ASSERT_EQ(planned.code, 0) << planned.out;
    const json plan = json::parse(planned.out).at("plans")[0];
    EXPECT_FALSE(plan.at("mapped"));
    EXPECT_TRUE(plan.at("automatic"));
    EXPECT_LE(plan.at("ceiling_bytes"), kLimit);
    EXPECT_GE(plan.at("ceiling_bytes"), kLimit / 2);
    forget_cached(model());
    std::vector<std::string> words = asking(0, 100, {"--context", "2048", "--backend", "cpu"});
    *(std::find(words.begin(), words.end(), "--memory") + 1) = "auto";
    const Measured ran = measure(words, folder_, group.procs());
    EXPECT_EQ(ran.code, 0) << ran.out;
    EXPECT_LE(ran.peak, kLimit);
}

}  // namespace
}  // namespace starglass::cli_test
