# SPDX-License-Identifier: MIT
#
# The list of kernels: a name, the file it is compiled from, what is defined there.
sg_shader(rms_norm)
sg_shader(attention_split FILE attention DEFINES SG_HEADS=8 SG_SPLIT)
sg_shader(attention_split_plain FILE attention DEFINES SG_HEADS=8 SG_SPLIT SG_PLAIN)
sg_shader(attention_whole FILE attention DEFINES SG_HEADS=32)
sg_shader(attention_whole_plain FILE attention DEFINES SG_HEADS=32 SG_PLAIN)
sg_shader(attention_combine)
sg_shader(index_score)
sg_shader(index_score_plain FILE index_score DEFINES SG_PLAIN)
sg_shader(index_top)
sg_shader(attention_softmax)
foreach(name attention_scores attention_values)
  sg_shader(${name} MATRIX)
  sg_shader(${name}_emulated FILE ${name} DEFINES SG_EMULATE_MATRIX)
endforeach()
