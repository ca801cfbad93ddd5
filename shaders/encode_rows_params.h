// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(EncodeRowsParams)
    sg_words x;
    sg_words destinations;  // [rows] addresses, unread where there is one row
    sg_words destination;   // that row's
    sg_int width;
    sg_int rotary;
    sg_int words;      // of a destination row
    sg_int transform;  // Hadamard first
    sg_float scale;    // of the transform
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
