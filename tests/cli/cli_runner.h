// SPDX-License-Identifier: MIT
//
// Runs starglass-cli as a shell would and keeps what it said.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace starglass::cli_test {

struct Ran {
    int code = -1;  // exit code, or 128 + the signal that ended it
    std::string out, err;
};

struct RunOptions {
    std::string input;           // standard input
    int interrupt_after_ms = 0;  // send SIGINT once the program has written something and this
                                 // much later; 0: never
};

Ran run(const std::vector<std::string>& arguments, const RunOptions& options = {});
// A line for sh in which $CLI is the program.
Ran run_shell(const std::string& line);

std::string golden(const std::string& name);  // path below tests/golden
inline std::string tiny() {
    return golden("tiny/tiny-q2.gguf");
}

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& bytes);

// One sentence on one line that names the program, as every error is reported.
bool is_one_sentence(const std::string& err);

// A folder that goes away with the test.
class ScratchFolder {
public:
    ScratchFolder();
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    [[nodiscard]] std::string path(const std::string& name) const {
        return (folder_ / name).string();
    }

private:
    std::filesystem::path folder_;
};

}  // namespace starglass::cli_test
