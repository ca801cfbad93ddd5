# SPDX-License-Identifier: MIT
#
# The list of kernels: a name, the file it is compiled from, what is defined there.
sg_shader(rms_norm)

# Products with a few vectors. int8: quantised vectors, portable; dot: with packed products; f32.
set(type_number 0)
foreach(type q8_0 q2_k q4_k iq2_xxs f16 f32)
  set(mode_number 0)
  foreach(mode mat_vec gate_up down)
    set(common SG_TYPE=${type_number} SG_MODE=${mode_number})
    if(NOT type STREQUAL "f32" OR mode STREQUAL "mat_vec")
      sg_shader(${mode}_${type}_f32 FILE mat_vec DEFINES ${common})
    endif()
    if(NOT type MATCHES "^f")
      sg_shader(${mode}_${type}_int8 FILE mat_vec DEFINES ${common} SG_INT8)
      sg_shader(${mode}_${type}_dot FILE mat_vec DEFINES ${common} SG_INT8 SG_DOT)
    endif()
    math(EXPR mode_number "${mode_number} + 1")
  endforeach()
  math(EXPR type_number "${type_number} + 1")
endforeach()

sg_shader(experts_hidden FILE experts DEFINES SG_STEP=0)
sg_shader(experts_sum FILE experts DEFINES SG_STEP=1)
sg_shader(experts_group)

# Products with many vectors: by cooperative matrices, by their emulation (tests), by registers.
sg_shader(mat_input)
set(type_number 0)
foreach(type q8_0 q2_k q4_k iq2_xxs f16)
  sg_shader(mat_tile_${type} FILE mat_tile DEFINES SG_TYPE=${type_number})
  sg_shader(mat_tile_${type}_matrix FILE mat_tile DEFINES SG_TYPE=${type_number} SG_MATRIX)
  sg_shader(mat_tile_${type}_emulated FILE mat_tile DEFINES SG_TYPE=${type_number} SG_EMULATE_MATRIX)
  math(EXPR type_number "${type_number} + 1")
endforeach()
