// SPDX-License-Identifier: MIT
#include "text/bpe.h"

#include <algorithm>

namespace starglass {
namespace {

// Positions have 32 bits. A longer piece is cut; it would need 4 GiB of text without a boundary.
constexpr std::size_t kPieceBytesMax = 0xF0000000;

}  // namespace

void BytePairMerger::append(std::string_view piece, std::vector<TokenId>& out) {
    for (; piece.size() > kPieceBytesMax; piece.remove_prefix(kPieceBytesMax))
        append_bounded(piece.substr(0, kPieceBytesMax), out);
    append_bounded(piece, out);
}

void BytePairMerger::append_bounded(std::string_view piece, std::vector<TokenId>& out) {
    const auto count = static_cast<std::uint32_t>(piece.size());
    if (count == 0) return;
    symbols_.resize(count);
    for (std::uint32_t i = 0; i < count; ++i)
        symbols_[i] = {vocabulary_.byte_id(static_cast<unsigned char>(piece[i])),
                       i == 0 ? kNone : i - 1, i + 1 == count ? kNone : i + 1};

    // std heaps keep the greatest in front: "greater" is the lower rank, then the further left.
    const auto later = [](const Candidate& a, const Candidate& b) {
        return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
    };
    heap_.clear();
    for (std::uint32_t i = 0; i + 1 < count; ++i) push(i);
    std::make_heap(heap_.begin(), heap_.end(), later);

    while (!heap_.empty()) {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        const Candidate best = heap_.back();
        heap_.pop_back();
        Symbol& left = symbols_[best.position];
        if (left.id != best.left || left.next == kNone) continue;
        Symbol& right = symbols_[left.next];
        if (right.id != best.right) continue;

        left.id = best.result;
        left.next = right.next;
        right.id = -1;
        if (left.next != kNone) symbols_[left.next].previous = best.position;

        const std::size_t before = heap_.size();
        if (left.previous != kNone) push(left.previous);
        if (heap_.size() > before) std::push_heap(heap_.begin(), heap_.end(), later);
        const std::size_t between = heap_.size();
        push(best.position);
        if (heap_.size() > between) std::push_heap(heap_.begin(), heap_.end(), later);
    }
    for (std::uint32_t i = 0; i != kNone; i = symbols_[i].next) out.push_back(symbols_[i].id);
}

void BytePairMerger::push(std::uint32_t position) {
    const Symbol& left = symbols_[position];
    if (left.next == kNone) return;
    const TokenId right = symbols_[left.next].id;
    const Vocabulary::Merge merge = vocabulary_.find_merge(left.id, right);
    if (merge.result >= 0) heap_.push_back({merge.rank, position, left.id, right, merge.result});
}

}  // namespace starglass
