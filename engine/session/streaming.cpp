// SPDX-License-Identifier: MIT
#include "session/streaming.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <vector>

#include "base/address_space.h"
#include "base/async_reader.h"
#include "model/weight_walk.h"
#include "session/expert_layout.h"

namespace starglass {
namespace {

constexpr std::int64_t kPiece = std::int64_t{4} << 20;
constexpr std::size_t kUnderWay = 8;
// Stretches of the file this close together are read as one.
constexpr std::int64_t kGap = std::int64_t{64} << 10;

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

// Calls `visit(const std::byte*& at, bytes)` for whatever is there.
template <class Visit>
class EachPointer {
public:
    explicit EachPointer(Visit visit) : visit_(std::move(visit)) {}
    Status weight(Weight& w) {
        if (w.data != nullptr) visit_(w.data, w.row_size() * w.out * w.count);
        return {};
    }
    Status vector(const float*& values, std::int64_t count) { return array(values, count); }
    Status table(const std::int32_t*& values, std::int64_t columns, std::int64_t rows) {
        return array(values, columns * rows);
    }

private:
    template <class T>
    Status array(const T*& values, std::int64_t count) {
        if (values == nullptr) return {};
        const auto* at = reinterpret_cast<const std::byte*>(values);
        visit_(at, count * static_cast<std::int64_t>(sizeof(T)));
        values = reinterpret_cast<const T*>(at);
        return {};
    }
    Visit visit_;
};

template <class Visit>
void for_each_shared(const ModelShape& shape, ModelWeights& weights, Visit visit) {
    EachPointer<Visit> walker(std::move(visit));
    static_cast<void>(walk_shared_weights(walker, shape, weights));
}

// A stretch of the file and where it goes.
struct Stretch {
    std::int64_t begin = 0, end = 0;  // aligned
    std::int64_t at = 0;              // in memory
};

}  // namespace

Result<HostBlock> HostBlock::reserve(std::uint64_t bytes) {
    HostBlock block;
    TRY(block.data_, reserve_memory(bytes));
    block.bytes_ = bytes;
    return block;
}

HostBlock::~HostBlock() {
    release_memory(data_, bytes_);
}

std::vector<ExpertLayout> expert_layouts(const ModelWeights& weights, const std::byte* file) {
    std::vector<ExpertLayout> layouts;
    for (const LayerWeights& layer : weights.layers) {
        ExpertLayout& layout = layouts.emplace_back();
        const Weight* const parts[] = {&layer.gate_experts, &layer.up_experts, &layer.down_experts};
        for (std::size_t i = 0; i < 3; ++i)
            layout.parts[i] = {parts[i]->data - file, parts[i]->row_size() * parts[i]->out};
    }
    return layouts;
}

Result<HostBlock> copy_shared_weights(
    const std::string& path, const std::byte* mapped, const ModelShape& shape,
    ModelWeights& weights, const std::string& reads,
    const std::function<void(std::uint64_t, std::uint64_t)>& progress, const CancelToken& cancel) {
    TRY(const ReadFile file, ReadFile::open(path));
    TRY(const std::unique_ptr<AsyncReader> reader, make_async_reader(reads));
    const std::int64_t alignment = file.alignment();
    std::map<std::int64_t, std::int64_t> wanted;  // begin to end, aligned
    for_each_shared(shape, weights, [&](const std::byte*& at, std::int64_t bytes) {
        const std::int64_t begin = (at - mapped) / alignment * alignment;
        std::int64_t& end = wanted[begin];
        end = std::max(end, round_up(at - mapped + bytes, alignment));
    });
    std::vector<Stretch> stretches;
    for (const auto& [begin, end] : wanted) {
        if (!stretches.empty() && begin <= stretches.back().end + kGap)
            stretches.back().end = std::max(stretches.back().end, end);
        else
            stretches.push_back({begin, end, 0});
    }
    // Pages keep the alignment of what the kernels read.
    const std::int64_t page = std::max<std::int64_t>(alignment, 4096);
    std::int64_t total = 0;
    for (Stretch& stretch : stretches) {
        stretch.at = total;
        total += round_up(stretch.end - stretch.begin, page);
    }
    TRY(HostBlock block, HostBlock::reserve(static_cast<std::uint64_t>(total)));

    std::vector<ReadRequest> requests;
    for (const Stretch& stretch : stretches)
        for (std::int64_t at = stretch.begin; at < stretch.end; at += kPiece)
            requests.push_back({at, block.data() + stretch.at + (at - stretch.begin),
                                std::min(kPiece, stretch.end - at), requests.size()});
    std::size_t given = 0, done = 0;
    std::int64_t bytes = 0;
    Status status;
    while (done < requests.size()) {
        while (status && given < requests.size() && given - done < kUnderWay)
            reader->submit(file, {&requests[given++], 1});
        if (done == given) break;
        std::array<ReadCompletion, kUnderWay> completions;
        const std::size_t count = reader->take(completions, true);
        done += count;
        for (std::size_t i = 0; i < count; ++i) {
            const ReadRequest& request = requests[completions[i].tag];
            // The last block of a file may be cut short.
            const std::int64_t least = std::min(request.bytes, file.size() - request.offset);
            bytes += request.bytes;
            if (completions[i].error == 0 && completions[i].bytes >= least) continue;
            status =
                completions[i].error != 0
                    ? fail(ErrorCode::io, "cannot read weights at byte {}: {}", request.offset,
                           std::strerror(completions[i].error))
                    : fail(ErrorCode::io, "the file ends at byte {}, in the middle of its weights",
                           request.offset + completions[i].bytes);
        }
        if (status && cancel.cancelled())
            status = fail(ErrorCode::cancelled, "loading was cancelled");
        if (progress)
            progress(static_cast<std::uint64_t>(bytes), static_cast<std::uint64_t>(total));
    }
    if (!status) return tl::unexpected<Error>(status.error());

    for_each_shared(shape, weights, [&](const std::byte*& at, std::int64_t) {
        const std::int64_t offset = at - mapped;
        const auto behind = std::upper_bound(
            stretches.begin(), stretches.end(), offset,
            [](std::int64_t value, const Stretch& one) { return value < one.begin; });
        const Stretch& stretch = *std::prev(behind);
        at = block.data() + stretch.at + (offset - stretch.begin);
    });
    return block;
}

void take_experts_from(const ExpertStore& experts, ModelWeights& weights) {
    for (std::size_t layer = 0; layer < weights.layers.size(); ++layer) {
        if (!experts.streams(static_cast<int>(layer))) continue;
        LayerWeights& at = weights.layers[layer];
        Weight* const stacks[] = {&at.gate_experts, &at.up_experts, &at.down_experts};
        for (int part = 0; part < 3; ++part) {
            stacks[part]->data = nullptr;
            stacks[part]->matrices = experts.matrices(static_cast<int>(layer), part);
        }
    }
}

}  // namespace starglass
