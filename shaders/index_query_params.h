// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(IndexQueryParams)
    sg_words x;
    sg_floats table;  // of the rotation; unread when pairs is 0
    sg_int heads;
    sg_int width;
    sg_int round;
    sg_int pairs;
    sg_int inverse;
    sg_float scale;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
