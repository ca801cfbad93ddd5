// SPDX-License-Identifier: MIT
//
// The vocabularies the golden tokenizer vectors are about, and JSON files of tests/golden.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace starglass::golden {

// A file under tests/golden; ends the test program with a sentence when it cannot be read.
nlohmann::ordered_json read_json(const std::string& name);

const Tokenizer& flash_tokenizer();  // 129,280 tokens, decompressed once per program
const Tokenizer& tiny_tokenizer();   // 512 tokens

std::string decode_base64(std::string_view text);

}  // namespace starglass::golden
