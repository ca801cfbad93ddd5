// SPDX-License-Identifier: MIT
//
// Weight rows in device form (kernel/device_weight.h) against a vector, a unit at a time: the
// elements that one 16-byte load of codes holds.
//
// SG_TYPE: 0 Q8_0, 1 Q2_K, 2 Q4_K, 3 IQ2_XXS, 4 F16, 5 F32. SG_INT8: the vector is quantised as the
// reference quantises it (model spec sections 2.3, 2.4) and met in integers; else f32 values are met.
#ifndef SG_BLOCK_DOT_GLSL
#define SG_BLOCK_DOT_GLSL

#define SG_Q8_0 0
#define SG_Q2_K 1
#define SG_Q4_K 2
#define SG_IQ2_XXS 3
#define SG_F16 4
#define SG_F32 5

#if SG_TYPE == SG_Q8_0
const uint kUnit = 16;
#elif SG_TYPE == SG_Q4_K
const uint kUnit = 32;  // 16 of an even group of 32 and 16 of the odd one behind it
#elif SG_TYPE == SG_F16
const uint kUnit = 8;
#elif SG_TYPE == SG_F32
const uint kUnit = 4;
#else
const uint kUnit = 64;
#endif

#ifdef SG_INT8
#ifdef SG_DOT
#extension GL_EXT_spirv_intrinsics : require
spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6018, 6019],
                  id = 4450) int packed_dot(int a, int b, spirv_literal int packing);
int dot4(uint a, uint b, int sum) {
    return sum + packed_dot(int(a), int(b), 0);
}
#else
int dot4(uint a, uint b, int sum) {
    const int x = int(a), y = int(b);
    return sum + bitfieldExtract(x, 0, 8) * bitfieldExtract(y, 0, 8) +
           bitfieldExtract(x, 8, 8) * bitfieldExtract(y, 8, 8) +
           bitfieldExtract(x, 16, 8) * bitfieldExtract(y, 16, 8) + (x >> 24) * (y >> 24);
}
#endif
#endif

float half_at(Words plane, uint index) {
    const vec2 two = unpackHalf2x16(plane.v[index >> 1]);
    return (index & 1) == 0 ? two.x : two.y;
}

#if SG_TYPE == SG_IQ2_XXS
shared uvec2 iq2_grid[256];

// To be called by every invocation of 256 before the first unit, a barrier follows. Half of them load
// two entries each: single words, an entry an invocation in a loop, took 25 ns a workgroup on an H200.
void load_grid(Words grid) {
    const uint i = gl_LocalInvocationIndex;
    if (i >= 128) return;
    const uvec4 two = Vecs(grid).v[i];
    iq2_grid[2 * i] = two.xy;
    iq2_grid[2 * i + 1] = two.zw;
}

// Four bytes negated where the bits of `signs` say so; no byte is zero, so nothing carries.
uint negate4(uint bytes, uint signs) {
    const uint ones = (signs * 0x00204081u) & 0x01010101u;
    return (bytes ^ (ones * 0xFFu)) + ones;
}

// Eight codes of part `part` (0..3) of the 32 elements in `code` (grid indices, signs).
uvec2 iq2_eight(uvec2 code, uint part) {
    const uvec2 grid = iq2_grid[bitfieldExtract(code.x, int(8 * part), 8)];
    return uvec2(negate4(grid.x, bitfieldExtract(code.y, int(8 * part), 4)),
                 negate4(grid.y, bitfieldExtract(code.y, int(8 * part + 4), 4)));
}
#endif

#if SG_TYPE == SG_Q4_K
// Six-bit scale (x) and minimum (y) of group j, from the twelve bytes behind d and dmin.
uvec2 q4_scale(uvec4 head, uint j) {
    const uint low = j & 3u;
    const uint a = (head.y >> (8 * low)) & 255u;
    const uint b = (head.z >> (8 * low)) & 255u;
    const uint c = (head.w >> (8 * low)) & 255u;
    return j < 4 ? uvec2(a & 63u, b & 63u)
                 : uvec2((c & 15u) | (a >> 6 << 4), (c >> 4) | (b >> 6 << 4));
}
#endif

