// SPDX-License-Identifier: MIT
//
// Words in which a shader's parameters are written once and read twice: as a struct in C++ and, in
// GLSL, as push constants, or from memory in the variant that a recording runs again with others
// (SG_STORED). Addresses come first, then 32-bit values, so all sides lay them out alike; a test
// compares the offsets with those in the compiled shaders.
#ifndef SG_SHADER_TYPES_H
#define SG_SHADER_TYPES_H

#ifdef __cplusplus
#include <cstdint>

#define SG_PARAMS(name) struct name {
#define SG_PARAMS_END \
    }                 \
    ;
namespace starglass::shaders {
using sg_floats = std::uint64_t;  // address of f32
using sg_words = std::uint64_t;   // address of u32
using sg_vecs = std::uint64_t;    // address of 16-byte vectors
using sg_int = std::int32_t;
using sg_uint = std::uint32_t;
using sg_float = float;
}  // namespace starglass::shaders
#else

#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference2 : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Floats {
    float v[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Words {
    uint v[];
};
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Pairs {
    uvec2 v[];
};
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Vecs {
    uvec4 v[];
};
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer FloatVecs {
    vec4 v[];
};

#define sg_floats Floats
#define sg_words Words
#define sg_vecs Vecs
#define sg_int int
#define sg_uint uint
#define sg_float float
#ifdef SG_STORED
#define SG_PARAMS(name) struct SgParams {
// Fetched once: for all that a compiler knows, what a kernel writes might change them.
#define SG_PARAMS_END                                                                        \
    }                                                                                        \
    ;                                                                                        \
    layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer SgStored { \
        SgParams values;                                                                     \
    };                                                                                       \
    layout(push_constant, scalar) uniform SgStoredAt {                                       \
        SgStored params;                                                                     \
    }                                                                                        \
    sg_stored_at;                                                                            \
    SgParams p = sg_stored_at.params.values;
#else
#define SG_PARAMS(name) layout(push_constant, scalar) uniform name {
#define SG_PARAMS_END \
    }                 \
    p;
#endif
#endif

#endif
