// SPDX-License-Identifier: MIT
//
// What of a growing reply may be shown, and as what (protocol sections 1.6 and 3.4).
#include <algorithm>
#include <utility>

#include "engine/chat.h"
#include "text/control_tokens.h"
#include "text/dsml.h"
#include "text/dsml_tracker.h"
#include "text/utf8.h"

namespace starglass {
namespace {

enum class Phase {
    opening,   // nothing yet; a repeated <think> is swallowed
    thinking,  // until </think>
    answer,    // until a tool block
    tool,      // until its closing tag
    done,      // behind the closing tag: nothing more is shown
};

// Where in an answer a tool block may begin.
struct BlockSearch {
    enum class Verdict { none, maybe, opened, certain } verdict = Verdict::none;
    std::size_t at = std::string_view::npos;
};

// A block is certain when an invoke tag or the closing tag follows its opening tag. An opening
// tag that something else follows is text: somebody talks about the markup.
[[nodiscard]] BlockSearch judge_block(std::string_view rest) {
    using Verdict = BlockSearch::Verdict;
    for (const DsmlStyle& style : kDsmlStyles) {
        if (is_proper_prefix(rest, style.block_open)) return {Verdict::maybe, 0};
        if (!rest.starts_with(style.block_open)) continue;
        const std::string_view next = rest.substr(skip_blanks(rest, style.block_open.size()));
        if (next.starts_with(style.invoke_open) || next.starts_with(style.block_close))
            return {Verdict::certain, 0};
        if (is_proper_prefix(next, style.invoke_open) || is_proper_prefix(next, style.block_close))
            return {Verdict::opened, 0};
    }
    return {};
}

[[nodiscard]] BlockSearch search_block(std::string_view text) {
    for (std::size_t at = text.find('<'); at != std::string_view::npos;
         at = text.find('<', at + 1)) {
        BlockSearch found = judge_block(text.substr(at));
        found.at = at;
        if (found.verdict != BlockSearch::Verdict::none) return found;
    }
    return {};
}

}  // namespace

struct ReplyStream::State {
    explicit State(Options chosen) : options(chosen) {}

    // Moves on as far as `pending` allows. `last`: nothing more will come.
    void advance(std::vector<StreamDelta>& out, bool last) {
        while (step(out, last)) {
        }
    }

    bool step(std::vector<StreamDelta>& out, bool last) {
        switch (phase) {
            case Phase::opening:
                return open(last);
            case Phase::thinking:
                return think(out, last);
            case Phase::answer:
                return answer(out, last);
            case Phase::tool:
                return tool(out, last);
            case Phase::done:
                pending.clear();
                return false;
        }
        return false;
    }

    bool open(bool last) {
        if (pending.starts_with(kThinkOpenText)) {
            pending.erase(0, kThinkOpenText.size());
            phase = Phase::thinking;
            return true;
        }
        if (is_proper_prefix(pending, kThinkOpenText) && !last) return false;
        phase = options.thinking ? Phase::thinking : Phase::answer;
        return true;
    }

    bool think(std::vector<StreamDelta>& out, bool last) {
        const std::size_t close = pending.find(kThinkCloseText);
        if (close != std::string::npos) {
            show(out, StreamPart::thinking, close, true);
            pending.erase(0, kThinkCloseText.size());
            phase = Phase::answer;
            return true;
        }
        std::size_t end = pending.size();
        if (!last) {
            for (std::size_t held = std::min(end, kThinkCloseText.size() - 1); held > 0; --held) {
                if (!kThinkCloseText.starts_with(std::string_view(pending).substr(end - held)))
                    continue;
                end -= held;
                break;
            }
        }
        show(out, StreamPart::thinking, end, last);
        return false;
    }

    bool answer(std::vector<StreamDelta>& out, bool last) {
        if (!options.tools) {
            show(out, StreamPart::answer, pending.size(), last);
            return false;
        }
        const BlockSearch block = search_block(pending);
        if (block.verdict == BlockSearch::Verdict::certain) {
            const std::size_t text = trim_end(std::string_view(pending).substr(0, block.at)).size();
            show(out, StreamPart::answer, text, true);
            pending.erase(0, block.at - text);
            phase = Phase::tool;
            return true;
        }
        // Blanks belong to the answer only if something other than a block follows them.
        const std::string_view before = std::string_view(pending).substr(0, block.at);
        show(out, StreamPart::answer, last ? pending.size() : trim_end(before).size(),
             last || before.size() < pending.size());
        return false;
    }

    bool tool(std::vector<StreamDelta>& out, bool last) {
        tracker.feed(std::string_view(pending).substr(tracked));
        tracked = pending.size();
        const bool over = tracker.over();
        const std::size_t end = over ? tracker.end() - block_shown : pending.size();
        const std::size_t before = pending.size();
        show(out, StreamPart::tool, end, last || over);
        const std::size_t shown = before - pending.size();
        tracked -= shown;
        block_shown += shown;
        if (over) phase = Phase::done;
        return over;
    }

    // Hands out the first `end` bytes of `pending`; a character cut at their end waits unless
    // it is certain that the rest of it will not come.
    void show(std::vector<StreamDelta>& out, StreamPart part, std::size_t end, bool final) {
        const std::string_view ready = std::string_view(pending).substr(0, end);
        const std::size_t whole = final ? end : utf8_complete_prefix(ready);
        if (whole == 0) return;
        std::string text = to_valid_utf8(ready.substr(0, whole));
        if (!out.empty() && out.back().part == part)
            out.back().text += text;
        else
            out.push_back({part, std::move(text)});
        pending.erase(0, whole);
    }

    [[nodiscard]] bool structural() const {
        if (phase == Phase::tool) return tracker.is_structural();
        return phase == Phase::answer && options.tools &&
               search_block(pending).verdict == BlockSearch::Verdict::opened;
    }

    Options options;
    Phase phase = Phase::opening;
    std::string pending;  // arrived, not shown
    // Of the tool block: the tracker knows the first `tracked` bytes of `pending`, and
    // `block_shown` bytes of the block are not pending any more.
    DsmlTracker tracker;
    std::size_t tracked = 0;
    std::size_t block_shown = 0;
};

ReplyStream::ReplyStream(Options options) : state_(std::make_unique<State>(options)) {
}
ReplyStream::ReplyStream(ReplyStream&&) noexcept = default;
ReplyStream& ReplyStream::operator=(ReplyStream&&) noexcept = default;
ReplyStream::~ReplyStream() = default;

std::vector<StreamDelta> ReplyStream::feed(std::string_view bytes) {
    std::vector<StreamDelta> out;
    state_->pending.append(bytes);
    state_->advance(out, false);
    return out;
}

std::vector<StreamDelta> ReplyStream::flush() {
    std::vector<StreamDelta> out;
    state_->advance(out, true);
    return out;
}

bool ReplyStream::in_thinking() const {
    return state_->phase == Phase::thinking ||
           (state_->phase == Phase::opening && state_->options.thinking);
}

bool ReplyStream::tool_block_closed() const {
    return state_->phase == Phase::done;
}

bool ReplyStream::next_is_structural() const {
    return state_->structural();
}

}  // namespace starglass
