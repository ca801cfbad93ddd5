// SPDX-License-Identifier: MIT
#include "kernel/hyper_connection_cases.h"

namespace starglass::testing {
namespace {

double sigmoid(double z) {
    return 1.0 / (1.0 + std::exp(-z));
}

struct Truth {
    std::vector<double> u, post, comb, out, v;
};

Truth truth(const HyperProblem& p) {
    const HyperCase& c = p.shape;
    const int n = c.streams;
    Truth t;
    for (int row = 0; row < c.rows; ++row) {
        const float* h = p.h.data() + row * n * c.dim;
        double squares = 0.0;
        for (std::int64_t i = 0; i < n * c.dim; ++i) squares += std::pow(h[i], 2);
        const double k = 1.0 / std::sqrt(squares / static_cast<double>(n * c.dim) + 1e-6);
        const auto project = [&](const OwnedWeight& fn, int o) {
            const std::vector<float> w = fn.row(o);
            double sum = 0.0;
            for (std::int64_t i = 0; i < n * c.dim; ++i) sum += w[i] * (h[i] * k);
            return sum;
        };
        std::vector<double> pre, head, m;
        std::vector<double> post;
        for (int i = 0; i < n; ++i) {
            pre.push_back(sigmoid(project(p.fn, i) * p.scale[0] + p.base[i]) + 1e-6);
            post.push_back(2.0 * sigmoid(project(p.fn, n + i) * p.scale[1] + p.base[n + i]));
            head.push_back(sigmoid(project(p.head_fn, i) * p.head_scale[0] + p.head_base[i]) +
                           1e-6);
        }
        for (int i = 0; i < n * n; ++i)
            m.push_back(project(p.fn, 2 * n + i) * p.scale[2] + p.base[2 * n + i]);
        for (int i = 0; i < n; ++i) {
            double sum = 0.0;
            for (int j = 0; j < n; ++j) sum += m[i * n + j] = std::exp(m[i * n + j]);
            for (int j = 0; j < n; ++j) m[i * n + j] = m[i * n + j] / sum + 1e-6;
        }
        const auto columns = [&] {
            for (int j = 0; j < n; ++j) {
                double sum = 1e-6;
                for (int i = 0; i < n; ++i) sum += m[i * n + j];
                for (int i = 0; i < n; ++i) m[i * n + j] /= sum;
            }
        };
        columns();
        for (int iteration = 1; iteration < c.sinkhorn; ++iteration) {
            for (int i = 0; i < n; ++i) {
                double sum = 1e-6;
                for (int j = 0; j < n; ++j) sum += m[i * n + j];
                for (int j = 0; j < n; ++j) m[i * n + j] /= sum;
            }
            columns();
        }
        for (std::int64_t i = 0; i < c.dim; ++i) {
            double u = 0.0, v = 0.0;
            for (int s = 0; s < n; ++s) {
                u += pre[s] * h[s * c.dim + i];
                v += head[s] * h[s * c.dim + i];
            }
            t.u.push_back(u);
            t.v.push_back(v);
        }
        for (int d = 0; d < n; ++d)
            for (std::int64_t i = 0; i < c.dim; ++i) {
                double sum = post[d] * p.y[row * c.dim + i];
                for (int s = 0; s < n; ++s) sum += m[s * n + d] * h[s * c.dim + i];
                t.out.push_back(sum);
            }
        t.post.insert(t.post.end(), post.begin(), post.end());
        t.comb.insert(t.comb.end(), m.begin(), m.end());
    }
    return t;
}

// The projection is a long f32 sum, hence a little more than for one norm.
constexpr double kHyperTolerance = 2e-5;

TEST(HyperConnection, MeetsTheFormula) {
    for_each_backend([](Backend& backend) {
        for (const HyperCase& c : hyper_cases()) {
            SCOPED_TRACE(std::to_string(c.streams) + " x " + std::to_string(c.dim));
            HyperProblem problem(c);
            backend.run(problem.pre());
            backend.run(problem.spread());
            backend.run(problem.head());
            const Truth want = truth(problem);
            expect_close(problem.post.span(), want.post, kHyperTolerance);
            expect_close(problem.comb.span(), want.comb, kHyperTolerance);
            expect_close(problem.u.span(), want.u, kHyperTolerance);
            expect_close(problem.out.span(), want.out, kHyperTolerance);
            expect_close(problem.v.span(), want.v, kHyperTolerance);
        }
    });
}

TEST(HyperConnection, ColumnsOfTheMixSumToOne) {
    for_each_backend([](Backend& backend) {
        HyperProblem problem({DataType::f16, 4, 64, 7});
        backend.run(problem.pre());
        for (int row = 0; row < 7; ++row)
            for (int d = 0; d < 4; ++d) {
                float sum = 0.0F;
                for (int s = 0; s < 4; ++s) sum += problem.comb[(row * 4 + s) * 4 + d];
                EXPECT_NEAR(sum, 1.0F, 3e-6F);
            }
    });
}

TEST(HyperConnection, ATokenDoesNotDependOnItsBatch) {
    for_each_backend([](Backend& backend) {
        for (const HyperCase& c : hyper_cases()) {
            HyperProblem batch(c), alone(c);
            backend.run(batch.pre());
            backend.run(batch.spread());
            backend.run(batch.head());
            const std::int64_t n = c.streams;
            for (int row = 0; row < c.rows; ++row) {
                HyperPre pre = alone.pre();
                HyperPost post = alone.spread();
                HyperHead head = alone.head();
                pre.rows = post.rows = head.rows = 1;
                pre.h = post.h = head.h = alone.h.data() + row * n * c.dim;
                pre.u += row * c.dim;
                head.v += row * c.dim;
                pre.post += row * n;
                post.post += row * n;
                pre.comb += row * n * n;
                post.comb += row * n * n;
                post.y += row * c.dim;
                post.out += row * n * c.dim;
                backend.run(pre);
                backend.run(post);
                backend.run(head);
            }
            expect_same_bits(alone.u.span(), batch.u.span());
            expect_same_bits(alone.out.span(), batch.out.span());
            expect_same_bits(alone.v.span(), batch.v.span());
        }
    });
}

// Model spec appendix A. The projection passes unit vectors through: fn selects single elements
// of the normed streams, which are made to be the mix values.
TEST(HyperConnection, AppendixA) {
    const std::array<float, 4> pre{0.075859174F, 0.60667032F, 0.51666147F, 0.69706029F};
    const std::array<float, 4> post{1.1325488F, 1.3363755F, 1.0333209F, 1.2449187F};
    const std::array<float, 16> comb{0.065065257F, 0.49534205F,   0.37451094F,   0.065065488F,
                                     0.37451667F,  0.0040106536F, 0.2469663F,    0.37451652F,
                                     0.065065272F, 0.49534193F,   0.37451103F,   0.065065488F,
                                     0.49535176F,  0.0053044744F, 0.0040106997F, 0.49535155F};
    for_each_backend([&](Backend& backend) {
        HyperProblem problem({DataType::f32, 4, 8, 1});
        std::vector<float> m(24);
        double squares = 0.0;
        for (int i = 0; i < 24; ++i) {
            m[i] = static_cast<float>(7 * i % 11) / 5.0F - 1.0F;
            problem.base[i] = static_cast<float>(5 * i % 13) / 6.0F - 1.0F;
            squares += std::pow(m[i], 2);
        }
        problem.scale[0] = 1.5F;
        problem.scale[1] = 0.5F;
        problem.scale[2] = 2.0F;
        // 32 stream values of which 24 are m; fn undoes the norm.
        const double rms = std::sqrt(squares / 32.0 + 1e-6);
        for (int i = 0; i < 32; ++i) problem.h[i] = i < 24 ? m[i] : 0.0F;
        std::vector<float> fn(24 * 32, 0.0F);
        for (int i = 0; i < 24; ++i) fn[i * 32 + i] = static_cast<float>(rms);
        std::memcpy(problem.fn.bytes.data(), fn.data(), fn.size() * sizeof(float));
        backend.run(problem.pre());
        expect_close(problem.post.span(), post, 1e-6);
        expect_close(problem.comb.span(), comb, 2e-6);
        for (int i = 0; i < 8; ++i) {
            double want = 0.0;
            for (int c = 0; c < 4; ++c) want += pre[c] * problem.h[c * 8 + i];
            EXPECT_NEAR(problem.u[i], want, 2e-6);
        }
    });
}

}  // namespace
}  // namespace starglass::testing
