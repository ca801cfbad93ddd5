# SPDX-License-Identifier: MIT
#
# The list of kernels: a name, the file it is compiled from, what is defined there.
sg_shader(add)
sg_shader(compress)
sg_shader(embed)
sg_shader(encode_rows)
sg_shader(hyper_finish)
sg_shader(hyper_mix)
sg_shader(hyper_post)
sg_shader(index_query)
sg_shader(rms_norm)
sg_shader(rms_norm_rope)
sg_shader(rope)
sg_shader(router)
