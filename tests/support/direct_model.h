// SPDX-License-Identifier: MIT
//
// A second, independent forward pass: the formulas of model spec section 3 written out in double
// precision over a whole sequence at once, without caches, batches or rounding of rows. Slow and
// plain on purpose; it shares only the loader and dequantise_row with the engine.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "model/shape.h"
#include "model/weights.h"
#include "tensor/block_format.h"

namespace starglass::test {

class DirectModel {
public:
    using Vector = std::vector<double>;
    using Rows = std::vector<Vector>;

    DirectModel(const ModelShape& shape, const ModelWeights& weights) : s_(shape), w_(weights) {}

    // Logits of every position.
    Rows run(const std::vector<std::int32_t>& tokens) {
        const std::size_t n = tokens.size();
        std::vector<Rows> h(n);
        for (std::size_t t = 0; t < n; ++t)
            h[t] = Rows(static_cast<std::size_t>(s_.streams), row(w_.embedding, tokens[t]));
        for (int layer = 0; layer < s_.layers; ++layer) {
            const LayerWeights& w = w_.layers[static_cast<std::size_t>(layer)];
            Rows x(n), post(n);
            std::vector<Rows> comb(n);
            for (std::size_t t = 0; t < n; ++t)
                x[t] =
                    norm(pre(h[t], w.hc_attn_fn, w.hc_attn_scale, w.hc_attn_base, post[t], comb[t]),
                         w.attn_norm);
            const Rows attention = attend(layer, x);
            for (std::size_t t = 0; t < n; ++t) h[t] = mix(h[t], attention[t], post[t], comb[t]);
            for (std::size_t t = 0; t < n; ++t) {
                const Vector y =
                    norm(pre(h[t], w.hc_ffn_fn, w.hc_ffn_scale, w.hc_ffn_base, post[t], comb[t]),
                         w.ffn_norm);
                h[t] = mix(h[t], ffn(layer, y, tokens[t]), post[t], comb[t]);
            }
        }
        Rows logits(n);
        for (std::size_t t = 0; t < n; ++t) {
            const Vector m = multiply(w_.head.hc_fn, normed_flat(h[t]));
            Vector v(static_cast<std::size_t>(s_.embedding), 0.0);
            for (std::size_t c = 0; c < h[t].size(); ++c) {
                const double gate =
                    sigmoid(m[c] * w_.head.hc_scale[0] + w_.head.hc_base[c]) + s_.hyper_epsilon;
                for (std::size_t i = 0; i < v.size(); ++i) v[i] += gate * h[t][c][i];
            }
            logits[t] = multiply(w_.output, norm(v, w_.head.norm));
        }
        return logits;
    }

private:
    static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

    static Vector row(const Weight& w, std::int64_t index, std::int64_t matrix = 0) {
        std::vector<float> values(static_cast<std::size_t>(w.in));
        dequantise_row(w.type, w.row(index, matrix), w.in, values.data());
        return {values.begin(), values.end()};
    }
    static Vector multiply(const Weight& w, const Vector& x, std::int64_t matrix = 0,
                           std::int64_t first = 0, std::int64_t rows = -1) {
        Vector y;
        for (std::int64_t o = first; o < (rows < 0 ? w.out : first + rows); ++o) {
            const Vector r = row(w, o, matrix);
            y.push_back(std::inner_product(r.begin(), r.end(), x.begin(), 0.0));
        }
        return y;
    }
    double inverse_rms(const Vector& x) const {
        double sum = 0;
        for (const double v : x) sum += v * v;
        return 1 / std::sqrt(sum / static_cast<double>(x.size()) + s_.epsilon);
    }
    Vector norm(Vector x, const float* weight) const {
        const double k = inverse_rms(x);
        for (std::size_t i = 0; i < x.size(); ++i)
            x[i] *= k * (weight != nullptr ? weight[i] : 1.0F);
        return x;
    }
    Vector normed_flat(const Rows& h) const {
        Vector flat;
        for (const Vector& stream : h) flat.insert(flat.end(), stream.begin(), stream.end());
        return norm(flat, nullptr);
    }

