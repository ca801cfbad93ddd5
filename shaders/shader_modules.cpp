// SPDX-License-Identifier: MIT
#include "shader_modules.h"

#include <array>

namespace starglass {
namespace {

#include "shader_words.inc"

const std::array<ShaderModule, static_cast<std::size_t>(Shader::count)> kModules{{
#define SG_SHADER(name) {#name, sg_words_##name, {}},
#define SG_STORED_SHADER(name) {#name, sg_words_##name, sg_words_##name##_stored},
#include "shader_list.inc"
#undef SG_SHADER
#undef SG_STORED_SHADER
}};

}  // namespace

const ShaderModule& shader_module(Shader shader) {
    return kModules[static_cast<std::size_t>(shader)];
}

}  // namespace starglass
