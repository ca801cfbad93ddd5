// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(ReadSpeedParams)
    sg_vecs from;
    sg_words to;  // one word, never written as long as the bytes are not all ones
    sg_uint vecs;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