    Vector pre(const Rows& h, const Weight& fn, const float* scale, const float* base, Vector& post,
               Rows& M) const {
        const std::size_t C = h.size();
        const double eps = s_.hyper_epsilon;
        const Vector m = multiply(fn, normed_flat(h));
        Vector u(h[0].size(), 0.0);
        post.assign(C, 0);
        M.assign(C, Vector(C));
        for (std::size_t c = 0; c < C; ++c) {
            const double gate = sigmoid(m[c] * scale[0] + base[c]) + eps;
            for (std::size_t i = 0; i < u.size(); ++i) u[i] += gate * h[c][i];
            post[c] = 2 * sigmoid(m[C + c] * scale[1] + base[C + c]);
            double sum = 0;
            for (std::size_t j = 0; j < C; ++j) {
                const std::size_t at = 2 * C + C * c + j;
                sum += M[c][j] = std::exp(m[at] * scale[2] + base[at]);
            }
            for (double& value : M[c]) value = value / sum + eps;
        }
        for (int step = 0; step < s_.sinkhorn; ++step) {
            if (step > 0)
                for (Vector& line : M) {
                    const double sum = std::accumulate(line.begin(), line.end(), 0.0) + eps;
                    for (double& value : line) value /= sum;
                }
            for (std::size_t j = 0; j < C; ++j) {
                double sum = eps;
                for (std::size_t i = 0; i < C; ++i) sum += M[i][j];
                for (std::size_t i = 0; i < C; ++i) M[i][j] /= sum;
            }
        }
        return u;
    }
    static Rows mix(const Rows& h, const Vector& y, const Vector& post, const Rows& M) {
        Rows out(h.size(), Vector(y.size(), 0.0));
        for (std::size_t d = 0; d < h.size(); ++d)
            for (std::size_t i = 0; i < y.size(); ++i) {
                out[d][i] = post[d] * y[i];
                for (std::size_t s = 0; s < h.size(); ++s) out[d][i] += M[s][d] * h[s][i];
            }
        return out;
    }

    void rotate(double* head, int width, std::int64_t position, int ratio, double sign) const {
        const int R = s_.rotary;
        const double base = ratio == 0 ? s_.rope_base : s_.compress_rope_base;
        const double scale = ratio == 0 ? 1.0 : s_.rope_scale;
        const auto corr = [&](double beta) {
            return R * std::log(static_cast<double>(s_.rope_original_context) / (beta * 2 * M_PI)) /
                   (2 * std::log(base));
        };
        const double lo = std::max(0.0, std::floor(corr(s_.rope_beta_fast)));
        const double hi = std::min(R - 1.0, std::ceil(corr(s_.rope_beta_slow)));
        for (int i = 0; i < R / 2; ++i) {
            const double extrapolated =
                static_cast<double>(position) * std::pow(base, -2.0 * i / R);
            double angle = extrapolated / scale;
            if (ratio != 0 && scale > 1) {
                const double g = 1 - std::clamp((i - lo) / std::max(0.001, hi - lo), 0.0, 1.0);
                angle = angle * (1 - g) + extrapolated * g;
            }
            angle *= sign;
            double& a = head[width - R + 2 * i];
            double& b = head[width - R + 2 * i + 1];
            const double v0 = a;
            const double v1 = b;
            a = v0 * std::cos(angle) - v1 * std::sin(angle);
            b = v0 * std::sin(angle) + v1 * std::cos(angle);
        }
    }
    static void hadamard_direct(double* x, int n) {
        Vector y(static_cast<std::size_t>(n), 0.0);
        for (int i = 0; i < n; ++i)
            for (int j = 0; j < n; ++j)
                y[static_cast<std::size_t>(i)] +=
                    (__builtin_popcount(static_cast<unsigned>(i & j)) % 2 ? -x[j] : x[j]) /
                    std::sqrt(static_cast<double>(n));
        std::copy(y.begin(), y.end(), x);
    }

