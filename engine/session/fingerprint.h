// SPDX-License-Identifier: MIT
//
// Who a model file is, without reading 80 GB: ModelInfo::fingerprint.
#pragma once

#include <string>

#include "format/gguf.h"

namespace starglass {

// SHA-256, cut to 32 hex digits, over the file's size, all of its metadata and tensor directory
// (so the tokenizer too), and kSamples pieces of every tensor. Another quantisation, another
// fine-tune or another tokenizer changes it; the file's name, place and date do not.
std::string model_fingerprint(const Gguf& gguf, std::span<const std::byte> file);

}  // namespace starglass
