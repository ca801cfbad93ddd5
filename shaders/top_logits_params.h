// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(TopLogitsParams)
sg_floats values;  // [rows, stride]
sg_words names;    // [rows, stride] ascending, ids of the values; 0: a value's number is its id
sg_words parts;    // [rows, part_count] of TopLogitsRest: what slices have left out
sg_words ids;      // [rows, best_stride]
sg_floats best;    // [rows, best_stride]
sg_words rest;     // [rows, slices] of TopLogitsRest
sg_int count;      // values of a row
sg_int stride;
sg_int slice;  // values a workgroup chooses from
sg_int k;
sg_int best_stride;
sg_int part_count;  // 0: there are no names
sg_float temperature;
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
