// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(HyperMixParams)
    sg_floats h;
    sg_words fn;
    sg_floats parts;  // [rows][mix + 1][chunks]
    sg_floats y;      // from here on only where the streams are made first
    sg_floats post;
    sg_floats comb;
    sg_floats made;
    sg_int rows;
    sg_int dim;
    sg_int mix;       // outputs of fn
    sg_int fn_words;  // from output to output
    sg_int chunks;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
