// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(RmsNormParams)
    sg_floats x;
    sg_floats weight;  // unread when has_weight is 0
    sg_floats y;
    sg_vecs form;  // of y, where one is made
    sg_int rows;
    sg_int dim;
    sg_int has_weight;
    sg_float epsilon;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
