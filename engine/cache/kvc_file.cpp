// SPDX-License-Identifier: MIT
#include "cache/kvc_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/byte_reader.h"
#include "base/digest.h"
#include "kernel/compressor.h"

namespace starglass {
namespace {

constexpr std::array<char, 3> kMagic{'K', 'V', 'C'};
constexpr std::uint8_t kVersion = 1;
constexpr std::uint32_t kPayloadMagic = 0x34565344;  // "DSV4"
constexpr std::uint32_t kPayloadVersion = 1;
constexpr std::array<char, 3> kToolMagic{'K', 'T', 'M'};
constexpr std::uint8_t kToolVersion = 1;
// ds4 remembers 100,000 call ids by default and reads four times as many.
constexpr std::uint32_t kToolEntriesMax = 400'000;
constexpr std::uint32_t kToolIdBytesMax = 256;
constexpr std::uint32_t kToolBlockBytesMax = 512U << 20;
constexpr std::uint32_t kPrefillChunk = 2048;

constexpr std::size_t kWriteBytes = std::size_t{256} << 10;

template <class... Args>
tl::unexpected<Error> broken(fmt::format_string<Args...> format, Args&&... args) {
    return fail(ErrorCode::invalid_input, format, std::forward<Args>(args)...);
}
template <class... Args>
tl::unexpected<Error> foreign(fmt::format_string<Args...> format, Args&&... args) {
    return fail(ErrorCode::unsupported, format, std::forward<Args>(args)...);
}

// Rows and states of one layer after `tokens` tokens, in floats.
struct LayerCounts {
    std::uint64_t rows = 0;
    std::uint64_t index_rows = 0;
    std::uint64_t state = 0;        // each of the two compressor states
    std::uint64_t index_state = 0;  // each of the two of the indexer
};

LayerCounts layer_counts(const LayerStateShape& layer, std::uint64_t tokens) {
    LayerCounts counts;
    if (layer.ratio == 0) return counts;
    const auto slots = static_cast<std::uint64_t>(layer.coff) * static_cast<unsigned>(layer.ratio);
    const auto lanes = static_cast<std::uint64_t>(layer.coff);
    counts.rows = tokens / static_cast<unsigned>(layer.ratio);
    counts.state = slots * lanes * static_cast<unsigned>(layer.kv_width);
    if (layer.indexed) {
        counts.index_rows = counts.rows;
        counts.index_state = slots * lanes * static_cast<unsigned>(layer.index_width);
    }
    return counts;
}

std::uint64_t window_rows(const KvcShape& shape, std::uint64_t tokens) {
    return std::min<std::uint64_t>(tokens, static_cast<unsigned>(shape.window));
}

// ds4 keeps one row more than can be completed, and one to spare.
std::uint64_t compressed_rows_max(const KvcShape& shape, std::uint64_t context) {
    int finest = 0;
    for (const LayerStateShape& layer : shape.layers)
        if (layer.ratio != 0 && (finest == 0 || layer.ratio < finest)) finest = layer.ratio;
    return context / static_cast<unsigned>(finest == 0 ? 4 : finest) + 2;
}

// The slots of a frontier that hold something: [0, previous) and [first, first + current).
struct UsedSlots {
    std::int64_t previous, first, current;
    [[nodiscard]] bool contains(std::int64_t slot) const {
        return slot < previous || (slot >= first && slot < first + current);
    }
};

UsedSlots used_slots(const LayerStateShape& layer, std::int64_t tokens) {
    const bool overlap = layer.coff == 2;
    return {overlap && tokens >= layer.ratio ? layer.ratio : 0, overlap ? layer.ratio : 0,
            tokens % layer.ratio};
}

std::string layer_place(std::string_view what, std::size_t layer) {
    return fmt::format("{} of layer {}", what, layer);
}

// --- reading ---------------------------------------------------------------------------------

// The body of a payload whose length has been found right: reads cannot fail for lack of bytes.
class BodyReader {
public:
    BodyReader(std::span<const std::byte> bytes, std::uint64_t tokens)
        : bytes_(bytes), tokens_(static_cast<std::int64_t>(tokens)) {}

