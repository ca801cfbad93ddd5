// SPDX-License-Identifier: MIT
#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "kernel/reference_kernels.h"

namespace starglass {

void index_select_ref(const IndexSelect& op) {
    const int width = op.keys.layout.width;
    std::vector<float> key(static_cast<std::size_t>(width));
    std::vector<float> weight(static_cast<std::size_t>(op.heads));
    std::vector<float> score;
    std::vector<std::int32_t> order;
    for (int row = 0; row < op.rows; ++row) {
        const auto visible = static_cast<std::int32_t>((op.first_position + row + 1) / op.ratio);
        std::int32_t* selected = op.selected + static_cast<std::int64_t>(row) * op.top_k;
        if (visible <= op.top_k) {
            std::iota(selected, selected + visible, 0);
            op.counts[row] = visible;
            continue;
        }
        const float* query = op.query + static_cast<std::int64_t>(row) * op.heads * width;
        for (int head = 0; head < op.heads; ++head)
            weight[head] = op.weights[row * op.heads + head] * op.weight_scale;
        score.assign(static_cast<std::size_t>(visible), 0.0F);
        for (std::int32_t c = 0; c < visible; ++c) {
            decode_row(op.keys.layout, op.keys.row(c), key.data());
            for (int head = 0; head < op.heads; ++head) {
                const float* q = query + head * width;
                float dot = 0.0F;
                for (int i = 0; i < width; ++i) dot += q[i] * key[i];
                score[c] += std::max(0.0F, dot) * weight[head];
            }
        }
        if (op.scores != nullptr)
            std::copy(score.begin(), score.end(), op.scores + row * op.score_stride);

        // A total order even when broken weights make a score NaN: such a row comes last.
        for (float& s : score)
            if (!(s == s)) s = -std::numeric_limits<float>::infinity();
        order.resize(score.size());
        std::iota(order.begin(), order.end(), 0);
        std::nth_element(order.begin(), order.begin() + op.top_k, order.end(),
                         [&](std::int32_t a, std::int32_t b) {
                             return score[a] != score[b] ? score[a] > score[b] : a < b;
                         });
        std::copy_n(order.begin(), op.top_k, selected);
        std::sort(selected, selected + op.top_k);
        op.counts[row] = op.top_k;
    }
}

}  // namespace starglass