    // Compressed row `index` from the normed inputs of its groups.
    Vector compressed_row(const Rows& x, int ratio, std::int64_t index, int width,
                          const Weight& ape, const Weight& kv, const Weight& gate,
                          const float* weight) const {
        const bool overlap = ratio == 4;
        Vector out(static_cast<std::size_t>(width), 0.0);
        Rows keys, scores;  // candidates, one column block each
        for (std::int64_t group = overlap ? index - 1 : index; group <= index; ++group) {
            if (group < 0) continue;
            const std::size_t column =
                overlap && group == index ? static_cast<std::size_t>(width) : 0;
            for (int p = 0; p < ratio; ++p) {
                const Vector& in = x[static_cast<std::size_t>(group * ratio + p)];
                const Vector k = multiply(kv, in);
                const Vector g = multiply(gate, in);
                const Vector a = row(ape, p);
                keys.emplace_back(k.begin() + column, k.begin() + column + width);
                Vector score(static_cast<std::size_t>(width));
                for (std::size_t j = 0; j < score.size(); ++j)
                    score[j] = g[column + j] + a[column + j];
                scores.push_back(std::move(score));
            }
        }
        for (std::size_t j = 0; j < out.size(); ++j) {
            double top = -std::numeric_limits<double>::infinity();
            for (const Vector& score : scores) top = std::max(top, score[j]);
            double sum = 0;
            for (std::size_t i = 0; i < keys.size(); ++i) {
                const double e = std::exp(scores[i][j] - top);
                sum += e;
                out[j] += e * keys[i][j];
            }
            out[j] /= sum;
        }
        out = norm(out, weight);
        rotate(out.data(), width, index * ratio, ratio, 1);
        return out;
    }

    Rows attend(int layer, const Rows& x) const {
        const LayerWeights& w = w_.layers[static_cast<std::size_t>(layer)];
        const int ratio = s_.ratio[static_cast<std::size_t>(layer)];
        const int D = s_.head_width;
        const std::int64_t n = static_cast<std::int64_t>(x.size());
        Rows kv, low, compressed, index_rows, out;
        for (std::int64_t t = 0; t < n; ++t) {
            kv.push_back(norm(multiply(w.kv, x[static_cast<std::size_t>(t)]), w.kv_norm));
            rotate(kv.back().data(), D, t, ratio, 1);
            low.push_back(norm(multiply(w.q_a, x[static_cast<std::size_t>(t)]), w.q_a_norm));
        }
        for (std::int64_t c = 0; ratio != 0 && c < n / ratio; ++c) {
            compressed.push_back(compressed_row(x, ratio, c, D, w.compressor_ape, w.compressor_kv,
                                                w.compressor_gate, w.compressor_norm));
            if (ratio != 4) continue;
            index_rows.push_back(compressed_row(x, ratio, c, s_.index_width, w.index_compressor_ape,
                                                w.index_compressor_kv, w.index_compressor_gate,
                                                w.index_compressor_norm));
            hadamard_direct(index_rows.back().data(), s_.index_width);
        }
        for (std::int64_t t = 0; t < n; ++t) {
            const auto at = static_cast<std::size_t>(t);
            std::vector<const Vector*> rows;
            for (std::int64_t p = std::max<std::int64_t>(0, t - s_.window + 1); p <= t; ++p)
                rows.push_back(&kv[static_cast<std::size_t>(p)]);
            if (ratio != 0) {
                std::vector<std::int64_t> visible(static_cast<std::size_t>((t + 1) / ratio));
                std::iota(visible.begin(), visible.end(), 0);
                if (ratio == 4 && static_cast<int>(visible.size()) > s_.index_top_k)
                    visible = select(w, x[at], low[at], t, index_rows, visible.size());
                for (const std::int64_t c : visible)
                    rows.push_back(&compressed[static_cast<std::size_t>(c)]);
            }
            Vector q = multiply(w.q_b, low[at]);
            Vector heads(q.size(), 0.0);
            for (int k = 0; k < s_.heads; ++k) {
                Vector head(q.begin() + k * D, q.begin() + (k + 1) * D);
                head = norm(head, nullptr);
                rotate(head.data(), D, t, ratio, 1);
                Vector z;
                double top = w.sinks[k];
                for (const Vector* r : rows) {
                    z.push_back(std::inner_product(head.begin(), head.end(), r->begin(), 0.0) /
                                std::sqrt(static_cast<double>(D)));
                    top = std::max(top, z.back());
                }
                double sum = std::exp(w.sinks[k] - top);
                for (double& value : z) sum += value = std::exp(value - top);
                double* o = heads.data() + k * D;
                for (std::size_t i = 0; i < rows.size(); ++i)
                    for (int d = 0; d < D; ++d)
                        o[d] += z[i] / sum * (*rows[i])[static_cast<std::size_t>(d)];
                rotate(o, D, t, ratio, -1);
            }
            Vector y;
            const std::int64_t slice = static_cast<std::int64_t>(D) * s_.heads / s_.output_groups;
            for (int g = 0; g < s_.output_groups; ++g) {
                const Vector part(heads.begin() + g * slice, heads.begin() + (g + 1) * slice);
                const Vector block =
                    multiply(w.output_a, part, 0, g * s_.output_rank, s_.output_rank);
                y.insert(y.end(), block.begin(), block.end());
            }
            out.push_back(multiply(w.output_b, y));
        }
        return out;
    }

