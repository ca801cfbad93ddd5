// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernel/reference_kernels.h"
#include "tensor/block_format.h"

namespace starglass {
namespace {

// One vector in the format a weight type asks for, quantised at most once per format.
class Input {
public:
    Input(const float* x, std::int64_t count, Activations activations)
        : x_(x), count_(count), activations_(activations) {}

    float dot(const Weight& w, std::int64_t output, std::int64_t expert) {
        const std::byte* row = w.row(output, expert);
        if (activations_ == Activations::int8) {
            const std::span<const float> x(x_, static_cast<std::size_t>(count_));
            switch (activation_format(w.type)) {
                case ActivationFormat::q8_0:
                    if (q8_0_.scale.empty()) quantise_q8_0(x, q8_0_);
                    return dot_q8_0(row, q8_0_, 0, count_ / 32);
                case ActivationFormat::q8_k:
                    if (q8_k_.empty()) quantise_q8_k(x, q8_k_);
                    return dot_q8_k(w.type, row, q8_k_);
                case ActivationFormat::f32:
                    break;
            }
        }
        return dot_f32(w.type, row, x_, count_);
    }

private:
    const float* x_;
    std::int64_t count_;
    Activations activations_;
    ActivationQ8_0 q8_0_;
    std::vector<BlockQ8K> q8_k_;
};

}  // namespace

float swiglu(float gate, float up, float clamp) {
    if (clamp > 1e-6F) {
        gate = std::min(gate, clamp);
        up = std::min(std::max(up, -clamp), clamp);
    }
    float sigmoid;
    if (gate >= 0.0F) {
        sigmoid = 1.0F / (1.0F + std::exp(-gate));
    } else {
        const float e = std::exp(gate);
        sigmoid = e / (1.0F + e);
    }
    return gate * sigmoid * up;
}

void routed_experts_ref(const RoutedExperts& op, Activations activations) {
    std::vector<float> hidden(static_cast<std::size_t>(op.gate.out));
    // What expert number k of a row adds to its sum.
    const auto compute = [&](int row, int k, float* out) {
        Input x(op.x + row * op.gate.in, op.gate.in, activations);
        const std::int64_t expert = op.selected[row * op.used + k];
        const float weight = op.weights[row * op.used + k];
        // The weight goes in before the down projection: the quantised blocks depend on it.
        for (std::int64_t f = 0; f < op.gate.out; ++f)
            hidden[f] =
                swiglu(x.dot(op.gate, f, expert), x.dot(op.up, f, expert), op.clamp) * weight;
        Input h(hidden.data(), op.down.in, activations);
        for (std::int64_t o = 0; o < op.down.out; ++o) out[o] = h.dot(op.down, o, expert);
    };
    const int pairs = op.rows * op.used;
    std::vector<float> parts(static_cast<std::size_t>(pairs * op.down.out));
    if (op.source == nullptr) {
        for (int pair = 0; pair < pairs; ++pair)
            compute(pair / op.used, pair % op.used, parts.data() + pair * op.down.out);
    } else {
        op.source->request(op.layer, {op.selected, static_cast<std::size_t>(pairs)});
        for (;;) {
            const std::span<const std::int32_t> here = op.source->next(op.layer);
            if (here.empty()) break;
            for (int pair = 0; pair < pairs; ++pair)
                if (std::find(here.begin(), here.end(), op.selected[pair]) != here.end())
                    compute(pair / op.used, pair % op.used, parts.data() + pair * op.down.out);
            op.source->release(op.layer, here);
        }
    }
    for (int row = 0; row < op.rows; ++row) {
        float* y = op.y + row * op.down.out;
        std::fill_n(y, op.down.out, 0.0F);
        for (int k = 0; k < op.used; ++k) {
            const float* part = parts.data() + (row * op.used + k) * op.down.out;
            for (std::int64_t o = 0; o < op.down.out; ++o) y[o] += part[o];
        }
    }
}

void shared_expert_ref(const SharedExpert& op, Activations activations) {
    std::vector<float> hidden(static_cast<std::size_t>(op.gate.out));
    for (int row = 0; row < op.rows; ++row) {
        Input x(op.x + row * op.gate.in, op.gate.in, activations);
        for (std::int64_t f = 0; f < op.gate.out; ++f)
            hidden[f] = swiglu(x.dot(op.gate, f, 0), x.dot(op.up, f, 0), op.clamp);
        Input h(hidden.data(), op.down.in, activations);
        float* y = op.y + row * op.down.out;
        for (std::int64_t o = 0; o < op.down.out; ++o) y[o] = h.dot(op.down, o, 0);
    }
}

void add_ref(const Add& op) {
    for (std::int64_t i = 0; i < op.count; ++i) op.y[i] += op.x[i];
}

}  // namespace starglass
