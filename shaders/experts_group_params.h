// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(ExpertsGroupParams)
    sg_words selected;  // [pairs]
    sg_words tiles;     // [tiles_max] of {expert, first, count, 0}
    sg_words order;     // [pairs]
    sg_int pairs;
    sg_int experts;
    sg_int tile;
    sg_int tiles_max;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
