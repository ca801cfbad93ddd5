// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(IndexTopParams)
    sg_floats scores;  // [rows, score_stride]
    sg_words names;    // [rows, score_stride] ascending, what to call the scores; read if `named`
    sg_words best;     // [rows, best_stride]
    sg_floats best_scores;  // the same, written if `slice` is not 0
    sg_words counts;        // [rows], written if `slice` is 0
    sg_int first_position;
    sg_int ratio;
    sg_int top_k;
    sg_int score_stride;
    sg_int best_stride;
    sg_int slice;  // scores a workgroup chooses from; 0: all of a row's
    sg_int named;  // slices of how many scores the names come from; 0: a score's number is its name
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
