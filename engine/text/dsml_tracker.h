// SPDX-License-Identifier: MIT
//
// Follows a tool block while it is being written, to know for each next token whether it is
// syntax, which is decoded greedily, or a value, which is sampled (protocol section 3.4).
// Owned by one stream; not thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "text/dsml.h"

namespace starglass {

class DsmlTracker {
public:
    enum class State { outside, structural, string_body, json_structure, json_string };

    // Appends text. The block begins at the first opening tag of any spelling and is over at its
    // closing tag; what comes later is ignored.
    void feed(std::string_view bytes);

    [[nodiscard]] State state() const;
    // Only State::structural and json_structure ask for greedy decoding.
    [[nodiscard]] bool is_structural() const {
        return state() == State::structural || state() == State::json_structure;
    }

    // The closing tag has come where it belongs; or, after something stood where only a tag may
    // stand, a closing tag of any spelling has come at all.
    [[nodiscard]] bool over() const { return over_; }
    // When over: how many of the bytes fed so far go up to the end of the closing tag.
    [[nodiscard]] std::size_t end() const { return dropped_ + at_; }

private:
    enum class Phase { search, block, invoke, value, closed, stuck };

    bool step();
    bool find_start();
    bool read_tag(std::string_view open, Phase opened, std::string_view close, Phase closed);
    bool read_value();
    bool find_stray_end();

    Phase phase_ = Phase::search;
    bool over_ = false;
    const DsmlStyle* style_ = nullptr;
    std::string text_;
    std::size_t at_ = 0;       // everything before is understood
    std::size_t dropped_ = 0;  // bytes fed that stood in front of text_
    // Inside a value:
    DsmlValue value_ = DsmlValue::string;
    bool json_in_string_ = false;
    bool json_escaped_ = false;
};

}  // namespace starglass
