// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(MatInputParams)
    sg_floats x;
    sg_words y;
    sg_int width;
    sg_int x_stride;  // floats
    sg_int y_stride;  // words of two f16; what is beyond width is 0
    sg_int rows;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
