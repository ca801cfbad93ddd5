// SPDX-License-Identifier: MIT
#include "session/disk_speed.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <random>
#include <vector>

#include "base/async_reader.h"
#include "session/streaming.h"

namespace starglass {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTime{300};
constexpr std::int64_t kBytesMost = 512'000'000;
constexpr std::int64_t kMemoryMost = std::int64_t{64} << 20;

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

Result<DiskSpeed> measure_disk_speed(const std::string& path, std::span<const ExpertLayout> layers,
                                     int experts, int used, const std::string& reads,
                                     const CancelToken& cancel) {
    TRY(const ReadFile file, ReadFile::open(path));
    TRY(const std::unique_ptr<AsyncReader> reader, make_async_reader(reads));
    const std::int64_t alignment = file.alignment();
    const std::int64_t page = std::max<std::int64_t>(alignment, 4096);
    std::int64_t part_most = 0;
    for (const ExpertLayout& layer : layers)
        for (const ExpertLayout::Part& part : layer.parts)
            part_most = std::max(part_most, round_up(part.bytes + alignment, page));
    const std::int64_t parts =
        std::clamp<std::int64_t>(kMemoryMost / std::max<std::int64_t>(part_most, 1), 3,
                                 std::int64_t{3} * 2 * used) /
        3 * 3;
    TRY(const HostBlock memory, HostBlock::reserve(static_cast<std::uint64_t>(parts * part_most)));

    // The same experts on every run, spread over the file.
    std::mt19937_64 random(1);
    std::int64_t bytes = 0;
    std::array<int, 3> next{};  // of the expert being given: layer, expert, part
    next[2] = 3;
    const auto submit = [&](std::uint64_t place) {
        if (next[2] == 3)
            next = {static_cast<int>(random() % layers.size()),
                    static_cast<int>(random() % static_cast<unsigned>(experts)), 0};
        const ExpertLayout::Part& part =
            layers[static_cast<std::size_t>(next[0])].parts[static_cast<std::size_t>(next[2]++)];
        const std::int64_t begin = part.offset + next[1] * part.bytes;
        const std::int64_t first = begin / alignment * alignment;
        const ReadRequest request{first,
                                  memory.data() + static_cast<std::int64_t>(place) * part_most,
                                  round_up(begin + part.bytes, alignment) - first, place};
        bytes += request.bytes;
        reader->submit(file, {&request, 1});
    };
    const Clock::time_point start = Clock::now();
    for (std::int64_t place = 0; place < parts; ++place) submit(static_cast<std::uint64_t>(place));
    std::array<ReadCompletion, 64> completions;
    Status status;
    while (reader->pending() > 0) {
        const std::size_t count = reader->take(completions, true);
        for (std::size_t i = 0; i < count; ++i) {
            if (completions[i].error != 0 && status)
                status = fail(ErrorCode::io, "cannot read '{}': {}", path,
                              std::strerror(completions[i].error));
            if (status && cancel.cancelled())
                status = fail(ErrorCode::cancelled, "planning was cancelled");
            if (status && Clock::now() - start < kTime && bytes + part_most <= kBytesMost)
                submit(completions[i].tag);
        }
    }
    if (!status) return tl::unexpected<Error>(status.error());
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return DiskSpeed{static_cast<double>(bytes) / std::max(seconds, 1e-9),
                     fmt::format("{}, {}", reader->name(), file.direct() ? "direct" : "buffered")};
}

}  // namespace starglass
