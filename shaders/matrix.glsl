// SPDX-License-Identifier: MIT
//
// 16 x 16 x 16 products of f16 into f32, one subgroup together: C += A B.
//
// The compiler knows cooperative matrices only under NVIDIA's older name; matrix_khr.py rewrites the
// compiled module into VK_KHR_cooperative_matrix. There a type says its use, so the types are told
// apart by a width of 17, which becomes 16 again: f16 16x16 is A, f16 16x17 is B, f32 16x17 is C.
//
// With SG_EMULATE_MATRIX the same words work on any device: A and B remember where in shared
// memory they came from, so nothing may be overwritten between load and product.
//
// Arrays: shared uint mat_a[], mat_b[] (pairs of f16), shared float mat_c[]; offsets and strides in
// elements of these. A row major [16][16]; B is given transposed, [n][k], so its load is column major.
#ifndef SG_MATRIX_GLSL
#define SG_MATRIX_GLSL

#ifdef SG_EMULATE_MATRIX

#define MatA uvec2
#define MatB uvec2
struct MatC {
    float v[64];  // 256 / subgroup size of them are used
};
#define mat_load_a(m, offset, stride) m = uvec2(offset, stride)
#define mat_load_b(m, offset, stride) m = uvec2(offset, stride)
#define mat_zero(m) \
    for (uint e_ = 0; e_ < 64; ++e_) m.v[e_] = 0.0
#define mat_multiply_add(c, a, b)                                                  \
    for (uint e_ = gl_SubgroupInvocationID; e_ < 256; e_ += gl_SubgroupSize) {      \
        const uint i_ = e_ / 16, j_ = e_ % 16;                                      \
        float sum_ = 0.0;                                                           \
        for (uint k_ = 0; k_ < 8; ++k_) {                                           \
            const vec2 x_ = unpackHalf2x16(mat_a[a.x + i_ * a.y + k_]);             \
            const vec2 y_ = unpackHalf2x16(mat_b[b.x + j_ * b.y + k_]);             \
            sum_ += x_.x * y_.x + x_.y * y_.y;                                      \
        }                                                                           \
        c.v[e_ / gl_SubgroupSize] += sum_;                                          \
    }
#define mat_store_c(m, offset, stride)                                              \
    for (uint e_ = gl_SubgroupInvocationID; e_ < 256; e_ += gl_SubgroupSize)        \
    mat_c[(offset) + e_ / 16 * (stride) + e_ % 16] = m.v[e_ / gl_SubgroupSize]

#else

#extension GL_NV_cooperative_matrix : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_memory_scope_semantics : require
#pragma use_vulkan_memory_model

#define MatA fcoopmatNV<16, gl_ScopeSubgroup, 16, 16>
#define MatB fcoopmatNV<16, gl_ScopeSubgroup, 16, 17>
#define MatC fcoopmatNV<32, gl_ScopeSubgroup, 16, 17>
#define mat_load_a(m, offset, stride) coopMatLoadNV(m, mat_a, offset, stride, false)
#define mat_load_b(m, offset, stride) coopMatLoadNV(m, mat_b, offset, stride, true)
#define mat_zero(m) m = MatC(0.0)
#define mat_multiply_add(c, a, b) c = coopMatMulAddNV(a, b, c)
#define mat_store_c(m, offset, stride) coopMatStoreNV(m, mat_c, offset, stride, false)

#endif
#endif
