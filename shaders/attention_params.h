// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(AttentionParams)
    sg_floats q;
    sg_floats sinks;
    sg_floats y;      // results; with splits, sums of [rows, splits, heads, width up to 4]
    sg_floats state;  // with splits, (maximum, denominator) of [rows, splits, heads]
    sg_words ring;
    sg_words pages;     // addresses
    sg_words selected;  // [rows, selected_stride], read where it is set
    sg_words counts;
    sg_floats rotation;  // [rows, rope_rotary / 2] of (cosine, sine)
    sg_vecs form;        // Q8_0's of the results, where it is made
    sg_int first_position;
    sg_int heads;
    sg_int window;
    sg_int capacity;
    sg_int ratio;  // 0: no compressed rows
    sg_int rows_per_page;
    sg_int selected_stride;  // 0: every compressed row
    sg_int splits;           // most that a row has
    sg_int rope_rotary;      // 0: no rotation
    sg_int form_width;       // of a vector of the form, whole heads; 0: none is made
    sg_float scale;
    sg_float turn;  // 1, or -1 to turn backwards
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
