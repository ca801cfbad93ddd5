// SPDX-License-Identifier: MIT
#include "builtin/builtin_model.h"

// The assembler copies the file as it is: no generated source of five times its size, and the
// pages are mapped from the executable only when the model is used.
#if defined(__APPLE__)
#define SG_SECTION ".const_data"
#define SG_SYMBOL(name) "_" name
#else
#define SG_SECTION ".section .rodata"
#define SG_SYMBOL(name) name
#endif

__asm__(
    SG_SECTION "\n"
    ".balign 64\n"
    ".globl " SG_SYMBOL("sg_builtin_model_begin") "\n"
    SG_SYMBOL("sg_builtin_model_begin") ":\n"
    ".incbin \"" SG_BUILTIN_GGUF "\"\n"
    ".globl " SG_SYMBOL("sg_builtin_model_end") "\n"
    SG_SYMBOL("sg_builtin_model_end") ":\n"
    ".byte 0\n"
    ".text\n");

extern "C" {
extern const std::byte sg_builtin_model_begin[];
extern const std::byte sg_builtin_model_end[];
}

namespace starglass {

std::span<const std::byte> builtin_model() {
    return {sg_builtin_model_begin, sg_builtin_model_end};
}

}  // namespace starglass
