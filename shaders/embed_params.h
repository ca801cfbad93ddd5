// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(EmbedParams)
    sg_words sources;  // [rows][2] addresses: the row, its second plane
    sg_floats y;
    sg_int dim;
    sg_int streams;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