    template <class T>
    void read(std::span<T> out) {
        std::memcpy(out.data(), bytes_.data(), out.size_bytes());
        bytes_ = bytes_.subspan(out.size_bytes());
    }

    Status logits(std::vector<float>& out, int vocabulary) {
        out.resize(static_cast<std::size_t>(vocabulary));
        read(std::span(out));
        for (std::size_t id = 0; id < out.size(); ++id)
            if (!std::isfinite(out[id]))
                return broken("the logit of token {} is not a finite number", id);
        return {};
    }

    // Floats to codes that give the same floats back; `row_at` says where each row's codes go.
    template <class RowAt>
    Status rows(const RowLayout& layout, std::uint64_t count, const std::string& what,
                const RowAt& row_at) {
        const auto width = static_cast<std::size_t>(layout.width);
        values_.resize(width);
        decoded_.resize(width);
        for (std::uint64_t row = 0; row < count; ++row) {
            read(std::span(values_));
            for (const float value : values_)
                if (!std::isfinite(value))
                    return broken("row {} of the {} holds a value that is not a finite number", row,
                                  what);
            std::byte* const codes = row_at(row);
            encode_row(layout, values_.data(), codes);
            decode_row(layout, codes, decoded_.data());
            if (std::memcmp(values_.data(), decoded_.data(), width * sizeof(float)) != 0)
                return foreign(
                    "row {} of the {} was not rounded as this model rounds its rows, so it comes "
                    "from another kind of model",
                    row, what);
        }
        return {};
    }

    Status window(const RowLayout& layout, std::uint64_t count, const std::string& what,
                  std::vector<std::byte>& out) {
        out.resize(count * static_cast<unsigned>(layout.stride));
        return rows(layout, count, what, [&](std::uint64_t row) {
            return out.data() + row * static_cast<unsigned>(layout.stride);
        });
    }

    Status pages(const RowLayout& layout, std::uint64_t count, const std::string& what,
                 PagedRows& out) {
        out = PagedRows(layout);
        std::vector<std::byte*> addresses;
        return rows(layout, count, what, [&](std::uint64_t row) {
            const auto at = static_cast<std::int64_t>(row);
            const std::int64_t offset = at % PagedRows::kRowsPerPage;
            if (offset == 0)
                out.prepare(
                    at, std::min(PagedRows::kRowsPerPage, static_cast<std::int64_t>(count) - at),
                    addresses);
            return addresses[static_cast<std::size_t>(offset)];
        });
    }

