// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(CompressParams)
    sg_floats kv;
    sg_floats gate;
    sg_words ape;
    sg_floats frontier_kv;
    sg_floats frontier_score;
    sg_floats y;
    sg_int phase;  // of the first row in its group
    sg_int rows;
    sg_int ratio;
    sg_int width;
    sg_int ape_words;   // from row to row
    sg_int first_slot;  // of the group being filled, that changes
    sg_int slots;
    sg_float empty;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
