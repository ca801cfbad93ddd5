// SPDX-License-Identifier: MIT
#include "text/dsml_tracker.h"

#include <algorithm>

namespace starglass {
namespace {

// Length of the longest end of `text` that could begin `tag`.
[[nodiscard]] std::size_t partial_tag(std::string_view text, std::string_view tag) {
    for (std::size_t length = std::min(text.size(), tag.size() - 1); length > 0; --length)
        if (tag.starts_with(text.substr(text.size() - length))) return length;
    return 0;
}

// No honest tag is longer; without a bound a missing '>' would make every step search it all.
constexpr std::size_t kTagBytesMax = 4096;

}  // namespace

void DsmlTracker::feed(std::string_view bytes) {
    if (over_) return;
    text_.append(bytes);
    while (step()) {
    }
    // What is understood is not needed again; dropping it in big steps keeps this linear.
    constexpr std::size_t kDropBytesMin = 4096;
    if (at_ > kDropBytesMin && at_ > text_.size() / 2) {
        text_.erase(0, at_);
        dropped_ += at_;
        at_ = 0;
    }
}

// Moves on by one tag or value; false when more text is needed.
bool DsmlTracker::step() {
    switch (phase_) {
        case Phase::search:
            return find_start();
        case Phase::block:
            return read_tag(style_->invoke_open, Phase::invoke, style_->block_close, Phase::closed);
        case Phase::invoke:
            return read_tag(style_->parameter_open, Phase::value, style_->invoke_close,
                            Phase::block);
        case Phase::value:
            return read_value();
        case Phase::closed:
            over_ = true;
            return false;
        case Phase::stuck:
            return find_stray_end();
    }
    return false;
}

bool DsmlTracker::find_start() {
    for (; at_ < text_.size(); ++at_) {
        if (text_[at_] != '<') continue;
        const std::string_view rest = std::string_view(text_).substr(at_);
        for (const DsmlStyle& style : kDsmlStyles) {
            if (rest.starts_with(style.block_open)) {
                style_ = &style;
                at_ += style.block_open.size();
                phase_ = Phase::block;
                return true;
            }
            if (is_proper_prefix(rest, style.block_open)) return false;
        }
    }
    return false;
}

bool DsmlTracker::read_tag(std::string_view open, Phase opened, std::string_view close,
                           Phase closed) {
    at_ = skip_blanks(text_, at_);
    const std::string_view rest = std::string_view(text_).substr(at_);
    if (rest.starts_with(close)) {
        at_ += close.size();
        phase_ = closed;
        return true;
    }
    if (rest.starts_with(open)) {
        const std::size_t end = rest.find('>');
        if (end == std::string_view::npos && rest.size() < kTagBytesMax) return false;
        if (end == std::string_view::npos) {
            phase_ = Phase::stuck;
            return true;
        }
        if (opened == Phase::value) {
            value_ = dsml_value_kind(rest.substr(0, end));
            json_in_string_ = false;
            json_escaped_ = false;
        }
        at_ += end + 1;
        phase_ = opened;
        return true;
    }
    if (is_proper_prefix(rest, open) || is_proper_prefix(rest, close)) return false;
    phase_ = Phase::stuck;
    return true;
}

bool DsmlTracker::find_stray_end() {
    const std::string_view rest = std::string_view(text_).substr(at_);
    std::size_t end = std::string_view::npos;
    std::size_t held = 0;
    for (const DsmlStyle& style : kDsmlStyles) {
        const std::size_t found = rest.find(style.block_close);
        if (found != std::string_view::npos) end = std::min(end, found + style.block_close.size());
        held = std::max(held, partial_tag(rest, style.block_close));
    }
    over_ = end != std::string_view::npos;
    at_ += over_ ? end : rest.size() - held;
    return false;
}

bool DsmlTracker::read_value() {
    const std::string_view close = style_->parameter_close;
    const std::string_view rest = std::string_view(text_).substr(at_);
    const std::size_t end = rest.find(close);
    const bool complete = end != std::string_view::npos;
    const std::string_view body =
        rest.substr(0, complete ? end : rest.size() - partial_tag(rest, close));
    for (const char c : body) {
        if (json_escaped_) {
            json_escaped_ = false;
        } else if (json_in_string_ && c == '\\') {
            json_escaped_ = true;
        } else if (c == '"') {
            json_in_string_ = !json_in_string_;
        }
    }
    at_ += body.size();
    if (!complete) return false;
    at_ += close.size();
    phase_ = Phase::invoke;
    return true;
}

DsmlTracker::State DsmlTracker::state() const {
    switch (phase_) {
        case Phase::search:
        case Phase::closed:
            return State::outside;
        case Phase::block:
        case Phase::invoke:
        case Phase::stuck:
            return State::structural;
        case Phase::value:
            break;
    }
    // One '<' alone is more often text than the beginning of the closing tag.
    if (text_.size() - at_ >= 2) return State::structural;
    if (value_ == DsmlValue::string) return State::string_body;
    return json_in_string_ ? State::json_string : State::json_structure;
}

}  // namespace starglass
