// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
#if defined(__cplusplus) || SG_STEP == 0
// hidden = silu(gate) * up * weight of its pair
SG_PARAMS(HiddenParams)
    sg_floats gate;
    sg_floats up;
    sg_floats weights;  // [pairs], unread when weighted is 0
    sg_floats hidden;   // may be gate
    sg_int width;
    sg_int weighted;
    sg_float clamp;
SG_PARAMS_END
#endif
#if defined(__cplusplus) || SG_STEP == 1
// y[row] = parts[row * used] + parts[row * used + 1] + ...
SG_PARAMS(PairSumParams)
    sg_floats parts;
    sg_floats addend;  // unread when added is 0
    sg_floats y;
    sg_int width;
    sg_int used;
    sg_int added;
SG_PARAMS_END
#endif
#ifdef __cplusplus
}
#endif
