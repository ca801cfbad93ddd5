// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(RopeParams)
    sg_floats x;
    sg_floats table;  // [rows][pairs] cosine, sine
    sg_int heads;
    sg_int width;
    sg_int pairs;
    sg_int inverse;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