    std::vector<std::int64_t> select(const LayerWeights& w, const Vector& x, const Vector& low,
                                     std::int64_t t, const Rows& index_rows,
                                     std::size_t count) const {
        const int ID = s_.index_width;
        Vector q = multiply(w.index_q_b, low);
        const Vector weight = multiply(w.index_proj, x);
        for (int k = 0; k < s_.index_heads; ++k) {
            rotate(q.data() + k * ID, ID, t, 4, 1);
            hadamard_direct(q.data() + k * ID, ID);
        }
        Vector scores(count, 0.0);
        for (std::size_t c = 0; c < count; ++c)
            for (int k = 0; k < s_.index_heads; ++k)
                scores[c] +=
                    weight[static_cast<std::size_t>(k)] /
                    std::sqrt(static_cast<double>(ID) * s_.index_heads) *
                    std::max(0.0, std::inner_product(index_rows[c].begin(), index_rows[c].end(),
                                                     q.begin() + k * ID, 0.0));
        std::vector<std::int64_t> order(count);
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
            return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
        });
        order.resize(static_cast<std::size_t>(s_.index_top_k));
        std::sort(order.begin(), order.end());
        return order;
    }

    static Vector expert(const Weight& gate, const Weight& up, const Weight& down, const Vector& x,
                         std::int64_t id, double clamp, double weight) {
        Vector g = multiply(gate, x, id);
        const Vector u = multiply(up, x, id);
        for (std::size_t i = 0; i < g.size(); ++i) {
            double a = g[i];
            double b = u[i];
            if (clamp > 1e-6) {
                a = std::min(a, clamp);
                b = std::clamp(b, -clamp, clamp);
            }
            g[i] = a * sigmoid(a) * b * weight;
        }
        return multiply(down, g, id);
    }
    Vector ffn(int layer, const Vector& x, std::int32_t token) const {
        const LayerWeights& w = w_.layers[static_cast<std::size_t>(layer)];
        Vector p = multiply(w.router, x);
        for (double& value : p) value = std::sqrt(std::log1p(std::exp(value)));
        std::vector<std::int32_t> chosen;
        if (w.hash_table != nullptr) {
            chosen.assign(w.hash_table + static_cast<std::int64_t>(token) * s_.experts_used,
                          w.hash_table + static_cast<std::int64_t>(token + 1) * s_.experts_used);
        } else {
            chosen.resize(p.size());
            std::iota(chosen.begin(), chosen.end(), 0);
            std::stable_sort(chosen.begin(), chosen.end(), [&](std::int32_t a, std::int32_t b) {
                const auto score = [&](std::int32_t e) {
                    return p[static_cast<std::size_t>(e)] +
                           (w.router_bias != nullptr ? w.router_bias[e] : 0.0F);
                };
                return score(a) > score(b);
            });
            chosen.resize(static_cast<std::size_t>(s_.experts_used));
        }
        double sum = 0;
        for (const std::int32_t e : chosen) sum += p[static_cast<std::size_t>(e)];
        const double clamp = s_.clamp[static_cast<std::size_t>(layer)];
        Vector y = expert(w.gate_shared, w.up_shared, w.down_shared, x, 0, clamp, 1);
        for (const std::int32_t e : chosen) {
            const double weight = p[static_cast<std::size_t>(e)] /
                                  std::max(sum, std::ldexp(1.0, -14)) * s_.expert_scale;
            const Vector part =
                expert(w.gate_experts, w.up_experts, w.down_experts, x, e, clamp, weight);
            for (std::size_t i = 0; i < y.size(); ++i) y[i] += part[i];
        }
        return y;
    }

    const ModelShape& s_;
    const ModelWeights& w_;
};

}  // namespace starglass::test