    // The two compressor states. ds4's decode leaves stale rows in slots that hold nothing yet;
    // ours are cleared, so that equal timelines have equal bytes.
    Status states(const LayerStateShape& layer, std::uint64_t floats, const std::string& what,
                  std::vector<float>& kv, std::vector<float>& score) {
        kv.resize(floats);
        score.resize(floats);
        read(std::span(kv));
        read(std::span(score));
        const UsedSlots used = used_slots(layer, tokens_);
        const std::size_t columns = floats / (static_cast<unsigned>(layer.coff * layer.ratio));
        for (std::int64_t slot = 0; slot < layer.coff * layer.ratio; ++slot) {
            const std::size_t begin = static_cast<std::size_t>(slot) * columns;
            if (!used.contains(slot)) {
                std::fill_n(kv.begin() + static_cast<std::ptrdiff_t>(begin), columns, 0.0F);
                std::fill_n(score.begin() + static_cast<std::ptrdiff_t>(begin), columns,
                            kEmptyScore);
                continue;
            }
            for (std::size_t i = begin; i < begin + columns; ++i)
                if (!std::isfinite(kv[i]) || !std::isfinite(score[i]))
                    return broken("slot {} of the {} holds a value that is not a finite number",
                                  slot, what);
        }
        return {};
    }

private:
    std::span<const std::byte> bytes_;
    std::int64_t tokens_;
    std::vector<float> values_, decoded_;
};

Result<KvcPayloadHeader> parse_payload_header(std::span<const std::byte> bytes) {
    ByteReader reader(bytes);
    std::array<std::uint32_t, 13> fields{};
    for (std::uint32_t& field : fields)
        if (!reader.read(field))
            return broken("the payload has {} bytes, but its header alone takes {}", bytes.size(),
                          kKvcPayloadHeaderBytes);
    if (fields[0] != kPayloadMagic)
        return broken("the payload begins with {:#010x} instead of {:#010x} (\"DSV4\")", fields[0],
                      kPayloadMagic);
    if (fields[1] != kPayloadVersion)
        return foreign("the payload's version is {}; only version {} is known", fields[1],
                       kPayloadVersion);
    KvcPayloadHeader header;
    header.context = fields[2];
    header.prefill_chunk = fields[3];
    header.ring_rows = fields[4];
    header.window = fields[5];
    header.compressed_rows_max = fields[6];
    header.tokens = fields[7];
    header.layers = fields[8];
    header.row_width = fields[9];
    header.index_width = fields[10];
    header.vocabulary = fields[11];
    header.window_rows = fields[12];
    return header;
}

// ds4 also wants its own prefill chunk, and a context and a row capacity no larger than its own,
// because its buffers are as large as those. Ours grow, so that only the tokens must fit.
Status check_payload_header(const KvcPayloadHeader& at, const KvcHeader& outer,
                            const KvcShape& shape) {
    const auto differs = [](std::string_view field, std::uint64_t has, std::uint64_t wanted) {
        return foreign("the payload's {} is {}, but this model's is {}", field, has, wanted);
    };
    if (at.layers != shape.layers.size())
        return differs("layer count", at.layers, shape.layers.size());
    const auto row_width = static_cast<std::uint32_t>(shape.layers.front().kv_width);
    const auto index_width = static_cast<std::uint32_t>(shape.layers.front().index_width);
    if (at.row_width != row_width) return differs("KV row width", at.row_width, row_width);
    if (at.index_width != index_width)
        return differs("indexer row width", at.index_width, index_width);
    if (at.vocabulary != static_cast<std::uint32_t>(shape.vocabulary))
        return differs("vocabulary size", at.vocabulary, static_cast<unsigned>(shape.vocabulary));
    if (at.window != static_cast<std::uint32_t>(shape.window))
        return differs("sliding window", at.window, static_cast<unsigned>(shape.window));
    if (at.tokens != outer.tokens)
        return broken("the payload's token count is {}, but the file's header says {}", at.tokens,
                      outer.tokens);
    if (at.tokens >= at.context)
        return broken("the payload's token count {} does not fit its own context of {}", at.tokens,
                      at.context);
    if (at.tokens >= static_cast<std::uint64_t>(shape.context_tokens))
        return fail(ErrorCode::invalid_input,
                    "the checkpoint has {} tokens, but the context holds {} and one must stay "
                    "free; open the model with a larger context",
                    at.tokens, shape.context_tokens);
    if (at.prefill_chunk == 0 || at.prefill_chunk > at.context)
        return broken("the payload's prefill chunk is {}; between 1 and its context of {} is right",
                      at.prefill_chunk, at.context);
    if (at.window_rows != window_rows(shape, at.tokens))
        return broken("the payload stores {} raw rows; {} tokens leave {}", at.window_rows,
                      at.tokens, window_rows(shape, at.tokens));
    if (at.ring_rows == 0 || at.ring_rows < at.window_rows)
        return broken("the payload's raw ring holds {} rows, fewer than the {} stored",
                      at.ring_rows, at.window_rows);
    const std::uint64_t rows = compressed_rows_max(shape, at.tokens) - 2;
    if (at.compressed_rows_max < rows)
        return broken("the payload's row capacity is {}, but {} tokens complete {} rows",
                      at.compressed_rows_max, at.tokens, rows);
    return {};
}

Status check_row_counts(std::span<const std::uint32_t> rows,
                        std::span<const std::uint32_t> index_rows, const KvcShape& shape,
                        std::uint64_t tokens) {
    for (std::size_t layer = 0; layer < rows.size(); ++layer) {
        const LayerCounts wanted = layer_counts(shape.layers[layer], tokens);
        if (rows[layer] != wanted.rows)
            return broken("layer {} has {} compressed rows; {} tokens leave {}", layer, rows[layer],
                          tokens, wanted.rows);
        if (index_rows[layer] != wanted.index_rows)
            return broken("layer {} has {} indexer rows; {} tokens leave {}", layer,
                          index_rows[layer], tokens, wanted.index_rows);
    }
    return {};
}

Status read_body(std::span<const std::byte> bytes, const KvcShape& shape, std::uint32_t tokens,
                 CheckpointState& state) {
    BodyReader reader(bytes, tokens);
    state.tokens.resize(tokens);
    reader.read(std::span(state.tokens));
    for (std::size_t i = 0; i < state.tokens.size(); ++i)
        if (state.tokens[i] < 0 || state.tokens[i] >= shape.vocabulary)
            return broken("token {} at position {} is outside the vocabulary (0 to {})",
                          static_cast<std::uint32_t>(state.tokens[i]), i, shape.vocabulary - 1);
    TRY_STATUS(reader.logits(state.logits, shape.vocabulary));
    std::vector<std::uint32_t> rows(shape.layers.size()), index_rows(shape.layers.size());
    reader.read(std::span(rows));
    reader.read(std::span(index_rows));
    TRY_STATUS(check_row_counts(rows, index_rows, shape, tokens));

    state.kv.positions = tokens;
    state.kv.layers.resize(shape.layers.size());
    for (std::size_t i = 0; i < shape.layers.size(); ++i) {
        const LayerStateShape& layer = shape.layers[i];
        KvState::Snapshot::Layer& out = state.kv.layers[i];
        TRY_STATUS(reader.window(layer.kv_row, window_rows(shape, tokens),
                                 layer_place("raw rows", i), out.window));
        if (layer.ratio == 0) continue;
        const LayerCounts counts = layer_counts(layer, tokens);
        TRY_STATUS(reader.pages(layer.kv_row, counts.rows, layer_place("compressed rows", i),
                                out.compressed));
        TRY_STATUS(reader.states(layer, counts.state, layer_place("compressor state", i),
                                 out.frontier_kv, out.frontier_score));
        if (!layer.indexed) continue;
        TRY_STATUS(reader.pages(layer.index_row, counts.index_rows, layer_place("indexer rows", i),
                                out.index));
        TRY_STATUS(reader.states(layer, counts.index_state,
                                 layer_place("indexer's compressor state", i),
                                 out.index_frontier_kv, out.index_frontier_score));
    }
    return {};
}

// A map serves later requests and is worth having in part, so nothing in it is an error: of a
// section cut short, or with an entry out of its limits, the entries in front count.
std::vector<ToolBlock> read_tool_map(std::span<const std::byte> bytes) {
    std::vector<ToolBlock> blocks;
    ByteReader reader(bytes);
    std::span<const std::byte> magic;
    std::uint8_t version = 0;
    std::uint32_t count = 0;
    if (!reader.read_bytes(kToolMagic.size(), magic) || !reader.read(version) ||
        !reader.read(count) ||
        std::memcmp(magic.data(), kToolMagic.data(), kToolMagic.size()) != 0 ||
        version != kToolVersion || count > kToolEntriesMax)
        return blocks;
    const auto text = [](std::span<const std::byte> from) {
        return std::string(reinterpret_cast<const char*>(from.data()), from.size());
    };
    for (std::uint32_t entry = 0; entry < count; ++entry) {
        std::uint32_t id_bytes = 0;
        std::uint32_t block_bytes = 0;
        std::span<const std::byte> id, block;
        if (!reader.read(id_bytes) || !reader.read(block_bytes) || id_bytes == 0 ||
            id_bytes > kToolIdBytesMax || block_bytes == 0 || block_bytes > kToolBlockBytesMax ||
            !reader.read_bytes(id_bytes, id) || !reader.read_bytes(block_bytes, block))
            break;
        blocks.push_back({text(id), text(block)});
    }
    return blocks;
}

// --- writing ---------------------------------------------------------------------------------

class BufferedWriter {
public:
    explicit BufferedWriter(const ByteSink& sink) : sink_(sink) { buffer_.reserve(kWriteBytes); }

