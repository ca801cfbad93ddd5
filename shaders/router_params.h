// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(RouterParams)
    sg_floats logits;
    sg_floats bias;   // unread when has_bias is 0
    sg_words table;   // unread when has_table is 0
    sg_words tokens;  // with a table
    sg_words selected;
    sg_floats weights;
    sg_int experts;
    sg_int used;
    sg_int has_bias;
    sg_int has_table;
    sg_float scale;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
