// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/session.h"
#include "model/forward.h"

namespace starglass {

// Gathers one batch's routing, layer by layer, and hands it out position by position.
class RoutingCollector {
public:
    RoutingCollector(int layers, int used) : layers_(layers), used_(used) {}

    RoutingFn hook() {
        return [this](int layer, std::int64_t, int rows, std::span<const std::int32_t> experts,
                      std::span<const float> weights) {
            const std::size_t frame = static_cast<std::size_t>(layers_) * used_;
            experts_.resize(static_cast<std::size_t>(rows) * frame);
            weights_.resize(experts_.size());
            for (int row = 0; row < rows; ++row) {
                const std::size_t to = row * frame + static_cast<std::size_t>(layer) * used_;
                const std::size_t from = static_cast<std::size_t>(row) * used_;
                std::copy_n(experts.data() + from, used_, experts_.data() + to);
                std::copy_n(weights.data() + from, used_, weights_.data() + to);
            }
        };
    }
    void send(SessionListener& listener, std::int64_t first_position, int rows, bool prefill) {
        const std::size_t frame = static_cast<std::size_t>(layers_) * used_;
        for (int row = 0; row < rows; ++row)
            listener.on_routing({first_position + row,
                                 prefill,
                                 layers_,
                                 used_,
                                 {experts_.data() + row * frame, frame},
                                 {weights_.data() + row * frame, frame}});
    }

private:
    int layers_;
    int used_;
    std::vector<std::int32_t> experts_;
    std::vector<float> weights_;
};

}  // namespace starglass
