// SPDX-License-Identifier: MIT
//
// One invocation an element of every stream.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "hyper_post_params.h"
#include "hyper_spread.glsl"

layout(local_size_x = 256) in;
layout(constant_id = 0) const uint kStreams = 4;

void main() {
    const uint i = gl_GlobalInvocationID.x;
    const uint row = gl_WorkGroupID.y;
    const uint dim = uint(p.dim);
    if (i >= dim) return;
    float h[kStreams];
    [[unroll]] for (uint s = 0; s < kStreams; ++s) h[s] = p.h.v[(row * kStreams + s) * dim + i];
    const float y = p.y.v[row * dim + i];
    [[unroll]] for (uint d = 0; d < kStreams; ++d) {
        float sum = spread_first(y, p.post.v[row * kStreams + d]);
        [[unroll]] for (uint s = 0; s < kStreams; ++s)
            sum = spread_next(sum, p.comb.v[(row * kStreams + s) * kStreams + d], h[s]);
        p.made.v[(row * kStreams + d) * dim + i] = sum;
    }
}
