// SPDX-License-Identifier: MIT
#include "experts/expert_store.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/address_space.h"

namespace starglass {
namespace {

// Recent batches kept for traces: 16,384 tokens of Flash are 8.5 MB.
constexpr std::int64_t kTraceRows = 16384;
constexpr std::size_t kLatencies = 4096;
constexpr std::size_t kTimes = 64;
// Half of what decides an expert's share of use is younger than this many tokens.
constexpr double kShareHalfLife = 2000;
// Reads under way while memory is being filled before the first batch.
constexpr int kPreloadDepth = 8;
constexpr std::int64_t kPage = 4096;
// Seconds of reading that the measured speed looks back on, and twice as many.
constexpr double kBusyMemory = 10;

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

std::int64_t round_down(std::int64_t value, std::int64_t multiple) {
    return value / multiple * multiple;
}

// What a part may take in a slot wherever it begins in the file.
std::int64_t region_bytes(const ExpertLayout::Part& part, std::int64_t alignment) {
    const bool aligned = part.offset % alignment == 0 && part.bytes % alignment == 0;
    return round_up(part.bytes + (aligned ? 0 : alignment), std::max(alignment, kPage));
}

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace

std::uint64_t ExpertStore::slot_bytes(const ExpertLayout& layer, std::int64_t alignment) {
    std::int64_t total = 0;
    for (const ExpertLayout::Part& part : layer.parts) total += region_bytes(part, alignment);
    return static_cast<std::uint64_t>(total);
}

namespace {

ExpertCache::Config cache_config(const ExpertStoreOptions& options, std::int64_t alignment) {
    ExpertCache::Config config;
    config.layers = static_cast<int>(options.layers.size());
    config.experts = options.experts;
    config.used = options.used;
    config.budget = options.budget;
    for (const ExpertLayout& layer : options.layers)
        config.bytes.push_back(layer.streamed ? ExpertStore::slot_bytes(layer, alignment) : 0);
    return config;
}

}  // namespace

std::uint64_t ExpertStore::least_budget(const ExpertStoreOptions& options, std::int64_t alignment) {
    return ExpertCache::least_budget(cache_config(options, alignment));
}

Result<std::unique_ptr<ExpertStore>> ExpertStore::create(const std::string& path,
                                                         ExpertStoreOptions options,
                                                         const ReaderFactory& reader) {
    TRY(ReadFile file, ReadFile::open(path));
    ExpertCache::Config config = cache_config(options, file.alignment());
    const std::uint64_t least = ExpertCache::least_budget(config);
    if (options.budget < least)
        return fail(ErrorCode::out_of_memory,
                    "{} bytes of memory are left for experts, but {} are the least that works; "
                    "raise --memory or lower --context",
                    options.budget, least);
    auto policy =
        make_expert_policy(options.policy, {config.layers, options.experts, options.used});
    if (policy == nullptr)
        return fail(ErrorCode::invalid_input, "there is no policy '{}' for experts; there are {}",
                    options.policy, fmt::join(expert_policies(), ", "));
    TRY(std::unique_ptr<AsyncReader> async, reader(options.reads));
    auto cache = std::make_unique<ExpertCache>(std::move(config), std::move(policy));
    std::unique_ptr<ExpertStore> store(
        new ExpertStore(std::move(options), std::move(file), std::move(async), std::move(cache)));
    store->path_ = path;
    TRY_STATUS(store->set_aside());
    return store;
}

ExpertStore::ExpertStore(ExpertStoreOptions options, ReadFile file,
                         std::unique_ptr<AsyncReader> reader, std::unique_ptr<ExpertCache> cache)
    : options_(std::move(options)),
      file_(std::move(file)),
      reader_(std::move(reader)),
      cache_(std::move(cache)),
      alignment_(file_.alignment()),
      direct_(file_.direct()),
      ahead_(options_.lookahead) {
    const std::size_t layers = options_.layers.size();
    const std::size_t all = layers * static_cast<std::size_t>(options_.experts);
    places_.resize(all);
    pointers_.resize(layers);
    for (auto& parts : pointers_)
        for (auto& part : parts) part.resize(static_cast<std::size_t>(options_.experts), nullptr);
    open_.resize(layers);
    layer_use_.resize(layers);
    shared_.tiers.resize(all, ExpertTier::disk);
    shared_.hits.resize(all);
    shared_.misses.resize(all);
    shared_.shares.resize(all);
    for (std::size_t layer = 0; layer < layers; ++layer)
        if (!options_.layers[layer].streamed)
            std::fill_n(
                shared_.tiers.begin() + static_cast<std::ptrdiff_t>(layer) * options_.experts,
                options_.experts, ExpertTier::device);
    if (!direct_)
        shared_.note =
            "The file system does not allow direct reads, so they go through its cache, which "
            "is told to forget them.";
}

Status ExpertStore::set_aside() {
    for (const ExpertLayout& layer : options_.layers) {
        if (!layer.streamed) {
            size_of_.push_back(-1);
            continue;
        }
        const std::uint64_t bytes = slot_bytes(layer, alignment_);
        const auto known = std::find_if(sizes_.begin(), sizes_.end(),
                                        [&](const Size& size) { return size.slot_bytes == bytes; });
        size_of_.push_back(static_cast<int>(known - sizes_.begin()));
        if (known == sizes_.end()) {
            sizes_.emplace_back();
            sizes_.back().slot_bytes = bytes;
        }
        sizes_[static_cast<std::size_t>(size_of_.back())].slots += options_.experts;
    }
    for (Size& size : sizes_) {
        size.slots = static_cast<int>(
            std::min<std::uint64_t>(size.slots, options_.budget / size.slot_bytes));
        size.pinned.resize(static_cast<std::size_t>(size.slots));
        TRY(size.memory, reserve_memory(size.slot_bytes * static_cast<std::uint64_t>(size.slots)));
    }
    promise_memory();
    return {};
}

void ExpertStore::promise_memory() {
    // As the layers share it if all experts are used alike.
    double all = 0;
    for (const int size : size_of_)
        if (size >= 0)
            all += static_cast<double>(sizes_[static_cast<std::size_t>(size)].slot_bytes);
    for (const int size : size_of_)
        if (size >= 0)
            sizes_[static_cast<std::size_t>(size)].promised +=
                static_cast<int>(static_cast<double>(options_.budget) / all);
    std::vector<std::span<std::byte>> slots;
    for (Size& size : sizes_) {
        size.promised = std::min(size.promised, size.slots);
        committed_ += size.slot_bytes * static_cast<std::uint64_t>(size.promised);
        for (int slot = 0; slot < size.promised; ++slot)
            slots.emplace_back(size.memory + size.slot_bytes * static_cast<std::uint64_t>(slot),
                               static_cast<std::size_t>(size.slot_bytes));
    }
    filler_ = std::thread([this, slots = std::move(slots)] {
        for (const std::span<std::byte> slot : slots)
            if (stop_filling_ || !populate_memory(slot)) return;
    });
}

void ExpertStore::stop_filling() {
    stop_filling_ = true;
    if (filler_.joinable()) filler_.join();
}

ExpertStore::~ExpertStore() {
    stop_preload();
    stop_filling();
    reader_.reset();  // waits for what is being read into the memory below
    for (const Size& size : sizes_)
        release_memory(size.memory, size.slot_bytes * static_cast<std::uint64_t>(size.slots));
}

const std::byte* const* ExpertStore::matrices(int layer, int part) const {
    return pointers_[static_cast<std::size_t>(layer)][static_cast<std::size_t>(part)].data();
}

// --- memory ------------------------------------------------------------------------------------

std::byte* ExpertStore::slot_address(int layer, int slot) const {
    const Size& size = sizes_[static_cast<std::size_t>(size_of_[static_cast<std::size_t>(layer)])];
    return size.memory + size.slot_bytes * static_cast<std::uint64_t>(slot);
}

// Other sizes' free slots keep their memory until it is needed.
void ExpertStore::give_back_memory(std::uint64_t wanted) {
    if (committed_ + wanted > options_.budget) stop_filling();
    // What was promised to a size and never used, from its end.
    for (Size& size : sizes_) {
        while (committed_ + wanted > options_.budget && size.promised > size.begun) {
            --size.promised;
            forget_memory(
                {size.memory + size.slot_bytes * static_cast<std::uint64_t>(size.promised),
                 static_cast<std::size_t>(size.slot_bytes)});
            committed_ -= size.slot_bytes;
        }
    }
    for (Size& size : sizes_) {
        while (committed_ + wanted > options_.budget && !size.warm.empty()) {
            const int slot = size.warm.back();
            size.warm.pop_back();
            const std::span<std::byte> memory(
                size.memory + size.slot_bytes * static_cast<std::uint64_t>(slot),
                static_cast<std::size_t>(size.slot_bytes));
            if (size.pinned[static_cast<std::size_t>(slot)]) {
                reader_->unpin(memory);
                size.pinned[static_cast<std::size_t>(slot)] = false;
            }
            forget_memory(memory);
            size.cold.push_back(slot);
            committed_ -= size.slot_bytes;
        }
    }
}

int ExpertStore::take_slot(Size& size) {
    int slot = -1;
    if (!size.warm.empty()) {
        slot = size.warm.back();
        size.warm.pop_back();
        return slot;
    }
    if (size.begun < size.promised) {
        slot = size.begun++;
    } else {
        give_back_memory(size.slot_bytes);
        if (!size.cold.empty()) {
            slot = size.cold.back();
            size.cold.pop_back();
        } else {
            slot = size.begun++;
            size.promised = std::max(size.promised, size.begun);
        }
        committed_ += size.slot_bytes;
    }
    assert(slot < size.slots);
    if (pinning_) {
        const bool pinned =
            reader_->pin({size.memory + size.slot_bytes * static_cast<std::uint64_t>(slot),
                          static_cast<std::size_t>(size.slot_bytes)});
        size.pinned[static_cast<std::size_t>(slot)] = pinned;
        pinning_ = pinned;
        if (pinned) pinned_any_ = true;
    }
    return slot;
}

void ExpertStore::free_place(ExpertId id) {
    Place& place = places_[static_cast<std::size_t>(id)];
    if (place.slot < 0) return;
    const int layer = layer_of(id);
    const int expert = id % options_.experts;
    sizes_[static_cast<std::size_t>(size_of_[static_cast<std::size_t>(layer)])].warm.push_back(
        place.slot);
    place = {};
    for (auto& part : pointers_[static_cast<std::size_t>(layer)])
        part[static_cast<std::size_t>(expert)] = nullptr;
    set_tier(id, ExpertTier::disk);
}

void ExpertStore::set_tier(ExpertId id, ExpertTier tier) {
    const std::lock_guard lock(mutex_);
    ExpertTier& now = shared_.tiers[static_cast<std::size_t>(id)];
    if (now == tier) return;
    const std::uint64_t bytes =
        sizes_[static_cast<std::size_t>(size_of_[static_cast<std::size_t>(layer_of(id))])]
            .slot_bytes;
    if (tier == ExpertTier::host) {
        shared_.resident_bytes += bytes;
        ++shared_.resident_experts;
    } else {
        shared_.resident_bytes -= bytes;
        --shared_.resident_experts;
    }
    now = tier;
}

// --- reading -----------------------------------------------------------------------------------

void ExpertStore::read_expert(ExpertId id) {
    const int layer = layer_of(id);
    const int expert = id % options_.experts;
    const ExpertLayout& layout = options_.layers[static_cast<std::size_t>(layer)];
    Place& place = places_[static_cast<std::size_t>(id)];
    assert(place.slot < 0);
    place.slot =
        take_slot(sizes_[static_cast<std::size_t>(size_of_[static_cast<std::size_t>(layer)])]);
    place.parts_left = 3;
    place.asked = Clock::now();
    if (reader_->pending() == 0) {
        busy_since_ = place.asked;
        busy_bytes_ = 0;
    }
    std::byte* to = slot_address(layer, place.slot);
    requests_.clear();
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        const ExpertLayout::Part& part = layout.parts[i];
        const std::int64_t begin = part.offset + expert * part.bytes;
        const std::int64_t first = round_down(begin, alignment_);
        const std::int64_t last = round_up(begin + part.bytes, alignment_);
        pointers_[static_cast<std::size_t>(layer)][i][static_cast<std::size_t>(expert)] =
            to + (begin - first);
        requests_.push_back({first, to, last - first, static_cast<std::uint64_t>(id) * 4 + i});
        bytes += static_cast<std::uint64_t>(last - first);
        to += region_bytes(part, alignment_);
    }
    reader_->submit(file_, requests_);
    busy_bytes_ += bytes;
    set_tier(id, ExpertTier::host);
    layer_use_[static_cast<std::size_t>(layer)].read_bytes += bytes;
    const std::lock_guard lock(mutex_);
    shared_.totals.read_bytes += bytes;
    ++shared_.totals.experts_read;
}

void ExpertStore::fail_read(ExpertId id, const ReadCompletion& completion) {
    places_[static_cast<std::size_t>(id)].broken = true;
    if (failed()) return;
    need_reopen_ = true;
    const std::string which =
        fmt::format("expert {} of layer {}", id % options_.experts, layer_of(id));
    error_ = {ErrorCode::io,
              completion.error != 0
                  ? fmt::format("cannot read {} from '{}': {}; nothing of the conversation is "
                                "lost, check the disk and go on",
                                which, path_, std::strerror(completion.error))
                  : fmt::format("'{}' ends before {}: it was cut off while it was in use; nothing "
                                "of the conversation is lost, get the file again and go on",
                                path_, which)};
}

void ExpertStore::collect(bool wait) {
    for (;;) {
        const std::size_t count = reader_->take(completions_, wait);
        const Clock::time_point now = Clock::now();
        for (std::size_t i = 0; i < count; ++i) {
            const ReadCompletion& done = completions_[i];
            const auto id = static_cast<ExpertId>(done.tag / 4);
            const auto part = static_cast<std::size_t>(done.tag % 4);
            const int layer = layer_of(id);
            const ExpertLayout::Part& layout =
                options_.layers[static_cast<std::size_t>(layer)].parts[part];
            const std::int64_t begin = layout.offset + (id % options_.experts) * layout.bytes;
            Place& place = places_[static_cast<std::size_t>(id)];
            if (done.error != 0 ||
                done.bytes < begin - round_down(begin, alignment_) + layout.bytes)
                fail_read(id, done);
            if (--place.parts_left > 0) continue;
            const std::lock_guard lock(mutex_);
            const auto seconds =
                static_cast<float>(std::chrono::duration<double>(now - place.asked).count());
            if (shared_.latencies.size() < kLatencies)
                shared_.latencies.push_back(seconds);
            else
                shared_.latencies[shared_.latency_count % kLatencies] = seconds;
            ++shared_.latency_count;
        }
        if (wait && count > 0 && reader_->pending() == 0) {
            // Both ends of this stretch of reading were seen as they happened.
            const std::lock_guard lock(mutex_);
            shared_.busy_bytes += static_cast<double>(busy_bytes_);
            shared_.busy_seconds += std::chrono::duration<double>(now - busy_since_).count();
            if (shared_.busy_seconds > kBusyMemory) {
                shared_.busy_bytes /= 2;
                shared_.busy_seconds /= 2;
            }
        }
        if (count < completions_.size()) return;
        wait = false;
    }
}

void ExpertStore::wait_for(ExpertId id) {
    if (places_[static_cast<std::size_t>(id)].parts_left == 0) return;
    const Clock::time_point start = Clock::now();
    while (places_[static_cast<std::size_t>(id)].parts_left > 0) collect(true);
    stall_seconds_ += std::chrono::duration<double>(Clock::now() - start).count();
}

// --- preload -----------------------------------------------------------------------------------

void ExpertStore::expect(std::span<const float> shares) {
    cache_->policy().expect(shares);
    const std::lock_guard lock(mutex_);
    shared_.shares.assign(shares.begin(), shares.end());
    shared_.expected = shared_.shares;
}

void ExpertStore::preload(std::vector<ExpertId> order) {
    stop_preload();
    stop_preload_ = false;
    preloading_ = true;
    preloader_ = std::thread([this, order = std::move(order)] {
        run_preload(order);
        preloading_ = false;
    });
}

void ExpertStore::run_preload(const std::vector<ExpertId>& order) {
    std::deque<ExpertId> under_way;
    for (const ExpertId id : order) {
        if (stop_preload_ || failed()) return;
        if (cache_->resident(id)) continue;
        if (!cache_->preload(id)) {
            // Under a larger budget the rest would have come too.
            const std::lock_guard lock(mutex_);
            const auto rest = std::find(order.begin(), order.end(), id);
            shared_.preloaded.insert(shared_.preloaded.end(), rest, order.end());
            break;
        }
        {
            const std::lock_guard lock(mutex_);
            shared_.preloaded.push_back(id);
        }
        read_expert(id);
        under_way.push_back(id);
        if (under_way.size() < kPreloadDepth) continue;
        wait_for(under_way.front());
        under_way.pop_front();
    }
    for (const ExpertId id : under_way) wait_for(id);
}

void ExpertStore::finish_preload() {
    if (preloader_.joinable()) preloader_.join();
}

void ExpertStore::stop_preload() {
    stop_preload_ = true;
    finish_preload();
}

// --- a batch -----------------------------------------------------------------------------------

// After a failed read the file may be there again: a disk that was put back has another descriptor.
Status ExpertStore::reopen() {
    TRY(ReadFile again, ReadFile::open(path_, direct_));
    if (again.size() != file_.size() || again.alignment() > alignment_ ||
        !again.same_content(file_))
        return fail(ErrorCode::io,
                    "'{}' is not the file it was when the model was opened; open the model again",
                    path_);
    file_ = std::move(again);
    need_reopen_ = false;
    return {};
}

Status ExpertStore::begin_batch(std::int64_t first_position, int rows) {
    stop_preload();
    if (failed()) {
        // What was read ahead of the first batch.
        const Status ended = end_batch(false);
        if (!ended) return ended;
    }
    collect(false);
    if (need_reopen_) TRY_STATUS(reopen());
    TRY_STATUS(file_.unchanged());
    rows_ = rows;
    position_ = first_position;
    batch_start_ = Clock::now();
    stall_seconds_ = 0;
    for (OpenLayer& layer : open_) layer.begun = false;
    std::fill(layer_use_.begin(), layer_use_.end(), ExpertLayerUse{});
    batch_.position = first_position;
    batch_.rows = rows;
    batch_.experts.assign(open_.size() * static_cast<std::size_t>(rows * options_.used), -1);
    batch_.predicted.clear();
    cache_->begin_batch(rows);
    return {};
}

void ExpertStore::announce(int layer, std::span<const std::int32_t> selected) {
    if (ExpertCache::begins_ahead(cache_->config(), options_.hash_layers, rows_))
        begin_layer(layer, selected);
}

bool ExpertStore::predicts(int rows) const {
    return ahead_.on() && rows == 1;
}

void ExpertStore::predict(int layer, std::span<const std::int32_t> selected) {
    const auto frame = static_cast<std::size_t>(options_.used);
    if (batch_.predicted.empty()) batch_.predicted.assign(open_.size() * frame, -1);
    for (std::size_t i = 0; i < frame; ++i)
        batch_.predicted[static_cast<std::size_t>(layer) * frame + i] =
            static_cast<std::int16_t>(selected[i]);
    if (failed()) return;
    come_.clear();
    removed_.clear();
    cache_->read_ahead(layer, selected, come_, removed_);
    for (const ExpertId id : removed_) {
        wait_for(id);
        free_place(id);
    }
    for (const ExpertId id : come_) read_expert(id);
}

void ExpertStore::request(int layer, std::span<const std::int32_t> selected) {
    begin_layer(layer, selected);
}

void ExpertStore::begin_layer(int layer, std::span<const std::int32_t> selected) {
    OpenLayer& open = open_[static_cast<std::size_t>(layer)];
    if (open.begun) return;
    open.begun = true;
    const std::size_t frame = selected.size();
    for (std::size_t i = 0; i < frame; ++i)
        batch_.experts[static_cast<std::size_t>(layer) * frame + i] =
            static_cast<std::int16_t>(selected[i]);
    unique_.assign(selected.begin(), selected.end());
    std::sort(unique_.begin(), unique_.end());
    uses_.clear();
    std::size_t to = 0;
    for (std::size_t i = 0; i < unique_.size();) {
        std::size_t end = i;
        while (end < unique_.size() && unique_[end] == unique_[i]) ++end;
        unique_[to++] = unique_[i];
        uses_.push_back(static_cast<std::int32_t>(end - i));
        i = end;
    }
    unique_.resize(to);
    {
        const std::lock_guard lock(mutex_);
        const double add = 1.0 - std::exp2(-rows_ / kShareHalfLife);
        float* const shares =
            shared_.shares.data() + static_cast<std::ptrdiff_t>(layer) * options_.experts;
        for (int expert = 0; expert < options_.experts; ++expert)
            shares[expert] *= static_cast<float>(1.0 - add);
        for (std::size_t i = 0; i < unique_.size(); ++i)
            shares[unique_[i]] += static_cast<float>(add * uses_[i] / rows_);
    }
    layer_use_[static_cast<std::size_t>(layer)].needed = static_cast<std::int32_t>(unique_.size());
    cache_->begin_layer(layer, unique_, uses_);
    open_wave(layer);
    open_wave(layer);
}

// The next wave of a layer, if it has one: makes room, begins to read what is missing.
void ExpertStore::open_wave(int layer) {
    if (failed()) return;
    OpenLayer& open = open_[static_cast<std::size_t>(layer)];
    Out& out = open.waves[open.count];
    if (!cache_->next_wave(layer, out.wave)) return;
    for (const ExpertId id : out.wave.removed) {
        wait_for(id);
        free_place(id);
    }
    out.left = out.wave.entries.size();
    out.given.assign(out.left, false);
    ExpertLayerUse& use = layer_use_[static_cast<std::size_t>(layer)];
    for (const ExpertCache::Entry& entry : out.wave.entries) {
        if (!entry.hit) {
            read_expert(entry.id);
            ++use.misses;
        }
        const std::lock_guard lock(mutex_);
        const auto at = static_cast<std::size_t>(entry.id);
        ++(entry.hit ? shared_.hits : shared_.misses)[at];
        ++(entry.hit ? shared_.totals.hits : shared_.totals.misses);
    }
    ++open.count;
}

std::span<const std::int32_t> ExpertStore::next(int layer) {
    OpenLayer& open = open_[static_cast<std::size_t>(layer)];
    assert(open.begun);
    given_.clear();
    collect(false);
    for (;;) {
        if (failed()) return {};
        bool waiting = false;
        for (Out& out : open.out()) {
            for (std::size_t i = 0; i < out.given.size(); ++i) {
                if (out.given[i]) continue;
                const ExpertId id = out.wave.entries[i].id;
                if (places_[static_cast<std::size_t>(id)].parts_left > 0) {
                    waiting = true;
                    continue;
                }
                out.given[i] = true;
                given_.push_back(id % options_.experts);
            }
        }
        if (!given_.empty() || !waiting) return given_;
        const Clock::time_point start = Clock::now();
        collect(true);
        const double waited = std::chrono::duration<double>(Clock::now() - start).count();
        stall_seconds_ += waited;
        layer_use_[static_cast<std::size_t>(layer)].stall_seconds += static_cast<float>(waited);
    }
}

void ExpertStore::release(int layer, std::span<const std::int32_t> experts) {
    OpenLayer& open = open_[static_cast<std::size_t>(layer)];
    for (const std::int32_t expert : experts) {
        const ExpertId id = layer * options_.experts + expert;
        for (Out& out : open.out()) {
            const auto& entries = out.wave.entries;
            if (std::any_of(entries.begin(), entries.end(),
                            [&](const ExpertCache::Entry& entry) { return entry.id == id; }))
                --out.left;
        }
    }
    while (open.count > 0 && open.waves[0].left == 0) {
        cache_->give_back(open.waves[0].wave);
        open.give_back_first();
        open_wave(layer);
    }
}

Status ExpertStore::end_batch(bool complete) {
    complete = complete && !failed();
    if (!complete) {
        // What is under way goes to memory that others will get.
        while (reader_->pending() > 0) collect(true);
        for (OpenLayer& open : open_) {
            for (const Out& out : open.out()) cache_->give_back(out.wave);
            open.count = 0;
        }
        for (std::size_t id = 0; id < places_.size(); ++id) {
            if (!places_[id].broken) continue;
            cache_->drop(static_cast<ExpertId>(id));
            free_place(static_cast<ExpertId>(id));
        }
    }
    batch_seconds_ = std::chrono::duration<double>(Clock::now() - batch_start_).count();
    if (complete && rows_ == 1) ahead_.decoded(batch_seconds_);
    {
        const std::lock_guard lock(mutex_);
        const ExpertCache::Counts& counts = cache_->counts();
        shared_.totals.ahead_used = counts.ahead_used;
        shared_.totals.ahead_wasted = counts.ahead_wasted;
        shared_.totals.stall_seconds += stall_seconds_;
        shared_.looking_ahead = ahead_.on();
        shared_.seconds_with = ahead_.seconds_with();
        shared_.seconds_without = ahead_.seconds_without();
        if (complete) {
            std::deque<double>& times =
                rows_ == 1 ? shared_.decode_seconds : shared_.prefill_seconds;
            times.push_back((batch_seconds_ - stall_seconds_) / rows_);
            if (times.size() > kTimes) times.pop_front();
            shared_.batch_rows += rows_;
            shared_.batches.push_back(
                std::make_shared<const ExpertTrace::Batch>(std::move(batch_)));
            while (shared_.batch_rows > kTraceRows && shared_.batches.size() > 1) {
                shared_.preloaded.clear();
                shared_.batch_rows -= shared_.batches.front()->rows;
                shared_.batches.pop_front();
            }
        }
    }
    batch_ = {};
    if (!failed()) return {};
    Error error = std::move(error_);
    error_ = {};
    return tl::unexpected<Error>(std::move(error));
}

// --- what others see ---------------------------------------------------------------------------

ExpertsFrame ExpertStore::last_frame() const {
    return {position_, rows_, rows_ > 1, batch_seconds_, stall_seconds_, layer_use_};
}

ExpertTotals ExpertStore::totals() const {
    const std::lock_guard lock(mutex_);
    return shared_.totals;
}

std::vector<float> ExpertStore::use_shares() const {
    const std::lock_guard lock(mutex_);
    return shared_.shares;
}

ExpertMemorySnapshot ExpertStore::snapshot() const {
    ExpertMemorySnapshot out;
    out.layers = static_cast<int>(options_.layers.size());
    out.experts = options_.experts;
    out.experts_used = options_.used;
    out.hash_layers = options_.hash_layers;
    out.budget_bytes = options_.budget;
    for (const ExpertLayout& layer : options_.layers)
        out.routed_bytes += static_cast<std::uint64_t>(layer.bytes() * options_.experts);
    std::vector<float> latencies;
    {
        const std::lock_guard lock(mutex_);
        out.resident_bytes = shared_.resident_bytes;
        out.resident_experts = shared_.resident_experts;
        out.tiers = shared_.tiers;
        out.hits = shared_.hits;
        out.misses = shared_.misses;
        out.totals = shared_.totals;
        out.note = shared_.note;
        out.looking_ahead = shared_.looking_ahead;
        out.seconds_with_lookahead = shared_.seconds_with;
        out.seconds_without_lookahead = shared_.seconds_without;
        out.latency.count = shared_.latency_count;
        latencies = shared_.latencies;
        if (shared_.busy_seconds > 0) out.read_bytes_s = shared_.busy_bytes / shared_.busy_seconds;
    }
    if (!latencies.empty()) {
        std::sort(latencies.begin(), latencies.end());
        out.latency.median_seconds = latencies[latencies.size() / 2];
        out.latency.p95_seconds = latencies[(latencies.size() - 1) * 95 / 100];
        out.latency.longest_seconds = latencies.back();
    }
    out.policy = options_.policy.empty() ? std::string(expert_policies().front()) : options_.policy;
    out.reads = fmt::format("{}, {}{}", reader_->name(), direct_ ? "direct" : "buffered",
                            pinned_any_ ? ", registered memory" : "");
    return out;
}

ExpertTrace ExpertStore::trace() const {
    ExpertTrace out;
    out.layers = static_cast<int>(options_.layers.size());
    out.experts = options_.experts;
    out.used = options_.used;
    out.hash_layers = options_.hash_layers;
    out.model = options_.model;
    for (const ExpertLayout& layer : options_.layers)
        out.expert_bytes.push_back(layer.streamed ? slot_bytes(layer, alignment_) : 0);
    // Batches are copied when the engine may go on.
    std::vector<std::shared_ptr<const ExpertTrace::Batch>> batches;
    {
        const std::lock_guard lock(mutex_);
        out.compute_seconds =
            median({shared_.decode_seconds.begin(), shared_.decode_seconds.end()});
        out.prefill_seconds =
            median({shared_.prefill_seconds.begin(), shared_.prefill_seconds.end()});
        if (shared_.busy_seconds > 0) out.read_bytes_s = shared_.busy_bytes / shared_.busy_seconds;
        out.expected = shared_.expected;
        out.preloaded = shared_.preloaded;
        batches.assign(shared_.batches.begin(), shared_.batches.end());
    }
    for (const auto& batch : batches) out.batches.push_back(*batch);
    return out;
}

}  // namespace starglass