// The addresses of a weight's planes and the strides between its rows, in 16-byte vectors of the
// first plane and 32-bit words of the others.
struct Planes {
    Vecs codes;
    Words scales;
    Words extra;
    uint row_vecs, row_scales, row_extra;
};

Planes make_planes(Vecs codes, Words scales, Words extra, uint width) {
    Planes w;
    w.codes = codes;
    w.scales = scales;
    w.extra = extra;
#if SG_TYPE == SG_Q8_0
    w.row_vecs = width / 16;
    w.row_scales = (width / 32 + 1) / 2;
    w.row_extra = 0;
#elif SG_TYPE == SG_Q2_K
    w.row_vecs = width / 64;
    w.row_scales = width / 64;
    w.row_extra = width / 256;
#elif SG_TYPE == SG_IQ2_XXS
    w.row_vecs = width / 64;
    w.row_scales = (width / 256 + 1) / 2;
    w.row_extra = width / 256;
#elif SG_TYPE == SG_Q4_K
    w.row_vecs = width / 256 * 9;
    w.row_scales = 0;
    w.row_extra = 0;
#elif SG_TYPE == SG_F16
    w.row_vecs = width / 8;
    w.row_scales = (width + 1) / 2;  // the same plane, in words
    w.row_extra = 0;
#else
    w.row_vecs = width / 4;
    w.row_scales = width;
    w.row_extra = 0;
#endif
    return w;
}

// Everything of one unit of a weight row, loaded before it is needed.
struct Unit {
    uvec4 codes;
#if SG_TYPE == SG_Q8_0
    float d;
#elif SG_TYPE == SG_Q2_K
    uint scales;  // of 4 groups
    vec2 d;
#elif SG_TYPE == SG_IQ2_XXS
    float d;
    uint scales;  // 4 bits of each of 2 groups
#elif SG_TYPE == SG_Q4_K
    uvec4 head;
#endif
};

Unit load_unit(Planes w, uint row, uint unit) {
    Unit u;
#if SG_TYPE == SG_Q4_K
    const uint block = row * w.row_vecs + unit / 8 * 9;
    u.head = w.codes.v[block];
    u.codes = w.codes.v[block + 1 + unit % 8];
#else
    u.codes = w.codes.v[row * w.row_vecs + unit];
#endif
#if SG_TYPE == SG_Q8_0
    const vec2 two = unpackHalf2x16(w.scales.v[row * w.row_scales + unit / 4]);
    u.d = (unit & 2) == 0 ? two.x : two.y;
#elif SG_TYPE == SG_Q2_K
    // Unit c of a block of 256: half c/2, bytes 16*(c%2).. of its 32; its groups are 8h+2s+c%2.
    const uint c = unit & 3;
    const uint at = row * w.row_scales + unit / 4 * 4 + (c >> 1) * 2;
    const uint low = w.scales.v[at] >> (8 * (c & 1));
    const uint high = w.scales.v[at + 1] >> (8 * (c & 1));
    u.scales = (low & 0xFFu) | ((low >> 16 & 0xFFu) << 8) | ((high & 0xFFu) << 16) |
               ((high >> 16 & 0xFFu) << 24);
    u.d = unpackHalf2x16(w.extra.v[row * w.row_extra + unit / 4]);
#elif SG_TYPE == SG_IQ2_XXS
    const vec2 two = unpackHalf2x16(w.scales.v[row * w.row_scales + unit / 8]);
    u.d = (unit & 4) == 0 ? two.x : two.y;
    u.scales = w.extra.v[row * w.row_extra + unit / 4] >> (8 * (unit & 3));
#endif
    return u;
}

#endif
