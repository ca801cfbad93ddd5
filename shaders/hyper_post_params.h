// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(HyperPostParams)
    sg_floats h;
    sg_floats y;
    sg_floats post;
    sg_floats comb;
    sg_floats made;
    sg_int dim;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
