// SPDX-License-Identifier: MIT
//
// starglass-cli logits: raw logits of given tokens, for comparing engines.
#include <CLI/CLI.hpp>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "commands.h"
#include "evaluation_options.h"
#include "output.h"
#include "terminal.h"

namespace starglass::cli {
namespace {

struct LogitsOptions {
    EvaluationOptions evaluation;
    std::string out;
};

// Rows of little-endian f32 into a file or standard output. A file that could not be completed
// is removed, so that nothing half-written is mistaken for a result.
class RowFile {
public:
    ~RowFile() {
        if (file_ == nullptr) return;
        std::fclose(file_);
        std::error_code ignored;
        if (std::filesystem::is_regular_file(path_, ignored))
            std::filesystem::remove(path_, ignored);
    }

    Status open(const std::string& path) {
        if (path == "-") return {};
        path_ = path;
        file_ = std::fopen(path.c_str(), "wb");
        if (file_ == nullptr)
            return fail(ErrorCode::io, "cannot create '{}': {}", path, std::strerror(errno));
        return {};
    }

    Status write(std::span<const float> row) {
        if constexpr (std::endian::native == std::endian::big) {
            bytes_.resize(row.size() * 4);
            for (std::size_t i = 0; i < row.size(); ++i) {
                const auto bits = std::bit_cast<std::uint32_t>(row[i]);
                for (int byte = 0; byte < 4; ++byte)
                    bytes_[i * 4 + byte] = static_cast<char>(bits >> (8 * byte));
            }
        } else {
            bytes_.assign(reinterpret_cast<const char*>(row.data()), row.size_bytes());
        }
        if (file_ == nullptr) {
            write_out(bytes_);
            return {};
        }
        if (std::fwrite(bytes_.data(), 1, bytes_.size(), file_) != bytes_.size()) return failed();
        return {};
    }

    Status finish() {
        if (file_ == nullptr) return {};  // standard output is finished by main
        if (std::fflush(file_) != 0) return failed();
        std::FILE* file = file_;
        file_ = nullptr;
        if (std::fclose(file) != 0) return failed();
        return {};
    }

private:
    tl::unexpected<Error> failed() const {
        return fail(ErrorCode::io, "cannot write '{}': {}", path_, std::strerror(errno));
    }

    std::string path_, bytes_;
    std::FILE* file_ = nullptr;
};

Result<int> logits(const LogitsOptions& options) {
    CancelToken cancel;
    const InterruptScope interrupts(cancel);
    RowFile file;
    TRY_STATUS(file.open(options.out));
    Status written;
    const LogitsConsumer consumer = [&](std::int64_t, std::span<const float> row) {
        if (!written) return;
        written = file.write(row);
        if (!written) cancel.cancel();  // no use computing what cannot be kept
    };
    const Status evaluated = evaluate_tokens(options.evaluation, nullptr, consumer, cancel);
    TRY_STATUS(written);
    TRY_STATUS(evaluated);
    TRY_STATUS(file.finish());
    return kExitOk;
}

}  // namespace

void add_logits(CLI::App& app, Command& chosen) {
    auto options = std::make_shared<LogitsOptions>();
    CLI::App* command = app.add_subcommand("logits", "Write the logits of given tokens");
    add_evaluation_options(*command, options->evaluation);
    command
        ->add_option("--out", options->out,
                     "Little-endian f32, one row per position (-: standard output)")
        ->type_name("FILE")
        ->required();
    command->footer(
        "Examples:\n  starglass-cli logits -m model.gguf --tokens 0,17,4 --out last.f32\n"
        "  starglass-cli logits -m model.gguf --tokens-file ids.txt --chunk 64 --all "
        "--backend reference --numerics cont --out all.f32");
    command->callback([&chosen, options] { chosen = [options] { return logits(*options); }; });
}

}  // namespace starglass::cli
