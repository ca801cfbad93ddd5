// SPDX-License-Identifier: MIT
//
// libFuzzer target for the index of the KV cache: what it names goes into a catalogue, is counted,
// described and ordered, written again, and must come back the same.
#include <algorithm>
#include <cmath>
#include <map>

#include "cache/catalogue.h"
#include "fuzz/kv_fuzz.h"

namespace starglass::fuzz {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;
constexpr std::size_t kStart = 8 + 4 + 4;      // magic, version, entries
constexpr std::size_t kFixed = 4 + 4 + 5 * 8;  // of an entry, in front of id and header

void require_same_entry(const CheckpointEntry& a, const CheckpointEntry& b) {
    require(a.id == b.id && a.file_bytes == b.file_bytes && a.modified_ns == b.modified_ns &&
            a.use.hits == b.use.hits && a.use.last_used_unix == b.use.last_used_unix &&
            a.use.load_seconds == b.use.load_seconds);
    require_same(a.header, b.header);
}

void look_at(Catalogue& catalogue, const std::map<std::string, CheckpointEntry>& expected) {
    require(catalogue.entries().size() == expected.size());
    std::int64_t total = 0;
    for (const auto& [id, entry] : expected) total += entry.file_bytes;
    require(catalogue.bytes() == total && catalogue.segments() == 0);
    // Every second entry's segments are there.
    bool there = true;
    for (const auto& [id, entry] : expected) {
        if (there)
            for (const ChainId& segment : entry.header.segments)
                catalogue.add_segment(segment, 1000);
        there = !there;
    }
    require(catalogue.bytes() == total + 1000 * catalogue.segments());
    require(catalogue.guarded_bytes() == 0 && catalogue.unneeded_segments().empty());
    const auto infos = catalogue.describe(kNow);
    require(infos.size() == expected.size());
    for (const CheckpointInfo& info : infos) {
        require(expected.contains(info.id) && !std::isnan(info.value) && info.value >= 0);
        require(info.freed_bytes >= info.own_bytes);
        if (!info.parent.empty()) {
            const CheckpointEntry* parent = catalogue.find(info.parent);
            require(parent != nullptr && parent->header.tokens < info.tokens);
        }
    }
    const auto order = catalogue.eviction_order(kNow);
    require(order.size() == expected.size());
    for (std::size_t i = 1; i < order.size(); ++i)
        require(catalogue.value(*order[i - 1], kNow) <= catalogue.value(*order[i], kNow));
}

void take_apart(Catalogue& catalogue, const std::map<std::string, CheckpointEntry>& expected) {
    for (const auto& [id, entry] : expected) catalogue.remove(id);
    require(catalogue.entries().empty() && catalogue.bytes() == 1000 * catalogue.segments());
    for (const ChainId& id : catalogue.unneeded_segments()) catalogue.remove_segment(id);
    require(catalogue.bytes() == 0 && catalogue.segments() == 0);
}

// --- mutations ---------------------------------------------------------------------------------

// Where the entries begin, as far as their lengths make sense; the end of the last is in it.
std::vector<std::size_t> entry_starts(const Bytes& file) {
    std::vector<std::size_t> out;
    const std::size_t end = file.size() < 8 ? 0 : file.size() - 8;
    for (std::size_t at = kStart; at <= end;) {
        out.push_back(at);
        if (end - at < kFixed) break;
        const std::uint64_t id = load_unaligned<std::uint32_t>(file.data() + at);
        const std::uint64_t header = load_unaligned<std::uint32_t>(file.data() + at + 4);
        if (id + header > end - at - kFixed) break;
        at += kFixed + id + header;
    }
    return out;
}

void mutate_index(Bytes& file, Random& random) {
    const std::vector<std::size_t> starts = entry_starts(file);
    const auto mode = random() % 8;
    if (mode == 0 || starts.size() < 2) return mutate_part(file, 0, file.size());
    const std::size_t which = random() % (starts.size() - 1);
    const std::size_t at = starts[which];
    const std::size_t size = starts[which + 1] - at;
    const Bytes head = slice(file, 0, at);
    const Bytes tail = slice(file, at + size, file.size());
    Bytes entry = slice(file, at, size);
    const std::size_t id_bytes = load_unaligned<std::uint32_t>(entry.data());
    auto count = load_unaligned<std::uint32_t>(file.data() + 12);
    switch (mode) {
        case 1:
            mutate_part(entry, 0, entry.size());
            break;
        case 2:
            mutate_in_place(entry, random() % 6 * 8, 8);
            break;
        case 3: {  // another id
            Bytes id = slice(entry, kFixed, id_bytes);
            mutate_part(id, 0, id.size());
            const Bytes rest = slice(entry, kFixed + id_bytes, entry.size());
            entry.resize(kFixed);
            patch(entry, 0, static_cast<std::uint32_t>(id.size()));
            append(entry, id);
            append(entry, rest);
            break;
        }
        case 4:
            append(entry, entry);
            ++count;
            break;
        case 5:
            entry.clear();
            --count;
            break;
        default: {  // its header, as a checkpoint of its own without a body
            Bytes header = slice(entry, kFixed + id_bytes, entry.size());
            mutate_checkpoint(header, random);
            entry.resize(kFixed + id_bytes);
            patch(entry, 4, static_cast<std::uint32_t>(header.size()));
            append(entry, header);
            const auto parsed = parse_checkpoint_header(header);
            if (parsed && random() % 8 != 0)
                patch(entry, 8, std::uint64_t{parsed->bytes + parsed->body_stored});
            break;
        }
    }
    file = head;
    append(file, entry);
    append(file, tail);
    if (random() % 16 == 0) return;
    patch(file, 12, count);
    if (file.size() >= kStart + 8)
        patch(file, file.size() - 8,
              checksum(std::span<const std::byte>(file).first(file.size() - 8)));
}

}  // namespace
}  // namespace starglass::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    using namespace starglass;
    using namespace starglass::fuzz;
    write_seeds_if_asked([] {
        std::vector<Bytes> out;
        Catalogue catalogue;
        out.push_back(catalogue.write_index());
        for (const Sample& one : samples()) {
            CheckpointEntry entry;
            entry.id = one.id;
            entry.header = *parse_checkpoint_header(one.checkpoint);
            entry.header.parent = out.size() > 1 ? catalogue.entries().begin()->first : "";
            entry.file_bytes = static_cast<std::int64_t>(one.checkpoint.size());
            entry.modified_ns = kNow * 1'000'000'000;
            entry.use = {static_cast<int>(out.size()), kNow - 86400, 0.25};
            // The header's length is that of the file it describes.
            const std::size_t header = encode_checkpoint_header(entry.header).size();
            entry.file_bytes = static_cast<std::int64_t>(header + entry.header.body_stored);
            catalogue.add(std::move(entry));
            out.push_back(catalogue.write_index());
        }
        return out;
    });
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace starglass;
    using namespace starglass::fuzz;
    const Bytes file = copy_of(data, size);
    const auto entries = Catalogue::read_index(file);
    if (!accepted(entries)) return 0;
    Catalogue catalogue;
    std::map<std::string, CheckpointEntry> expected;
    for (const CheckpointEntry& entry : *entries) {
        catalogue.add(entry);
        expected[entry.id] = entry;
    }
    look_at(catalogue, expected);
    const Bytes written = catalogue.write_index();
    const auto again = Catalogue::read_index(written);
    require(again && again->size() == expected.size());
    for (const CheckpointEntry& entry : *again) {
        require(expected.contains(entry.id));
        require_same_entry(entry, expected[entry.id]);
    }
    require(catalogue.write_index() == written);
    take_apart(catalogue, expected);
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
    using namespace starglass::fuzz;
    return mutate_input(data, size, size_max, seed, mutate_index);
}
