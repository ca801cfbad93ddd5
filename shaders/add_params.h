// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(AddParams)
    sg_floats x;
    sg_floats y;
    sg_uint count;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
