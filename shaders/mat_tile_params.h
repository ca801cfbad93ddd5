// SPDX-License-Identifier: MIT
#include "types.h"

#ifdef __cplusplus
namespace starglass::shaders {
#endif
SG_PARAMS(MatTileParams)
    sg_vecs codes;
    sg_words scales;
    sg_words extra;
    sg_words grid;
    sg_vecs x;       // f16 rows of mat_input
    sg_floats y;
    sg_words tiles;  // by experts: {matrix, first, count, 0} of each tile of rows
    sg_words order;  // by experts: the row of y at each place
    sg_int width;
    sg_int out_rows;  // of a group
    sg_int rows;
    sg_int x_stride;  // vectors of eight f16
    sg_int y_stride;
    sg_int groups;
    sg_int used;      // rows of y that share a row of x; 0: no experts
    sg_int twice;     // rows of x hold a second part behind the first
SG_PARAMS_END
#ifdef __cplusplus
}
#endif