    Status bytes(std::span<const std::byte> from) {
        while (!from.empty()) {
            const std::size_t part = std::min(kWriteBytes - buffer_.size(), from.size());
            buffer_.insert(buffer_.end(), from.begin(),
                           from.begin() + static_cast<std::ptrdiff_t>(part));
            from = from.subspan(part);
            if (buffer_.size() == kWriteBytes) TRY_STATUS(flush());
        }
        return {};
    }
    Status text(std::string_view from) { return bytes(std::as_bytes(std::span(from))); }
    template <class T>
    Status value(T from) {
        return bytes(std::as_bytes(std::span(&from, 1)));
    }
    template <class T>
    Status values(const std::vector<T>& from) {
        return bytes(std::as_bytes(std::span(from)));
    }
    template <class RowAt>
    Status rows(const RowLayout& layout, std::uint64_t count, const RowAt& row_at) {
        values_.resize(static_cast<std::size_t>(layout.width));
        for (std::uint64_t row = 0; row < count; ++row) {
            decode_row(layout, row_at(static_cast<std::int64_t>(row)), values_.data());
            TRY_STATUS(values(values_));
        }
        return {};
    }
    Status flush() {
        if (buffer_.empty()) return {};
        TRY_STATUS(sink_(buffer_));
        buffer_.clear();
        return {};
    }

private:
    const ByteSink& sink_;
    std::vector<std::byte> buffer_;
    std::vector<float> values_;
};

Status check_state(const CheckpointState& state, const KvcShape& shape) {
    const std::uint64_t tokens = state.tokens.size();
    if (tokens == 0) return broken("a checkpoint without tokens has no KVC file");
    if (tokens >= static_cast<std::uint64_t>(shape.context_tokens))
        return broken(
            "the checkpoint has {} tokens, but the context holds {} and one must stay free; open "
            "the model with a larger context",
            tokens, shape.context_tokens);
    if (shape.context_tokens > std::numeric_limits<std::uint32_t>::max())
        return broken("a context of {} tokens does not fit a KVC file", shape.context_tokens);
    if (state.text.size() > std::numeric_limits<std::uint32_t>::max())
        return broken("the checkpoint's text of {} bytes does not fit a KVC file",
                      state.text.size());
    if (state.logits.empty())
        return broken("the checkpoint holds no logits, and a KVC file needs them");
    const auto fits = [](const PagedRows& rows, std::uint64_t count) {
        return rows.bytes() >= static_cast<std::int64_t>(count) * rows.layout().stride;
    };
    bool same = state.logits.size() == static_cast<std::size_t>(shape.vocabulary) &&
                state.kv.positions == static_cast<std::int64_t>(tokens) &&
                state.kv.layers.size() == shape.layers.size() && !shape.layers.empty();
    for (std::size_t i = 0; same && i < shape.layers.size(); ++i) {
        const LayerStateShape& layer = shape.layers[i];
        const KvState::Snapshot::Layer& at = state.kv.layers[i];
        const LayerCounts counts = layer_counts(layer, tokens);
        same = at.window.size() ==
                   window_rows(shape, tokens) * static_cast<unsigned>(layer.kv_row.stride) &&
               at.frontier_kv.size() == counts.state && at.frontier_score.size() == counts.state &&
               at.index_frontier_kv.size() == counts.index_state &&
               at.index_frontier_score.size() == counts.index_state &&
               fits(at.compressed, counts.rows) && fits(at.index, counts.index_rows);
    }
    if (!same) return broken("the checkpoint's state is not of this model's shape");
    return {};
}

// Reasons that ds4 does not know; its readers only print them.
SaveReason ds4_reason(SaveReason reason) {
    switch (reason) {
        case SaveReason::prompt:
        case SaveReason::turn:
            return SaveReason::continued;
        case SaveReason::requested:
        case SaveReason::imported:
            return SaveReason::unknown;
        default:
            return reason;
    }
}

Status write_tool_map(BufferedWriter& out, const std::vector<ToolBlock>& blocks) {
    TRY_STATUS(out.text({kToolMagic.data(), kToolMagic.size()}));
    TRY_STATUS(out.value(kToolVersion));
    TRY_STATUS(out.value(static_cast<std::uint32_t>(blocks.size())));
    for (const ToolBlock& block : blocks) {
        TRY_STATUS(out.value(static_cast<std::uint32_t>(block.id.size())));
        TRY_STATUS(out.value(static_cast<std::uint32_t>(block.block.size())));
        TRY_STATUS(out.text(block.id));
        TRY_STATUS(out.text(block.block));
    }
    return {};
}

Status write_body(BufferedWriter& out, const CheckpointState& state, const KvcShape& shape) {
    const std::uint64_t tokens = state.tokens.size();
    TRY_STATUS(out.values(state.tokens));
    TRY_STATUS(out.values(state.logits));
    for (const LayerStateShape& layer : shape.layers)
        TRY_STATUS(out.value(static_cast<std::uint32_t>(layer_counts(layer, tokens).rows)));
    for (const LayerStateShape& layer : shape.layers)
        TRY_STATUS(out.value(static_cast<std::uint32_t>(layer_counts(layer, tokens).index_rows)));
    for (std::size_t i = 0; i < shape.layers.size(); ++i) {
        const LayerStateShape& layer = shape.layers[i];
        const KvState::Snapshot::Layer& from = state.kv.layers[i];
        TRY_STATUS(out.rows(layer.kv_row, window_rows(shape, tokens), [&](std::int64_t row) {
            return from.window.data() + row * layer.kv_row.stride;
        }));
        if (layer.ratio == 0) continue;
        const LayerCounts counts = layer_counts(layer, tokens);
        const RowPages compressed = from.compressed.view();
        TRY_STATUS(out.rows(layer.kv_row, counts.rows,
                            [&](std::int64_t row) { return compressed.row(row); }));
        TRY_STATUS(out.values(from.frontier_kv));
        TRY_STATUS(out.values(from.frontier_score));
        if (!layer.indexed) continue;
        const RowPages index = from.index.view();
        TRY_STATUS(out.rows(layer.index_row, counts.index_rows,
                            [&](std::int64_t row) { return index.row(row); }));
        TRY_STATUS(out.values(from.index_frontier_kv));
        TRY_STATUS(out.values(from.index_frontier_score));
    }
    return {};
}

}  // namespace

std::string kvc_file_name(std::string_view text) {
    return fmt::format("{}.kv", sha1_hex(text));
}

std::uint64_t kvc_payload_bytes(const KvcShape& shape, std::uint64_t tokens) {
    std::uint64_t words = kKvcPayloadHeaderBytes / 4 + tokens +
                          static_cast<unsigned>(shape.vocabulary) + 2 * shape.layers.size();
    for (const LayerStateShape& layer : shape.layers) {
        const LayerCounts counts = layer_counts(layer, tokens);
        words +=
            (window_rows(shape, tokens) + counts.rows) * static_cast<unsigned>(layer.kv_width) +
            2 * counts.state + counts.index_rows * static_cast<unsigned>(layer.index_width) +
            2 * counts.index_state;
    }
    return words * 4;
}

bool looks_like_kvc(std::span<const std::byte> bytes) {
    return bytes.size() >= kMagic.size() &&
           std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

Result<KvcHeader> parse_kvc_header(std::span<const std::byte> bytes) {
    if (!looks_like_kvc(bytes))
        return broken("this is no KVC file: it does not begin with \"KVC\"");
    if (bytes.size() < kKvcHeaderBytes)
        return broken("the file has {} bytes, but its header alone takes {}", bytes.size(),
                      kKvcHeaderBytes);
    ByteReader reader(bytes.subspan(kMagic.size()));
    KvcHeader header;
    std::uint8_t version = 0;
    std::uint8_t quant_bits = 0;
    std::uint8_t reason = 0;
    // The length is known to be enough.
    (void)(reader.read(version) && reader.read(quant_bits) && reader.read(reason) &&
           reader.read(header.extensions) && reader.skip(1) && reader.read(header.tokens) &&
           reader.read(header.hits) && reader.read(header.context) && reader.skip(4) &&
           reader.read(header.created_unix) && reader.read(header.last_used_unix) &&
           reader.read(header.payload_bytes) && reader.read(header.text_bytes));
    if (version != kVersion)
        return foreign("the file's version is {}; only version {} is known", version, kVersion);
    if (quant_bits != 2 && quant_bits != 4)
        return broken("the file's quantisation bits are {} instead of 2 or 4", quant_bits);
    if (header.tokens == 0) return broken("the file's token count is 0");
    header.quant_bits = quant_bits;
    header.reason = reason <= static_cast<std::uint8_t>(SaveReason::agent_session)
                        ? static_cast<SaveReason>(reason)
                        : SaveReason::unknown;
    return header;
}

Result<KvcFile> parse_kvc(std::span<const std::byte> bytes, const KvcShape& shape) {
    KvcFile file;
    TRY(file.header, parse_kvc_header(bytes));
    const KvcHeader& header = file.header;
    // What follows the payload is an optional section; ds4 asks for "at least" as well.
    const std::uint64_t after_header = bytes.size() - kKvcHeaderBytes;
    if (header.text_bytes > after_header)
        return broken("the file ends inside its text: {} bytes are announced, {} are there",
                      header.text_bytes, after_header);
    const std::uint64_t after_text = after_header - header.text_bytes;
    if (header.payload_bytes > after_text)
        return broken("the file ends inside its payload: {} bytes are announced, {} are there",
                      header.payload_bytes, after_text);
    const auto text = bytes.subspan(kKvcHeaderBytes, header.text_bytes);
    const auto payload = bytes.subspan(kKvcHeaderBytes + header.text_bytes, header.payload_bytes);
    TRY(file.payload, parse_payload_header(payload));
    TRY_STATUS(check_payload_header(file.payload, header, shape));
    const std::uint64_t wanted = kvc_payload_bytes(shape, header.tokens);
    if (payload.size() != wanted)
        return broken("the payload has {} bytes, but {} tokens of this model take {}",
                      payload.size(), header.tokens, wanted);

    file.state.text.assign(reinterpret_cast<const char*>(text.data()), text.size());
    TRY_STATUS(
        read_body(payload.subspan(kKvcPayloadHeaderBytes), shape, header.tokens, file.state));
    if ((header.extensions & kKvcToolMap) != 0)
        file.state.blocks = read_tool_map(
            bytes.subspan(kKvcHeaderBytes + header.text_bytes + header.payload_bytes));
    return file;
}

Status write_kvc(const CheckpointState& state, const KvcShape& shape, const KvcHeader& header,
                 const ByteSink& sink) {
    TRY_STATUS(check_state(state, shape));
    const std::uint64_t tokens = state.tokens.size();
    const auto context = static_cast<std::uint32_t>(shape.context_tokens);
    const auto u32 = [](auto value) { return static_cast<std::uint32_t>(value); };
    std::vector<ToolBlock> blocks;
    for (const ToolBlock& block : state.blocks)
        if (blocks.size() < kToolEntriesMax && !block.id.empty() &&
            block.id.size() <= kToolIdBytesMax && !block.block.empty() &&
            block.block.size() <= kToolBlockBytesMax)
            blocks.push_back(block);

    BufferedWriter out(sink);
    TRY_STATUS(out.text({kMagic.data(), kMagic.size()}));
    for (const int byte : {static_cast<int>(kVersion), header.quant_bits,
                           static_cast<int>(ds4_reason(header.reason)),
                           blocks.empty() ? 0 : static_cast<int>(kKvcToolMap), 0})
        TRY_STATUS(out.value(static_cast<std::uint8_t>(byte)));
    for (const std::uint32_t field : {u32(tokens), header.hits, context, 0U})
        TRY_STATUS(out.value(field));
    for (const std::uint64_t field :
         {header.created_unix, header.last_used_unix, kvc_payload_bytes(shape, tokens)})
        TRY_STATUS(out.value(field));
    TRY_STATUS(out.value(u32(state.text.size())));
    TRY_STATUS(out.text(state.text));

    // ds4's CPU code keeps exactly the window in its ring.
    for (const std::uint32_t field :
         {kPayloadMagic, kPayloadVersion, context, std::min(kPrefillChunk, context),
          u32(shape.window), u32(shape.window), u32(compressed_rows_max(shape, context)),
          u32(tokens), u32(shape.layers.size()), u32(shape.layers.front().kv_width),
          u32(shape.layers.front().index_width), u32(shape.vocabulary),
          u32(window_rows(shape, tokens))})
        TRY_STATUS(out.value(field));
    TRY_STATUS(write_body(out, state, shape));
    if (!blocks.empty()) TRY_STATUS(write_tool_map(out, blocks));
    return out.flush();
}

}  // namespace starglass
