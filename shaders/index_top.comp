// SPDX-License-Identifier: MIT
//
// The top_k best of one row's scores, or of each slice of them, in ascending order of row; of equal
// scores the first.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "index_top_params.h"
#include "top.glsl"

layout(local_size_x = 256) in;

uint capped(uint count) {
    return min(count, uint(p.top_k));
}

void main() {
    const uint thread = thread_in_order();
    const uint row = gl_WorkGroupID.y;
    const uint visible = (uint(p.first_position) + row + 1) / uint(p.ratio);
    const uint slice = uint(p.slice);
    const uint named = uint(p.named);
    const bool scored = visible > uint(p.top_k);

    uint total = visible;
    if (named != 0 && scored)
        total = visible / named * uint(p.top_k) + capped(visible % named);
    uint begin = 0;
    uint count = total;
    if (slice != 0) {
        begin = gl_WorkGroupID.x * slice;
        if (begin >= total || !scored) return;
        count = min(slice, total - begin);
    }
    const uint from = row * uint(p.score_stride) + begin;
    const uint to = row * uint(p.best_stride) + gl_WorkGroupID.x * uint(p.top_k);
    const uint wanted = capped(count);
    if (slice == 0 && thread == 0) p.counts.v[row] = wanted;
    if (!scored) {
        for (uint i = thread; i < wanted; i += 256) p.best.v[to + i] = i;
        return;
    }

    const Cut cut = find_cut(p.scores, from, count, wanted);

    // Each thread a piece: what is above the last key, and as many equal ones as are left.
    const uint piece = (count + 255) / 256;
    const uint low = min(count, thread * piece);
    const uint high = min(count, low + piece);
    uint better = 0;
    uint equal = 0;
    for (uint i = low; i < high; ++i) {
        const uint key = order(p.scores.v[from + i]);
        if (key > cut.key) ++better;
        if (key == cut.key) ++equal;
    }
    better = sum_before(better);
    equal = sum_before(equal);
    for (uint i = low; i < high; ++i) {
        const float score = p.scores.v[from + i];
        const uint key = order(score);
        if (key > cut.key || (key == cut.key && equal < cut.equal)) {
            const uint place = to + better + min(equal, cut.equal);
            p.best.v[place] = named != 0 ? p.names.v[from + i] : begin + i;
            if (slice != 0) p.best_scores.v[place] = score;
        }
        if (key > cut.key) ++better;
        if (key == cut.key) ++equal;
    }
}
