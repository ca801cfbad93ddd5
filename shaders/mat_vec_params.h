// SPDX-License-Identifier: MIT
#include "types.h"

#if defined(__cplusplus)
#define sg_x sg_vecs
#elif defined(SG_INT8)
#define sg_x Vecs
#else
#define sg_x Floats
#endif

#ifdef __cplusplus
namespace starglass::shaders {
// Of one matrix: the addresses of its planes and of y, rows, its first workgroup, subgroups that share a
// row.
struct MatVecJob {
    std::uint64_t codes, scales, extra, y;
    std::uint32_t out_rows, first, split, unused;
};
#endif
#if defined(__cplusplus) || SG_MODE == 0
// x: f32 values, or with SG_INT8 quantised vectors.
SG_PARAMS(MatVecParams)
    sg_vecs codes;
    sg_words scales;
    sg_words extra;
    sg_words grid;
    sg_x x;
    sg_floats y;
    sg_words selected;  // the matrix of each row of y, unread when used is 0
    sg_vecs form;       // of y, where it is made
    sg_words ended;     // by piece of y (quantise_joint.glsl)
    sg_int width;       // of a slice of x
    sg_int out_rows;  // of a group
    sg_int rows;
    sg_int x_stride;  // floats
    sg_int y_stride;
    sg_int aligned;  // F16 and F32 weights: rows may be read as vectors
    sg_int used;     // rows of y that share a row of x, each with a matrix of its own; 0: one matrix
    sg_int form_width;
SG_PARAMS_END
#endif
#if defined(__cplusplus) || SG_MODE == 3
// y = W x of several matrices and one x.
SG_PARAMS(MatVecManyParams)
    sg_words jobs;  // kJobWords each
    sg_words grid;
    sg_x x;
    sg_int width;
    sg_int count;
SG_PARAMS_END
#endif
#if defined(__cplusplus) || SG_MODE == 1
// hidden[pair] = silu(gate x) * up x * weight, pair = token * used + place
SG_PARAMS(GateUpParams)
    sg_vecs gate_codes;
    sg_words gate_scales;
    sg_words gate_extra;
    sg_vecs up_codes;
    sg_words up_scales;
    sg_words up_extra;
    sg_words grid;
    sg_x x;
    sg_words selected;  // unread when routed is 0
    sg_floats weights;
    sg_floats hidden;
    sg_vecs form;    // of hidden, where it is made
    sg_words ended;  // by piece of hidden (quantise_joint.glsl)
    sg_int width;
    sg_int out_rows;
    sg_int used;
    sg_int routed;
    sg_float clamp;
    sg_int form_width;
SG_PARAMS_END
#endif
#if defined(__cplusplus) || SG_MODE == 2
// y[token] = sum over places of down hidden[pair]
SG_PARAMS(DownParams)
    sg_vecs codes;
    sg_words scales;
    sg_words extra;
    sg_words grid;
    sg_x x;  // hidden
    sg_words selected;
    sg_floats addend;  // [tokens, out], unread when added is 0
    sg_floats y;
    sg_int width;
    sg_int out_rows;
    sg_int used;
    sg_int routed;
    sg_int added;
SG_PARAMS_END
#endif
#ifdef __cplusplus
}
#endif
