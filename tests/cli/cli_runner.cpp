// SPDX-License-Identifier: MIT
#include "cli/cli_runner.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "support/sanitized.h"

namespace starglass::cli_test {
namespace {

using namespace std::chrono_literals;

constexpr auto kRunTimeMax = kSanitized ? 1200s : 120s;

void redirect(const std::string& path, int flags, int descriptor) {
    const int file = open(path.c_str(), flags, 0600);
    if (file < 0 || dup2(file, descriptor) < 0) _exit(126);
}

int code_of(int status) {
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Files instead of pipes: nothing can fill up and wait.
Ran run_program(const std::vector<std::string>& words, const RunOptions& options) {
    const ScratchFolder scratch;
    write_file(scratch.path("in"), options.input);
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("fork failed");
    if (child == 0) {
        redirect(scratch.path("in"), O_RDONLY, 0);
        redirect(scratch.path("out"), O_WRONLY | O_CREAT, 1);
        redirect(scratch.path("err"), O_WRONLY | O_CREAT, 2);
        std::vector<char*> argv;
        for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
        argv.push_back(nullptr);
        execv(argv[0], argv.data());
        _exit(127);
    }
    const auto start = std::chrono::steady_clock::now();
    bool interrupted = options.interrupt_after_ms == 0;
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() - start > kRunTimeMax) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            throw std::runtime_error("starglass-cli did not end");
        }
        std::error_code missing;
        if (!interrupted && std::filesystem::file_size(scratch.path("out"), missing) > 0 &&
            !missing) {
            std::this_thread::sleep_for(std::chrono::milliseconds(options.interrupt_after_ms));
            kill(child, SIGINT);
            interrupted = true;
        }
        std::this_thread::sleep_for(2ms);
    }
    return {code_of(status), read_file(scratch.path("out")), read_file(scratch.path("err"))};
}

}  // namespace

Ran run(const std::vector<std::string>& arguments, const RunOptions& options) {
    std::vector<std::string> words{SG_CLI};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return run_program(words, options);
}

Ran run_shell(const std::string& line) {
    return run_program({"/bin/sh", "-c", std::string("CLI='") + SG_CLI + "'; " + line}, {});
}

std::string golden(const std::string& name) {
    return std::string(SG_GOLDEN_DIR "/") + name;
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
}

void write_file(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

bool is_one_sentence(const std::string& err) {
    return err.starts_with("starglass-cli: ") && err.size() > 20 &&
           std::count(err.begin(), err.end(), '\n') == 1 && err.ends_with('\n');
}

ScratchFolder::ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "starglass-cli-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = name;
}

ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

}  // namespace starglass::cli_test
