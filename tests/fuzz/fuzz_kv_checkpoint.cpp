// SPDX-License-Identifier: MIT
//
// libFuzzer target for checkpoints of the KV cache: header, state for a small shape, and the texts
// that are read without one. What is accepted has exactly the sizes of the shape and comes out the
// same when it is written again.
#include "fuzz/kv_fuzz.h"

namespace starglass::fuzz {
namespace {

void require_sizes(const CheckpointHeader& header, const CheckpointTail& tail,
                   const CheckpointState& state) {
    const std::int64_t whole = header.tokens - header.tail_tokens();
    require(static_cast<std::int64_t>(tail.tokens.size()) == header.tail_tokens());
    require(static_cast<std::int64_t>(tail.rows.size()) ==
            row_bytes(shape().layers, whole, header.tokens));
    require(state.kv.positions == header.tokens);
    require(state.kv.layers.size() == shape().layers.size());
    const std::int64_t window = std::min<std::int64_t>(header.tokens, shape().window);
    for (std::size_t i = 0; i < shape().layers.size(); ++i) {
        const LayerStateShape& layer = shape().layers[i];
        const KvState::Snapshot::Layer& got = state.kv.layers[i];
        const auto slots = static_cast<std::size_t>(layer.coff * layer.ratio * layer.coff);
        const std::size_t kv = slots * static_cast<std::size_t>(layer.kv_width);
        const std::size_t index =
            layer.indexed ? slots * static_cast<std::size_t>(layer.index_width) : 0;
        require(static_cast<std::int64_t>(got.window.size()) == window * layer.kv_row.stride);
        require(got.frontier_kv.size() == kv && got.frontier_score.size() == kv);
        require(got.index_frontier_kv.size() == index && got.index_frontier_score.size() == index);
    }
    require(state.logits.size() ==
            (header.has_logits ? static_cast<std::size_t>(shape().vocabulary) : 0));
}

void require_same_texts(const CheckpointTail& tail, const std::vector<ToolBlock>& blocks,
                        const CheckpointText& other) {
    require(other.tail.tokens == tail.tokens && other.tail.text == tail.text);
    require(other.blocks.size() == blocks.size());
    for (std::size_t i = 0; i < blocks.size(); ++i)
        require(other.blocks[i].id == blocks[i].id && other.blocks[i].block == blocks[i].block);
}

// Longer ones differ only in how many pages there are.
constexpr std::int64_t kTokensMax = 4096;

void write_again(CheckpointHeader header, const CheckpointTail& tail, CheckpointState state) {
    if (header.tokens > kTokensMax) return;
    const std::int64_t whole = header.tokens - header.tail_tokens();
    make_rows(state.kv, header.tokens);
    copy_rows_in(state.kv, shape().layers, whole, header.tokens, tail.rows.data());
    state.tokens.resize(static_cast<std::size_t>(whole));
    state.tokens.insert(state.tokens.end(), tail.tokens.begin(), tail.tokens.end());
    const EncodedCheckpoint file = encode_checkpoint(header, state, tail.text, shape().layers);
    const auto parsed = parse_checkpoint_header(file.header);
    require(parsed.has_value());
    require_same(*parsed, header);
    CheckpointState read;
    const auto again = decode_checkpoint_body(*parsed, file.body, shape(), read);
    require(again && again->tokens == tail.tokens && again->text == tail.text &&
            again->rows == tail.rows && same_floats(read.logits, state.logits));
    for (std::size_t i = 0; i < shape().layers.size(); ++i) {
        const KvState::Snapshot::Layer& a = state.kv.layers[i];
        const KvState::Snapshot::Layer& b = read.kv.layers[i];
        require(a.window == b.window && same_floats(a.frontier_kv, b.frontier_kv) &&
                same_floats(a.frontier_score, b.frontier_score) &&
                same_floats(a.index_frontier_kv, b.index_frontier_kv) &&
                same_floats(a.index_frontier_score, b.index_frontier_score));
    }
}

}  // namespace
}  // namespace starglass::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    using namespace starglass::fuzz;
    write_seeds_if_asked([] {
        std::vector<Bytes> out;
        for (Sample& one : samples()) out.push_back(std::move(one.checkpoint));
        return out;
    });
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace starglass;
    using namespace starglass::fuzz;
    const Bytes file = copy_of(data, size);
    const auto length = checkpoint_header_bytes(
        std::span<const std::byte>(file).first(std::min(file.size(), kCheckpointStartBytes)));
    const auto header = parse_checkpoint_header(file);
    if (!accepted(length)) {
        require(!header);
        return 0;
    }
    if (!accepted(header)) return 0;
    require(header->bytes == *length && header->bytes <= file.size());
    require(header->tail_tokens() >= 0 && header->tail_tokens() < kSegmentTokens);
    {
        CheckpointHeader copy = *header;
        const auto again = parse_checkpoint_header(encode_checkpoint_header(copy));
        require(again.has_value());
        require_same(*again, *header);
    }
    const auto stored = std::span<const std::byte>(file).subspan(header->bytes);
    const auto texts = decode_checkpoint_text(*header, stored);
    (void)accepted(texts);
    CheckpointState state;
    const auto tail = decode_checkpoint_body(*header, stored, shape(), state);
    if (!accepted(tail)) return 0;
    require_sizes(*header, *tail, state);
    require(texts.has_value());
    require_same_texts(*tail, state.blocks, *texts);
    require(checkpoint_id(*header, tail->tokens).size() == Sha1::kBytes * 2 + 1 + 16);
    write_again(*header, *tail, std::move(state));
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
    using namespace starglass::fuzz;
    return mutate_input(data, size, size_max, seed, mutate_checkpoint);
}
