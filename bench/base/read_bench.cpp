// SPDX-License-Identifier: MIT
//
// What a disk gives for random reads of the size of an expert, by each way of reading:
//
//   read_bench FILE [--kind io_uring|threads] [--mode direct|buffered] [--size BYTES] [--depth N]
//              [--seconds S] [--ring N] [--threads N] [--piece BYTES] [--pin] [--seed N]
//
// Without --kind and --mode all of them are measured, in turns of a second, so that a disk that
// tires does so for all. FILE should be larger than memory, or not in the page cache; direct reads
// do not care. --depth is requests under way, --ring and --threads pieces under way.
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <string_view>
#include <vector>

#include "base/readers.h"

using namespace starglass;

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    std::string path;
    std::string kind, mode;
    std::int64_t size = 2'162'688;  // an up or gate matrix of Flash in IQ2_XXS
    std::int64_t depth = 18;        // six experts of three matrices
    std::int64_t seconds = 10;
    std::int64_t ring = kReaderDepth, threads = kReaderThreads;
    std::int64_t piece = kPieceBytes;
    std::int64_t seed = 1;
    bool pin = false;
};

struct Way {
    bool direct;
    std::unique_ptr<AsyncReader> reader;
    ReadFile file;
    bool pinned = false;
    std::int64_t bytes = 0, errors = 0;
    double wall = 0, processor = 0;   // seconds
    std::vector<double> latencies{};  // seconds
};

double processor_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// A second of reading, then the rest that is still under way.
void turn(Way& way, const Options& options, std::span<std::byte> memory, std::mt19937_64& random) {
    const std::int64_t step = std::max<std::int64_t>(way.file.alignment(), 4096);
    const std::int64_t room = (options.size + step - 1) / step * step;
    std::uniform_int_distribution<std::int64_t> where(0, (way.file.size() - room) / step);
    const auto submit = [&](std::uint64_t place) {
        const ReadRequest request{
            .offset = where(random) * step,
            .to = memory.data() + static_cast<std::int64_t>(place) * room,
            .bytes = way.direct ? room : options.size,
            .tag = place,
        };
        way.reader->submit(way.file, {&request, 1});
    };
    const auto start = Clock::now();
    const double processor = processor_seconds();
    const auto end = start + std::chrono::seconds(1);
    for (std::int64_t place = 0; place < options.depth; ++place)
        submit(static_cast<std::uint64_t>(place));
    std::vector<ReadCompletion> completions(64);
    while (way.reader->pending() > 0) {
        const std::size_t count = way.reader->take(completions, true);
        for (const ReadCompletion& completion : std::span(completions).first(count)) {
            way.bytes += completion.bytes;
            way.errors += completion.error != 0;
            way.latencies.push_back(completion.seconds);
            if (Clock::now() < end) submit(completion.tag);
        }
    }
    way.wall += std::chrono::duration<double>(Clock::now() - start).count();
    way.processor += processor_seconds() - processor;
}

bool parse(int count, char** words, Options& options) {
    for (int at = 1; at < count; ++at) {
        const std::string_view word = words[at];
        if (word == "--pin") {
            options.pin = true;
        } else if (!word.starts_with("--")) {
            options.path = word;
        } else if (at + 1 == count) {
            return false;
        } else if (const std::string_view value = words[++at]; word == "--kind") {
            options.kind = value;
        } else if (word == "--mode") {
            options.mode = value;
        } else {
            std::int64_t* number = word == "--size"      ? &options.size
                                   : word == "--depth"   ? &options.depth
                                   : word == "--seconds" ? &options.seconds
                                   : word == "--ring"    ? &options.ring
                                   : word == "--threads" ? &options.threads
                                   : word == "--piece"   ? &options.piece
                                   : word == "--seed"    ? &options.seed
                                                         : nullptr;
            if (number == nullptr ||
                std::from_chars(value.data(), value.data() + value.size(), *number).ptr !=
                    value.data() + value.size() ||
                *number < 1)
                return false;
        }
    }
    return !options.path.empty();
}

Result<Way> make_way(const Options& options, std::string_view kind, bool direct) {
    TRY(auto reader, kind == "threads"
                         ? make_thread_reader(static_cast<int>(options.threads), options.piece)
                         : make_uring_reader(static_cast<int>(options.ring), options.piece));
    TRY(ReadFile file, ReadFile::open(options.path, direct));
    if (direct && !file.direct())
        return fail(ErrorCode::unsupported, "'{}' cannot be read directly", options.path);
    if (file.size() < 2 * options.size)
        return fail(ErrorCode::invalid_input, "'{}' is too small", options.path);
    return Way{direct, std::move(reader), std::move(file)};
}

}  // namespace

int main(int count, char** words) {
    Options options;
    if (!parse(count, words, options)) {
        fmt::print(stderr,
                   "read_bench FILE [--kind io_uring|threads] [--mode direct|buffered] "
                   "[--size BYTES] [--depth N] [--seconds S] [--ring N] [--threads N] [--piece "
                   "BYTES] [--pin] "
                   "[--seed N]\n");
        return 2;
    }
    std::vector<Way> ways;
    for (const bool direct : {true, false}) {
        for (const std::string_view kind : {"io_uring", "threads"}) {
            if (!options.kind.empty() && options.kind != kind) continue;
            if (!options.mode.empty() && (options.mode == "direct") != direct) continue;
            auto way = make_way(options, kind, direct);
            if (way)
                ways.push_back(std::move(*way));
            else
                fmt::print(stderr, "{}\n", way.error().message);
        }
    }
    if (ways.empty()) return 1;

    const auto bytes = static_cast<std::size_t>(options.depth * (options.size + 8192));
    void* const room = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (room == MAP_FAILED) {
        fmt::print(stderr, "no {} bytes to read into: {}\n", bytes, std::strerror(errno));
        return 1;
    }
    const std::span memory(static_cast<std::byte*>(room), bytes);
    for (Way& way : ways) way.pinned = options.pin && way.reader->pin(memory);

    std::mt19937_64 random(static_cast<std::uint64_t>(options.seed));
    for (std::int64_t second = 0; second < options.seconds; ++second)
        for (Way& way : ways) turn(way, options, memory, random);

    fmt::print("{} bytes a request in pieces of {}, {} under way, {} s each, seed {}\n",
               options.size, options.piece, options.depth, options.seconds, options.seed);
    fmt::print("{:<10} {:<9} {:<6} {:>6} {:>9} {:>8} {:>8} {:>8} {:>8} {:>7}\n", "kind", "mode",
               "pinned", "GB/s", "CPU ms/GB", "p50 ms", "p90 ms", "p99 ms", "max ms", "errors");
    for (Way& way : ways) {
        std::sort(way.latencies.begin(), way.latencies.end());
        const auto percentile = [&](double part) {
            const double last = static_cast<double>(way.latencies.size() - 1);
            return 1e3 * way.latencies[static_cast<std::size_t>(part * last)];
        };
        const double gigabytes = 1e-9 * static_cast<double>(way.bytes);
        fmt::print(
            "{:<10} {:<9} {:<6} {:>6.2f} {:>9.0f} {:>8.2f} {:>8.2f} {:>8.2f} {:>8.2f} {:>7}\n",
            way.reader->name(), way.direct ? "direct" : "buffered", way.pinned ? "yes" : "no",
            gigabytes / way.wall, 1e3 * way.processor / gigabytes, percentile(0.5), percentile(0.9),
            percentile(0.99), percentile(1), way.errors);
    }
    // Under way through the memory ends before it goes.
    ways.clear();
    ::munmap(room, bytes);
    return 0;
}
