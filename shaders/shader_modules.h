// SPDX-License-Identifier: MIT
//
// The compiled kernels, by name.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace starglass {

enum class Shader : std::uint16_t {
#define SG_SHADER(name) name,
#define SG_STORED_SHADER(name) name,
#include "shader_list.inc"
#undef SG_SHADER
#undef SG_STORED_SHADER
    count
};

struct ShaderModule {
    std::string_view name;
    std::span<const std::uint32_t> words;  // SPIR-V
    // The same with its parameters in memory; empty for kernels of prefill only.
    std::span<const std::uint32_t> stored_words;
};

const ShaderModule& shader_module(Shader shader);

}  // namespace starglass
