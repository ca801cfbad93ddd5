// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/routing_history.h"

#include <algorithm>

namespace starglass::ui {

void RoutingHistory::reset(const RoutingShape& shape) {
    shape_ = shape;
    records_.clear();
    tokens_ = 0;
}

std::size_t RoutingHistory::bytes() const {
    return tokens_ *
           (slotsPerToken() * (sizeof(std::int16_t) + sizeof(float)) + sizeof(std::int64_t));
}

void RoutingHistory::add(qint64 message, const RoutingSample& sample) {
    if (shape_.empty() || shape_.expertsUsed <= 0) return;
    Record& record = records_[message];
    if (sample.prefill) {
        record.lastPrompt = sample;
        return;
    }
    while (bytes() > maxBytes_ && records_.size() > 1) {
        const auto oldest =
            records_.begin()->first == message ? std::next(records_.begin()) : records_.begin();
        tokens_ -= oldest->second.positions.size();
        records_.erase(oldest);
    }
    const auto known = record.index.find(sample.position);
    if (known == record.index.end() && bytes() > maxBytes_) return;
    std::size_t token = record.positions.size();
    if (known != record.index.end()) {
        token = known->second;  // evaluated again: the later run is what the answer stands on
    } else {
        record.index.emplace(sample.position, token);
        record.positions.push_back(sample.position);
        record.experts.resize(record.experts.size() + slotsPerToken());
        record.weights.resize(record.weights.size() + slotsPerToken());
        ++tokens_;
    }
    const auto width = static_cast<std::size_t>(shape_.expertsUsed);
    for (std::size_t slot = 0; slot < slotsPerToken(); ++slot) {
        const auto layer = static_cast<int>(slot / width);
        const auto k = static_cast<int>(slot % width);
        const std::size_t from = static_cast<std::size_t>(layer) *
                                     static_cast<std::size_t>(std::max(0, sample.expertsUsed)) +
                                 static_cast<std::size_t>(k);
        const bool there =
            layer < sample.layers && k < sample.expertsUsed && from < sample.experts.size();
        const std::int32_t expert = there ? sample.experts[from] : -1;
        const bool inside = expert >= 0 && expert < shape_.experts;
        record.experts[token * slotsPerToken() + slot] =
            static_cast<std::int16_t>(inside ? expert : -1);
        record.weights[token * slotsPerToken() + slot] =
            inside && from < sample.weights.size() ? sample.weights[from] : 0.0F;
    }
}

RoutingSample RoutingHistory::sampleAt(const Record& record, std::size_t token) const {
    RoutingSample out;
    out.position = record.positions[token];
    out.layers = shape_.layers;
    out.expertsUsed = shape_.expertsUsed;
    const auto first = static_cast<std::ptrdiff_t>(token * slotsPerToken());
    const auto last = first + static_cast<std::ptrdiff_t>(slotsPerToken());
    out.experts.assign(record.experts.begin() + first, record.experts.begin() + last);
    out.weights.assign(record.weights.begin() + first, record.weights.begin() + last);
    return out;
}

std::optional<RoutingSample> RoutingHistory::at(qint64 message, std::int64_t position) const {
    const auto record = records_.find(message);
    if (record == records_.end()) return {};
    const auto token = record->second.index.find(position);
    if (token != record->second.index.end()) return sampleAt(record->second, token->second);
    const auto& prompt = record->second.lastPrompt;
    return prompt && prompt->position == position ? prompt : std::nullopt;
}

std::vector<std::int64_t> RoutingHistory::positionsOf(qint64 message, RoutingCell cell) const {
    std::vector<std::int64_t> out;
    const auto found = records_.find(message);
    if (found == records_.end() || !cell.valid() || cell.layer >= shape_.layers) return out;
    const Record& record = found->second;
    const auto width = static_cast<std::size_t>(shape_.expertsUsed);
    for (std::size_t token = 0; token < record.positions.size(); ++token) {
        const std::int16_t* row = record.experts.data() + token * slotsPerToken() +
                                  static_cast<std::size_t>(cell.layer) * width;
        if (std::find(row, row + width, cell.expert) != row + width)
            out.push_back(record.positions[token]);
    }
    std::sort(out.begin(), out.end());
    return out;
}

RoutingCounts RoutingHistory::countsOf(qint64 message) const {
    RoutingCounts out(shape_);
    const auto found = records_.find(message);
    if (found == records_.end()) return out;
    for (std::size_t token = 0; token < found->second.positions.size(); ++token)
        out.add(sampleAt(found->second, token));
    return out;
}

}  // namespace starglass::ui
