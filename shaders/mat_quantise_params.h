// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(MatQuantiseParams)
    sg_vecs x;   // f32 [vectors, width]
    sg_vecs to;  // quantised vectors
    sg_int width;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
