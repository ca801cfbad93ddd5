// SPDX-License-Identifier: MIT
//
// Sorts (token, place) pairs by expert and cuts each expert's into tiles. One workgroup. The order
// within an expert is whatever it comes to; no result depends on it.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_memory_scope_semantics : require
#include "experts_group_params.h"

layout(local_size_x = 256) in;

const uint kExperts = 1024;
shared uint counts[kExperts];
shared uint cursors[kExperts];

void main() {
    const uint t = gl_LocalInvocationIndex;
    const uint pairs = uint(p.pairs), experts = uint(p.experts), tile = uint(p.tile);
    for (uint e = t; e < experts; e += 256) counts[e] = 0;
    for (uint i = t; i < uint(p.tiles_max); i += 256) p.tiles.v[4 * i + 2] = 0;
    groupMemoryBarrier();
    barrier();
    for (uint i = t; i < pairs; i += 256) atomicAdd(counts[p.selected.v[i]], 1u, gl_ScopeWorkgroup, 0, 0);
    barrier();
    if (t == 0) {
        uint at = 0, tiles = 0;
        for (uint e = 0; e < experts; ++e) {
            cursors[e] = at;
            for (uint done = 0; done < counts[e]; done += tile) {
                p.tiles.v[4 * tiles] = e;
                p.tiles.v[4 * tiles + 1] = at + done;
                p.tiles.v[4 * tiles + 2] = min(tile, counts[e] - done);
                ++tiles;
            }
            at += counts[e];
        }
    }
    barrier();
    for (uint i = t; i < pairs; i += 256) p.order.v[atomicAdd(cursors[p.selected.v[i]], 1u, gl_ScopeWorkgroup, 0, 0)] = i;
}
