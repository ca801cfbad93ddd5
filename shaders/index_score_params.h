// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(IndexScoreParams)
    sg_floats query;
    sg_floats weights;
    sg_words pages;  // addresses
    sg_floats scores;
    sg_int first_position;
    sg_int heads;
    sg_int width;
    sg_int stride;  // bytes from key to key
    sg_int rows_per_page;
    sg_int ratio;
    sg_int top_k;
    sg_int score_stride;
    sg_float weight_scale;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
