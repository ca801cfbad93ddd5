// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(HyperFinishParams)
    sg_floats parts;
    sg_floats h;
    sg_floats scale;
    sg_floats base;
    sg_floats u;
    sg_floats post;
    sg_floats comb;
    sg_floats weight;  // of the norm, unread when has_weight is 0
    sg_floats x;       // u normed, where there is a norm
    sg_vecs form;      // of x, and another, where they are made
    sg_vecs other_form;
    sg_int dim;
    sg_int chunks;
    sg_int sinkhorn;
    sg_int has_weight;
    sg_float epsilon;
    sg_float hyper_epsilon;
    sg_float norm_epsilon;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
