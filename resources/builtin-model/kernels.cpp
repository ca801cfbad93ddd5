// SPDX-License-Identifier: MIT
// One training step of the built-in model (forward, loss, gradients) for a single core with
// AVX-512 BF16. Plain f32 memory, bf16 matrix products, with AMX where the processor has it. The
// mathematics is that of model.py; check_kernels.py compares the two. Built and called by
// kernels.py; single threaded; sizes come from the caller, limits are in `Shape`.
#include <immintrin.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

typedef uint16_t bf16;

struct Shape {
    int E, L, V, H, D, R, G, LQ, LO, N, K, F, Lh, Wn, C, SI;
    float clamp, expert_scale, eps;
};

struct Layer {  // pointers into the parameter (or gradient) vector; null where the layer has no
                // such tensor
    float *ahc_fn, *ahc_scale, *ahc_base, *q_a, *q_b, *kv, *sinks, *out_a, *out_b, *ape, *ckv,
        *cgate;
    float *fhc_fn, *fhc_scale, *fhc_base, *router, *gate, *up, *down, *sgate, *sup, *sdown;
};
struct Params {
    float *embd, *output, *ohc_fn, *ohc_scale, *ohc_base;
    Layer layer[16];
};

// ---------------------------------------------------------------- memory
struct Arena {
    char* base = nullptr;
    size_t size = 0, used = 0;
    void init(size_t n) {
        base = static_cast<char*>(mmap(nullptr, n, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        madvise(base, n, MADV_HUGEPAGE);
        size = n;
    }
    template <class T>
    T* get(size_t n) {
        size_t b = (n * sizeof(T) + 4096 + 63) &
                   ~size_t(63);  // slack lets tile stores run past the last row block
        if (used + b > size) {
            fprintf(stderr, "kernels: arena exhausted\n");
            abort();
        }
        T* p = reinterpret_cast<T*>(base + used);
        used += b;
        return p;
    }
};
Arena g_arena;

inline int up16(int x) {
    return (x + 15) & ~15;
}
inline int up32(int x) {
    return (x + 31) & ~31;
}

// ---------------------------------------------------------------- matrix products
#define SG_AMX __attribute__((target("amx-tile,amx-bf16")))
bool g_amx = false;
struct alignas(64) TileConfig {
    uint8_t palette = 1, start = 0, reserved[14] = {};
    uint16_t colsb[16] = {};
    uint8_t rows[16] = {};
};
void amx_allow() {
    g_amx = __builtin_cpu_supports("amx-bf16") && !getenv("SG_NO_AMX") &&
            syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}
SG_AMX void amx_load_config() {
    TileConfig c;
    for (int i = 0; i < 8; i++) c.colsb[i] = 64, c.rows[i] = 16;
    asm volatile("" : : "r"(&c) : "memory");  // the whole table is read
    _tile_loadconfig(&c);
}
void amx_config() {  // again before every step: oneDNN leaves its own configuration behind
    if (g_amx) amx_load_config();
}
SG_AMX void amx_drop_config() {
    _tile_release();
}
void amx_release() {
    if (g_amx) amx_drop_config();
}

// Tiles are 1 KB: an A tile holds 16 rows of 32 k-values, a B tile 16 k-pairs of 16 columns.
// Panels: A as [m/16][k/32] tiles, B as [n/16][k/32] tiles.
inline __m512i cvt32(const float* p) {
    return (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(p + 16), _mm512_loadu_ps(p));
}

inline void transpose16(__m512i r[16]) {  // 16 x 16 of 32 bit
    __m512i t[16];
    for (int i = 0; i < 8; i++) {
        t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 4; i++) {
        r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
        r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0x88);
        t[4 + i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0xdd);
        t[8 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0x88);
        t[12 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88);
        r[8 + i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0xdd);
        r[4 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88);
        r[12 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xdd);
    }
}

// Sources of rows: plain matrix or gathered rows. row(i) returns null for a row of zeros.
struct Rows {
    const float* p;
    size_t ld;
    int n;
    const int* idx;  // optional
    const float* row(int i) const {
        if (i >= n) return nullptr;
        if (!idx) return p + i * ld;
        return idx[i] < 0 ? nullptr : p + idx[i] * ld;
    }
};
inline Rows rows(const float* p, size_t ld, int n, const int* idx = nullptr) {
    return Rows{p, ld, n, idx};
}

// A[m][k] = src row m, columns 0..K-1 (K multiple of 32).
void pack_a(bf16* dst, Rows s, int m_pad, int K) {
    int kt = K / 32;
    for (int m0 = 0; m0 < m_pad; m0 += 16)
        for (int i = 0; i < 16; i++) {
            const float* r = s.row(m0 + i);
            bf16* d = dst + size_t(m0 / 16) * kt * 512 + i * 32;
            if (r)
                for (int k = 0; k < kt; k++)
                    _mm512_storeu_si512(d + size_t(k) * 512, cvt32(r + 32 * k));
            else
                for (int k = 0; k < kt; k++)
                    _mm512_storeu_si512(d + size_t(k) * 512, _mm512_setzero_si512());
        }
}

// Interleaves rows r0, r1 (16 columns): 32 bit lanes (r0[c], r1[c]).
inline __m512i pair16(const float* r0, const float* r1) {
    __m512 a = r0 ? _mm512_loadu_ps(r0) : _mm512_setzero_ps();
    __m512 b = r1 ? _mm512_loadu_ps(r1) : _mm512_setzero_ps();
    __m512i lo = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(a));
    __m512i hi = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(b));
    return _mm512_or_si512(lo, _mm512_slli_epi32(hi, 16));
}

// B[k][n] = src row k (k padded to 32), columns 0..N-1 (N multiple of 16).
void pack_b(bf16* dst, Rows s, int k_pad, int N) {
    int kt = k_pad / 32;
    for (int k = 0; k < k_pad; k += 2) {
        const float *r0 = s.row(k), *r1 = s.row(k + 1);
        bf16* d = dst + size_t(k / 32) * 512 + (k & 31) / 2 * 32;
        for (int n = 0; n < N; n += 16)
            _mm512_storeu_si512(d + size_t(n / 16) * kt * 512,
                                pair16(r0 ? r0 + n : nullptr, r1 ? r1 + n : nullptr));
    }
}

// A[m][k] = src row k (k padded to 32), column m (M multiple of 16): the transposed left operand.
void pack_at(bf16* dst, Rows s, int k_pad, int M) {
    int kt = k_pad / 32;
    for (int k = 0; k < k_pad; k += 32)
        for (int m = 0; m < M; m += 16) {
            __m512i t[16];
            for (int i = 0; i < 16; i++) {
                const float *r0 = s.row(k + 2 * i), *r1 = s.row(k + 2 * i + 1);
                t[i] = pair16(r0 ? r0 + m : nullptr, r1 ? r1 + m : nullptr);
            }
            transpose16(t);
            bf16* d = dst + (size_t(m / 16) * kt + k / 32) * 512;
            for (int i = 0; i < 16; i++) _mm512_storeu_si512(d + i * 32, t[i]);
        }
}

// B[k][n] = src row n (padded to 16), column k (K multiple of 32): the transposed right operand.
void pack_bt(bf16* dst, Rows s, int n_pad, int K) {
    int kt = K / 32;
    for (int n = 0; n < n_pad; n += 16)
        for (int k = 0; k < kt; k++) {
            __m512i t[16];
            for (int i = 0; i < 16; i++) {
                const float* r = s.row(n + i);
                t[i] = r ? cvt32(r + 32 * k) : _mm512_setzero_si512();
            }
            transpose16(t);
            bf16* d = dst + (size_t(n / 16) * kt + k) * 512;
            for (int i = 0; i < 16; i++) _mm512_storeu_si512(d + i * 32, t[i]);
        }
}

SG_AMX void gemm_amx(const bf16* A, size_t a_stride, const bf16* B, size_t b_stride, float* C,
                     size_t ldc, int m_pad, int n_pad, int kt, bool acc) {
    size_t st = ldc * 4;
    for (int n = 0; n < n_pad; n += 32) {
        bool n2 = n + 16 < n_pad;
        const bf16 *b0 = B + size_t(n / 16) * b_stride * 512, *b1 = b0 + b_stride * 512;
        for (int m = 0; m < m_pad; m += 32) {
            bool m2 = m + 16 < m_pad;
            const bf16 *a0 = A + size_t(m / 16) * a_stride * 512, *a1 = a0 + a_stride * 512;
            float *c00 = C + m * ldc + n, *c10 = c00 + 16 * ldc;
            if (acc) {
                _tile_loadd(0, c00, st);
                if (n2) _tile_loadd(1, c00 + 16, st);
                if (m2) _tile_loadd(2, c10, st);
                if (m2 && n2) _tile_loadd(3, c10 + 16, st);
            } else {
                _tile_zero(0);
                _tile_zero(1);
                _tile_zero(2);
                _tile_zero(3);
            }
            if (m2 && n2) {
                for (int k = 0; k < kt; k++) {
                    _tile_loadd(4, a0 + k * 512, 64);
                    _tile_loadd(6, b0 + k * 512, 64);
                    _tile_dpbf16ps(0, 4, 6);
                    _tile_loadd(7, b1 + k * 512, 64);
                    _tile_dpbf16ps(1, 4, 7);
                    _tile_loadd(5, a1 + k * 512, 64);
                    _tile_dpbf16ps(2, 5, 6);
                    _tile_dpbf16ps(3, 5, 7);
                }
            } else {
                for (int k = 0; k < kt; k++) {
                    _tile_loadd(4, a0 + k * 512, 64);
                    _tile_loadd(6, b0 + k * 512, 64);
                    _tile_dpbf16ps(0, 4, 6);
                    if (n2) {
                        _tile_loadd(7, b1 + k * 512, 64);
                        _tile_dpbf16ps(1, 4, 7);
                    }
                    if (m2) {
                        _tile_loadd(5, a1 + k * 512, 64);
                        _tile_dpbf16ps(2, 5, 6);
                    }
                }
            }
            _tile_stored(0, c00, st);
            if (n2) _tile_stored(1, c00 + 16, st);
            if (m2) _tile_stored(2, c10, st);
            if (m2 && n2) _tile_stored(3, c10 + 16, st);
        }
    }
}

// The same panels without AMX: R rows by NT tiles of 16 columns, one pair of k-values at a time.
template <int R, int NT>
inline void block_avx512(const bf16* a, const bf16* b, size_t b_step, float* C, size_t ldc, int kt,
                         bool acc) {
    __m512 c[R][NT];
    for (int i = 0; i < R; i++)
        for (int j = 0; j < NT; j++)
            c[i][j] = acc ? _mm512_loadu_ps(C + i * ldc + 16 * j) : _mm512_setzero_ps();
    for (int k = 0; k < kt; k++, a += 512, b += 512)
        for (int p = 0; p < 16; p++) {
            __m512bh v[NT];
            for (int j = 0; j < NT; j++)
                v[j] = (__m512bh)_mm512_load_si512(b + j * b_step + p * 32);
            for (int i = 0; i < R; i++) {
                int pair;
                memcpy(&pair, a + i * 32 + p * 2, 4);
                __m512bh x = (__m512bh)_mm512_set1_epi32(pair);
                for (int j = 0; j < NT; j++) c[i][j] = _mm512_dpbf16_ps(c[i][j], x, v[j]);
            }
        }
    for (int i = 0; i < R; i++)
        for (int j = 0; j < NT; j++) _mm512_storeu_ps(C + i * ldc + 16 * j, c[i][j]);
}
void gemm_avx512(const bf16* A, size_t a_stride, const bf16* B, size_t b_stride, float* C,
                 size_t ldc, int m_pad, int n_pad, int kt, bool acc) {
    for (int n = 0; n < n_pad; n += 32)
        for (int m = 0; m < m_pad; m += 16) {
            const bf16 *b = B + size_t(n / 16) * b_stride * 512,
                       *a = A + size_t(m / 16) * a_stride * 512;
            float* c = C + m * ldc + n;
            if (n + 16 < n_pad) {
                block_avx512<8, 2>(a, b, b_stride * 512, c, ldc, kt, acc);
                block_avx512<8, 2>(a + 8 * 32, b, b_stride * 512, c + 8 * ldc, ldc, kt, acc);
            } else {
                block_avx512<16, 1>(a, b, 0, c, ldc, kt, acc);
            }
        }
}

// C[m_pad x n_pad] (row stride ldc) = or += A * B, panels of kt tiles. The strides are in tiles of
// one m (n) block.
void gemm(const bf16* A, size_t a_stride, const bf16* B, size_t b_stride, float* C, size_t ldc,
          int m_pad, int n_pad, int kt, bool acc) {
    (g_amx ? gemm_amx : gemm_avx512)(A, a_stride, B, b_stride, C, ldc, m_pad, n_pad, kt, acc);
}

// Scratch panels, reused by every product.
struct Panel {
    bf16* p = nullptr;
    size_t n = 0;
    bf16* need(size_t k) {
        if (k > n) {
            n = k + k / 2 + 65536;
            p = static_cast<bf16*>(
                mmap(nullptr, n * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
            madvise(p, n * 2, MADV_HUGEPAGE);
        }
        return p;
    }
};
Panel g_a, g_b, g_c, g_d;

// Y[M x O] = X[M x K] * W[O x K]^T, A panel of X given.
void lin_packed(const bf16* xa, float* Y, size_t ldy, int M, const float* W, int O, int K,
                bool acc = false) {
    bf16* b = g_b.need(size_t(up16(O)) * K);
    pack_bt(b, rows(W, K, O), up16(O), K);
    gemm(xa, K / 32, b, K / 32, Y, ldy, up16(M), up16(O), K / 32, acc);
}
void lin(const float* X, size_t ldx, float* Y, size_t ldy, int M, const float* W, int O, int K) {
    bf16* a = g_a.need(size_t(up16(M)) * K);
    pack_a(a, rows(X, ldx, M), up16(M), K);
    lin_packed(a, Y, ldy, M, W, O, K);
}
// dX[M x K] (+)= dY[M x O] * W[O x K];  dW[O x K] += dY^T X.
void lin_bwd(const float* dY, size_t lddy, const float* X, size_t ldx, float* dX, size_t lddx,
             int M, const float* W, float* dW, int O, int K, bool acc) {
    if (dX) {
        bf16* a = g_a.need(size_t(up16(M)) * up32(O));
        pack_a(a, rows(dY, lddy, M), up16(M), O);
        bf16* b = g_b.need(size_t(O) * K);
        pack_b(b, rows(W, K, O), O, K);
        gemm(a, O / 32, b, O / 32, dX, lddx, up16(M), K, O / 32, acc);
    }
    bf16* a = g_a.need(size_t(up32(M)) * O);
    pack_at(a, rows(dY, lddy, M), up32(M), O);
    bf16* b = g_b.need(size_t(up32(M)) * K);
    pack_b(b, rows(X, ldx, M), up32(M), K);
    gemm(a, up32(M) / 32, b, up32(M) / 32, dW, K, O, K, up32(M) / 32, true);
}

inline float sigmoid(float x) {
    return 1.0f / (1.0f + expf(-x));
}
inline float dot(const float* a, const float* b, int n) {
    float s = 0;
    for (int i = 0; i < n; i++) s += a[i] * b[i];
    return s;
}

// ---------------------------------------------------------------- hyper-connections
// Small per-token values (mix, pre, post, M) are stored in blocks of 16 tokens, value-major, so
// that the gates and the Sinkhorn steps run on 16 tokens at once: value i of token t is at [((t /
// 16) * count + i) * 16 + t % 16].
constexpr int kLanes = 16;
struct Hc {  // saved per half layer
    float *r, *m, *pre, *post, *M, *ru, *x;
};
inline size_t blk(int t, int count) {
    return size_t(t / kLanes) * count * kLanes + t % kLanes;
}

template <int C>
void sinkhorn_lanes(const float (*Z)[kLanes], int SI, float eps, float (*M)[kLanes],
                    float (*steps)[C * C][kLanes]) {
#pragma GCC ivdep
    for (int i = 0; i < C; i++) {
        float mx[kLanes], s[kLanes];
        for (int l = 0; l < kLanes; l++) {
            mx[l] = Z[i * C][l];
            for (int j = 1; j < C; j++) mx[l] = fmaxf(mx[l], Z[i * C + j][l]);
            s[l] = 0;
        }
#pragma GCC ivdep
        for (int j = 0; j < C; j++)
            for (int l = 0; l < kLanes; l++)
                s[l] += M[i * C + j][l] = expf(Z[i * C + j][l] - mx[l]);
        for (int j = 0; j < C; j++)
            for (int l = 0; l < kLanes; l++) M[i * C + j][l] = M[i * C + j][l] / s[l] + eps;
    }
    if (steps) memcpy(steps[0], M, sizeof(float) * C * C * kLanes);
    for (int k = 1; k < 2 * SI; k++) {  // odd: columns
        int sa = k & 1 ? 1 : C, sb = k & 1 ? C : 1;
        for (int a = 0; a < C; a++) {
            float s[kLanes];
            for (int l = 0; l < kLanes; l++) s[l] = eps;
            for (int b = 0; b < C; b++)
                for (int l = 0; l < kLanes; l++) s[l] += M[a * sa + b * sb][l];
            for (int l = 0; l < kLanes; l++) s[l] = 1 / s[l];
            for (int b = 0; b < C; b++)
                for (int l = 0; l < kLanes; l++) M[a * sa + b * sb][l] *= s[l];
        }
        if (steps) memcpy(steps[k], M, sizeof(float) * C * C * kLanes);
    }
}

template <int C>
void sinkhorn_bwd_lanes(const float (*Z)[kLanes], int SI, float eps, const float (*dM)[kLanes],
                        float (*dZ)[kLanes]) {
    float steps[40][C * C][kLanes], g[C * C][kLanes];
    sinkhorn_lanes<C>(Z, SI, eps, g, steps);
    memcpy(g, dM, sizeof g);
    for (int k = 2 * SI - 1; k >= 1; k--) {
        int sa = k & 1 ? 1 : C, sb = k & 1 ? C : 1;
        for (int a = 0; a < C; a++) {
            float s[kLanes], d[kLanes];
            for (int l = 0; l < kLanes; l++) s[l] = eps, d[l] = 0;
            for (int b = 0; b < C; b++)
                for (int l = 0; l < kLanes; l++) {
                    s[l] += steps[k - 1][a * sa + b * sb][l];
                    d[l] += g[a * sa + b * sb][l] * steps[k][a * sa + b * sb][l];
                }
            for (int b = 0; b < C; b++)
                for (int l = 0; l < kLanes; l++)
                    g[a * sa + b * sb][l] = (g[a * sa + b * sb][l] - d[l]) / s[l];
        }
    }
    for (int i = 0; i < C; i++)
        for (int l = 0; l < kLanes; l++) {
            float d = 0;
            for (int j = 0; j < C; j++) d += g[i * C + j][l] * (steps[0][i * C + j][l] - eps);
            for (int j = 0; j < C; j++)
                dZ[i * C + j][l] = (steps[0][i * C + j][l] - eps) * (g[i * C + j][l] - d);
        }
}

// Weighted sum of the streams, normed: x. Keeps what the backward pass needs. FULL false: output
// head (pre only).
template <int C, int E, bool FULL>
void hc_pre_t(const Shape& s, int n, const float* h, const float* fn, const float* scale,
              const float* base, Hc& o) {
    constexpr int CE = C * E, mix = FULL ? 2 * C + C * C : C;
    for (int t0 = 0; t0 < n; t0 += kLanes) {
        int nl = n - t0 < kLanes ? n - t0 : kLanes;
        float(*m)[kLanes] = reinterpret_cast<float(*)[kLanes]>(o.m + blk(t0, mix));
        float(*pre)[kLanes] = reinterpret_cast<float(*)[kLanes]>(o.pre + blk(t0, C));
        for (int l = 0; l < nl; l++) {
            const float* ht = h + size_t(t0 + l) * CE;
            __m512 acc[mix], ss = _mm512_setzero_ps();
            for (int i = 0; i < mix; i++) acc[i] = _mm512_setzero_ps();
            for (int e = 0; e < CE; e += 16) {
                __m512 v = _mm512_loadu_ps(ht + e);
                ss = _mm512_fmadd_ps(v, v, ss);
                for (int i = 0; i < mix; i++)
                    acc[i] = _mm512_fmadd_ps(v, _mm512_loadu_ps(fn + i * CE + e), acc[i]);
            }
            float r = 1.0f / sqrtf(_mm512_reduce_add_ps(ss) / CE + s.eps);
            o.r[t0 + l] = r;
            for (int i = 0; i < mix; i++) m[i][l] = r * _mm512_reduce_add_ps(acc[i]);
        }
        for (int l = nl; l < kLanes; l++)
            for (int i = 0; i < mix; i++) m[i][l] = 0;
        for (int i = 0; i < C; i++)
            for (int l = 0; l < kLanes; l++)
                pre[i][l] = sigmoid(m[i][l] * scale[0] + base[i]) + s.eps;
        if (FULL) {
            float(*post)[kLanes] = reinterpret_cast<float(*)[kLanes]>(o.post + blk(t0, C));
            float(*M)[kLanes] = reinterpret_cast<float(*)[kLanes]>(o.M + blk(t0, C * C));
            float Z[C * C][kLanes];
            for (int i = 0; i < C; i++)
                for (int l = 0; l < kLanes; l++)
                    post[i][l] = 2 * sigmoid(m[C + i][l] * scale[1] + base[C + i]);
            for (int i = 0; i < C * C; i++)
                for (int l = 0; l < kLanes; l++)
                    Z[i][l] = m[2 * C + i][l] * scale[2] + base[2 * C + i];
            sinkhorn_lanes<C>(Z, s.SI, s.eps, M, nullptr);
        }
        for (int l = 0; l < nl; l++) {
            const float* ht = h + size_t(t0 + l) * CE;
            float* x = o.x + size_t(t0 + l) * E;
            float ss = 0;
            for (int e = 0; e < E; e++) {
                float u = 0;
                for (int i = 0; i < C; i++) u += pre[i][l] * ht[i * E + e];
                x[e] = u;
                ss += u * u;
            }
            float ru = 1.0f / sqrtf(ss / E + s.eps);
            o.ru[t0 + l] = ru;
            for (int e = 0; e < E; e++) x[e] *= ru;
        }
    }
}

template <int C, int E>
void hc_post_t(int n, const float* h, const float* y, const Hc& o, float* out) {
    for (int t = 0; t < n; t++) {
        const float *ht = h + size_t(t) * C * E, *yt = y + size_t(t) * E, *M = o.M + blk(t, C * C),
                    *p = o.post + blk(t, C);
        float* od = out + size_t(t) * C * E;
        for (int e = 0; e < E; e++)
            for (int d = 0; d < C; d++) {
                float v = p[d * kLanes] * yt[e];
                for (int k = 0; k < C; k++) v += M[(k * C + d) * kLanes] * ht[k * E + e];
                od[d * E + e] = v;
            }
    }
}

// From dh' (gradient of hc_post's output): dy, dpost, dM; dh' becomes the direct part of dh.
template <int C, int E>
void hc_post_bwd_t(int n, const float* h, const float* y, const Hc& o, float* dh, float* dy,
                   float* dpost, float* dM) {
    for (int t = 0; t < n; t++) {
        const float *ht = h + size_t(t) * C * E, *yt = y + size_t(t) * E, *M = o.M + blk(t, C * C),
                    *p = o.post + blk(t, C);
        float *g = dh + size_t(t) * C * E, *dyt = dy + size_t(t) * E;
        __m512 ap[C], am[C * C], pv[C], mv[C * C];
        for (int d = 0; d < C; d++)
            ap[d] = _mm512_setzero_ps(), pv[d] = _mm512_set1_ps(p[d * kLanes]);
        for (int i = 0; i < C * C; i++)
            am[i] = _mm512_setzero_ps(), mv[i] = _mm512_set1_ps(M[i * kLanes]);
        for (int e = 0; e < E; e += 16) {
            __m512 gv[C], yv = _mm512_loadu_ps(yt + e), sy = _mm512_setzero_ps();
            for (int d = 0; d < C; d++) {
                gv[d] = _mm512_loadu_ps(g + d * E + e);
                ap[d] = _mm512_fmadd_ps(yv, gv[d], ap[d]);
                sy = _mm512_fmadd_ps(pv[d], gv[d], sy);
            }
            _mm512_storeu_ps(dyt + e, sy);
            for (int k = 0; k < C; k++) {
                __m512 hv = _mm512_loadu_ps(ht + k * E + e), v = _mm512_setzero_ps();
                for (int d = 0; d < C; d++) {
                    am[k * C + d] = _mm512_fmadd_ps(hv, gv[d], am[k * C + d]);
                    v = _mm512_fmadd_ps(mv[k * C + d], gv[d], v);
                }
                _mm512_storeu_ps(g + k * E + e, v);
            }
        }
        for (int d = 0; d < C; d++) dpost[blk(t, C) + d * kLanes] = _mm512_reduce_add_ps(ap[d]);
        for (int i = 0; i < C * C; i++)
            dM[blk(t, C * C) + i * kLanes] = _mm512_reduce_add_ps(am[i]);
    }
}

// dx -> adds to dh; parameter gradients.
template <int C, int E, bool FULL>
void hc_pre_bwd_t(const Shape& s, int n, const float* h, const float* fn, const float* scale,
                  const Hc& o, const float* base, const float* dx, const float* dpost,
                  const float* dM, float* dh, float* dfn, float* dscale, float* dbase) {
    constexpr int CE = C * E, mix = FULL ? 2 * C + C * C : C;
    float k1[kLanes], hk[kLanes];
    float dm[mix][kLanes];
    for (int t0 = 0; t0 < n; t0 += kLanes) {
        int nl = n - t0 < kLanes ? n - t0 : kLanes;
        const float(*m)[kLanes] = reinterpret_cast<const float(*)[kLanes]>(o.m + blk(t0, mix));
        const float(*pre)[kLanes] = reinterpret_cast<const float(*)[kLanes]>(o.pre + blk(t0, C));
        memset(dm, 0, sizeof dm);
        for (int l = 0; l < nl; l++) {
            const float *ht = h + size_t(t0 + l) * CE, *x = o.x + size_t(t0 + l) * E,
                        *g = dx + size_t(t0 + l) * E;
            k1[l] = dot(g, x, E) / E;
            // du = ru (g - x k): dot(du, h_i) = ru (dot(g, h_i) - k dot(x, h_i))
            __m512 a[C];
            for (int i = 0; i < C; i++) a[i] = _mm512_setzero_ps();
            __m512 kv = _mm512_set1_ps(k1[l]);
            for (int e = 0; e < E; e += 16) {
                __m512 d = _mm512_fnmadd_ps(kv, _mm512_loadu_ps(x + e), _mm512_loadu_ps(g + e));
                for (int i = 0; i < C; i++)
                    a[i] = _mm512_fmadd_ps(d, _mm512_loadu_ps(ht + i * E + e), a[i]);
            }
            for (int i = 0; i < C; i++) dm[i][l] = o.ru[t0 + l] * _mm512_reduce_add_ps(a[i]);
        }
        float ds[3] = {0, 0, 0};
        for (int i = 0; i < C; i++) {
            float db = 0;
            for (int l = 0; l < kLanes; l++) {
                float v = pre[i][l] - s.eps, dz = dm[i][l] * v * (1 - v);
                ds[0] += dz * m[i][l];
                db += dz;
                dm[i][l] = dz * scale[0];
            }
            dbase[i] += db;
        }
        if (FULL) {
            const float(*post)[kLanes] =
                reinterpret_cast<const float(*)[kLanes]>(o.post + blk(t0, C));
            float Z[C * C][kLanes], gM[C * C][kLanes], dZ[C * C][kLanes];
            for (int i = 0; i < C; i++) {
                float db = 0;
                for (int l = 0; l < kLanes; l++) {
                    float v = 0.5f * post[i][l],
                          dz = l < nl ? dpost[blk(t0, C) + i * kLanes + l] * 2 * v * (1 - v) : 0.0f;
                    ds[1] += dz * m[C + i][l];
                    db += dz;
                    dm[C + i][l] = dz * scale[1];
                }
                dbase[C + i] += db;
            }
            for (int i = 0; i < C * C; i++)
                for (int l = 0; l < kLanes; l++) {
                    Z[i][l] = m[2 * C + i][l] * scale[2] + base[2 * C + i];
                    gM[i][l] = l < nl ? dM[blk(t0, C * C) + i * kLanes + l] : 0.0f;
                }
            sinkhorn_bwd_lanes<C>(Z, s.SI, s.eps, gM, dZ);
            for (int i = 0; i < C * C; i++) {
                float db = 0;
                for (int l = 0; l < kLanes; l++) {
                    ds[2] += dZ[i][l] * m[2 * C + i][l];
                    db += dZ[i][l];
                    dm[2 * C + i][l] = dZ[i][l] * scale[2];
                }
                dbase[2 * C + i] += db;
            }
        }
        for (int i = 0; i < (FULL ? 3 : 1); i++) dscale[i] += ds[i];
        for (int l = 0; l < kLanes; l++) hk[l] = 0;
        for (int i = 0; i < mix; i++)
            for (int l = 0; l < nl; l++) {
                hk[l] += dm[i][l] * m[i][l];
                dm[i][l] *= o.r[t0 + l];
            }
        for (int l = 0; l < nl; l++) {
            hk[l] *= -o.r[t0 + l] * o.r[t0 + l] / CE;  // dr/r * r^3 / CE
            const float *ht = h + size_t(t0 + l) * CE, *x = o.x + size_t(t0 + l) * E,
                        *g = dx + size_t(t0 + l) * E;
            float* dht = dh + size_t(t0 + l) * CE;
            __m512 w[mix], kv = _mm512_set1_ps(k1[l]), ru = _mm512_set1_ps(o.ru[t0 + l]),
                           hv = _mm512_set1_ps(hk[l]);
            for (int i = 0; i < mix; i++) w[i] = _mm512_set1_ps(dm[i][l]);
            for (int e = 0; e < E; e += 16) {
                __m512 du = _mm512_mul_ps(
                    ru, _mm512_fnmadd_ps(kv, _mm512_loadu_ps(x + e), _mm512_loadu_ps(g + e)));
                for (int c = 0; c < C; c++) {
                    __m512 v = _mm512_loadu_ps(dht + c * E + e);
                    v = _mm512_fmadd_ps(_mm512_set1_ps(pre[c][l]), du, v);
                    v = _mm512_fmadd_ps(hv, _mm512_loadu_ps(ht + c * E + e), v);
                    for (int i = 0; i < mix; i++)
                        v = _mm512_fmadd_ps(w[i], _mm512_loadu_ps(fn + i * CE + c * E + e), v);
                    _mm512_storeu_ps(dht + c * E + e, v);
                }
            }
        }
        for (int i = 0; i < mix; i++)
            for (int e = 0; e < CE; e += 64) {
                float* df = dfn + i * CE + e;
                __m512 a0 = _mm512_loadu_ps(df), a1 = _mm512_loadu_ps(df + 16),
                       a2 = _mm512_loadu_ps(df + 32), a3 = _mm512_loadu_ps(df + 48);
                for (int l = 0; l < nl; l++) {
                    const float* ht = h + size_t(t0 + l) * CE + e;
                    __m512 w = _mm512_set1_ps(dm[i][l]);
                    a0 = _mm512_fmadd_ps(w, _mm512_loadu_ps(ht), a0);
                    a1 = _mm512_fmadd_ps(w, _mm512_loadu_ps(ht + 16), a1);
                    a2 = _mm512_fmadd_ps(w, _mm512_loadu_ps(ht + 32), a2);
                    a3 = _mm512_fmadd_ps(w, _mm512_loadu_ps(ht + 48), a3);
                }
                _mm512_storeu_ps(df, a0);
                _mm512_storeu_ps(df + 16, a1);
                _mm512_storeu_ps(df + 32, a2);
                _mm512_storeu_ps(df + 48, a3);
            }
    }
}

// The sizes the kernels are compiled for; add a line to train another shape.
#define SG_SHAPES(X) X(2, 192) X(4, 192) X(2, 256) X(4, 256) X(2, 128) X(4, 128)
[[noreturn]] void no_shape() {
    fprintf(stderr, "kernels: no code for this number and width of streams\n");
    abort();
}
void hc_pre(const Shape& s, int n, const float* h, const float* fn, const float* scale,
            const float* base, Hc& o, bool full) {
    size_t C = s.C, np = up16(n);
    o.r = g_arena.get<float>(np);
    o.ru = g_arena.get<float>(np);
    o.m = g_arena.get<float>(np * (full ? 2 * C + C * C : C));
    o.pre = g_arena.get<float>(np * C);
    o.post = full ? g_arena.get<float>(np * C) : nullptr;
    o.M = full ? g_arena.get<float>(np * C * C) : nullptr;
    o.x = g_arena.get<float>(size_t(up32(n)) * s.E);
#define X(c, e)                                                         \
    if (s.C == c && s.E == e)                                           \
        return full ? hc_pre_t<c, e, true>(s, n, h, fn, scale, base, o) \
                    : hc_pre_t<c, e, false>(s, n, h, fn, scale, base, o);
    SG_SHAPES(X)
#undef X
    no_shape();
}
void hc_post(const Shape& s, int n, const float* h, const float* y, const Hc& o, float* out) {
#define X(c, e) \
    if (s.C == c && s.E == e) return hc_post_t<c, e>(n, h, y, o, out);
    SG_SHAPES(X)
#undef X
    no_shape();
}
void hc_post_bwd(const Shape& s, int n, const float* h, const float* y, const Hc& o, float* dh,
                 float* dy, float* dpost, float* dM) {
#define X(c, e) \
    if (s.C == c && s.E == e) return hc_post_bwd_t<c, e>(n, h, y, o, dh, dy, dpost, dM);
    SG_SHAPES(X)
#undef X
    no_shape();
}
void hc_pre_bwd(const Shape& s, int n, const float* h, const float* fn, const float* scale,
                const Hc& o, const float* base, const float* dx, const float* dpost,
                const float* dM, float* dh, float* dfn, float* dscale, float* dbase) {
#define X(c, e)                                                                                  \
    if (s.C == c && s.E == e)                                                                    \
        return dpost ? hc_pre_bwd_t<c, e, true>(s, n, h, fn, scale, o, base, dx, dpost, dM, dh,  \
                                                dfn, dscale, dbase)                              \
                     : hc_pre_bwd_t<c, e, false>(s, n, h, fn, scale, o, base, dx, dpost, dM, dh, \
                                                 dfn, dscale, dbase);
    SG_SHAPES(X)
#undef X
    no_shape();
}

// ---------------------------------------------------------------- rms + rotary
struct Rope {
    const float *cos, *sin;  // [T][R/2]
};
// y = rope(x * rms(x)), rows of width D at positions pos; keeps the rms factors. In place allowed.
void norm_rope(float* y, const float* x, int D, int R, float eps, float* rk, const float* c,
               const float* sn) {
    float k = 1.0f / sqrtf(dot(x, x, D) / D + eps);
    *rk = k;
    for (int i = 0; i < D - R; i++) y[i] = x[i] * k;
    for (int i = 0; i < R / 2; i++) {
        float a = x[D - R + 2 * i] * k, b = x[D - R + 2 * i + 1] * k;
        y[D - R + 2 * i] = a * c[i] - b * sn[i];
        y[D - R + 2 * i + 1] = a * sn[i] + b * c[i];
    }
}
// g: gradient of y, becomes the gradient of x.
void norm_rope_bwd(float* g, const float* y, int D, int R, float rk, const float* c,
                   const float* sn) {
    float k = dot(g, y, D) / D;
    for (int i = 0; i < D; i++) g[i] = rk * (g[i] - y[i] * k);
    for (int i = 0; i < R / 2; i++) {
        float a = g[D - R + 2 * i], b = g[D - R + 2 * i + 1];
        g[D - R + 2 * i] = a * c[i] + b * sn[i];
        g[D - R + 2 * i + 1] = -a * sn[i] + b * c[i];
    }
}
void unrope(float* g, int D, int R, const float* c, const float* sn, float sign) {
    for (int i = 0; i < R / 2; i++) {
        float a = g[D - R + 2 * i], b = g[D - R + 2 * i + 1], s = sn[i] * sign;
        g[D - R + 2 * i] = a * c[i] - b * s;
        g[D - R + 2 * i + 1] = a * s + b * c[i];
    }
}

// ---------------------------------------------------------------- compressor
// kk, gg: [T][coff*w] of one sequence; out [T/r][w] normed and rotated; pool keeps the raw pooled
// row.
void compress_fwd(const float* kk, const float* gg, const float* ape, int T, int r, int w, int R,
                  float eps, const Rope& ro, float* out, float* rk, float* pool) {
    int co = r == 4 ? 2 : 1, W = co * w;
    float mx[512], den[512];
    for (int c = 0; c < T / r; c++) {
        float* p = pool + size_t(c) * w;
        for (int j = 0; j < w; j++) mx[j] = -1e30f, den[j] = 0, p[j] = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int half = co == 2 && c > 0 ? 0 : co - 1; half < co; half++) {
                int g0 = (co == 2 && half == 0) ? c - 1 : c, off = (co == 2 && half == 1) ? w : 0;
                for (int t = 0; t < r; t++) {
                    const float *g = gg + size_t(g0 * r + t) * W + off,
                                *a = ape + size_t(t) * W + off,
                                *k = kk + size_t(g0 * r + t) * W + off;
                    if (pass == 0)
                        for (int j = 0; j < w; j++) mx[j] = fmaxf(mx[j], g[j] + a[j]);
                    else
#pragma GCC ivdep
                        for (int j = 0; j < w; j++) {
                            float e = expf(g[j] + a[j] - mx[j]);
                            den[j] += e;
                            p[j] += e * k[j];
                        }
                }
            }
        for (int j = 0; j < w; j++) p[j] /= den[j];
        norm_rope(out + size_t(c) * w, p, w, R, eps, rk + c, ro.cos + size_t(c) * r * (R / 2),
                  ro.sin + size_t(c) * r * (R / 2));
    }
}
// dout: gradient of out (destroyed); dkk, dgg are added to (zeroed by the caller).
void compress_bwd(const float* kk, const float* gg, const float* ape, int T, int r, int w, int R,
                  const Rope& ro, const float* out, const float* rk, const float* pool, float* dout,
                  float* dkk, float* dgg, float* dape) {
    int co = r == 4 ? 2 : 1, W = co * w;
    float mx[512], den[512];
    for (int c = 0; c < T / r; c++) {
        float* d = dout + size_t(c) * w;
        const float* p = pool + size_t(c) * w;
        norm_rope_bwd(d, out + size_t(c) * w, w, R, rk[c], ro.cos + size_t(c) * r * (R / 2),
                      ro.sin + size_t(c) * r * (R / 2));
        for (int j = 0; j < w; j++) mx[j] = -1e30f, den[j] = 0;
        for (int pass = 0; pass < 3; pass++)
            for (int half = co == 2 && c > 0 ? 0 : co - 1; half < co; half++) {
                int g0 = (co == 2 && half == 0) ? c - 1 : c, off = (co == 2 && half == 1) ? w : 0;
                for (int t = 0; t < r; t++) {
                    size_t at = size_t(g0 * r + t) * W + off;
                    const float *g = gg + at, *a = ape + size_t(t) * W + off, *k = kk + at;
                    if (pass == 0)
                        for (int j = 0; j < w; j++) mx[j] = fmaxf(mx[j], g[j] + a[j]);
                    else if (pass == 1)
                        for (int j = 0; j < w; j++) den[j] += expf(g[j] + a[j] - mx[j]);
                    else {
                        float *dk = dkk + at, *dg = dgg + at, *da = dape + size_t(t) * W + off;
#pragma GCC ivdep
                        for (int j = 0; j < w; j++) {
                            float pr = expf(g[j] + a[j] - mx[j]) / den[j];
                            float v = pr * (k[j] - p[j]) * d[j];
                            dk[j] += pr * d[j];
                            dg[j] += v;
                            da[j] += v;
                        }
                    }
                }
            }
    }
}

// ---------------------------------------------------------------- attention core
struct Attn {
    float *zn, *rz, *q, *rq, *kv, *rkv, *kk, *gg, *rows, *rrows, *pool, *o, *lse, *y, *mass;
};
struct SeqPanels {
    bf16 *kt, *kb, *rt, *rb;
};
SeqPanels seq_panels(const float* kv, const float* rw, int T, int nc, int D) {
    int T32 = up32(T), n32 = up32(nc);
    bf16* p = g_c.need(size_t(2) * (T32 + n32) * D);
    SeqPanels s{p, p + size_t(T32) * D, p + size_t(2) * T32 * D, p + size_t(2 * T32 + n32) * D};
    pack_bt(s.kt, rows(kv, D, T), T32, D);
    pack_b(s.kb, rows(kv, D, T), T32, D);
    if (nc) {
        pack_bt(s.rt, rows(rw, D, nc), n32, D);
        pack_b(s.rb, rows(rw, D, nc), n32, D);
    }
    return s;
}
struct Block {
    int t0, nt, k0, nraw, nv, ld;
};
Block block_at(int t0, int T, int nc, int r, int Wn) {
    Block b;
    b.t0 = t0;
    b.nt = T - t0 < 16 ? T - t0 : 16;
    int lo = t0 - Wn + 1;
    b.k0 = lo > 0 ? lo & ~31 : 0;
    int hi = up32(t0 + b.nt);
    b.nraw = hi - b.k0;
    int v = r ? (t0 + b.nt) / r : 0;
    b.nv = up32(v < nc ? v : nc);
    b.ld = b.nraw + b.nv;
    return b;
}
void scores(const bf16* a, const Block& b, const SeqPanels& s, float* S, int D, int H) {
    int kt = D / 32;
    gemm(a, kt, s.kt + size_t(b.k0 / 16) * kt * 512, kt, S, b.ld, 16 * H, b.nraw, kt, false);
    if (b.nv) gemm(a, kt, s.rt, kt, S + b.nraw, b.ld, 16 * H, b.nv, kt, false);
}

void attention_fwd(const Shape& s, int B, int T, int r, const float* q, const float* kv,
                   const float* rw, const float* sinks, const float* drop, float* o, float* lse,
                   float* mass) {
    int H = s.H, D = s.D, nc = r ? T / r : 0;
    float scale = 1.0f / sqrtf(D);
    float* S = g_arena.get<float>(size_t(16) * H * (s.Wn + 64 + up32(nc)) + 4096);
    for (int b = 0; b < B; b++) {
        SeqPanels sp = seq_panels(kv + size_t(b) * T * D, rw + size_t(b) * nc * D, T, nc, D);
        for (int t0 = 0; t0 < T; t0 += 16) {
            Block k = block_at(t0, T, nc, r, s.Wn);
            size_t row0 = (size_t(b) * T + t0) * H;
            bf16* a = g_a.need(size_t(16) * H * (D > k.ld ? D : k.ld));
            pack_a(a, rows(q + row0 * D, D, k.nt * H), 16 * H, D);
            scores(a, k, sp, S, D, H);
            for (int i = 0; i < 16 * H; i++) {
                float* z = S + size_t(i) * k.ld;
                int t = t0 + i / H, h = i % H;
                if (i >= k.nt * H) {
                    memset(z, 0, k.ld * 4);
                    continue;
                }
                int lo = (t - s.Wn + 1 > k.k0 ? t - s.Wn + 1 : k.k0) - k.k0, hi = t - k.k0 + 1;
                int v = r ? (t + 1) / r : 0;
                v = v < nc ? v : nc;
                for (int j = 0; j < lo; j++) z[j] = -1e30f;
                for (int j = hi; j < k.nraw; j++) z[j] = -1e30f;
                for (int j = k.nraw + v; j < k.ld; j++) z[j] = -1e30f;
                if (drop && v) {
                    const float* dr = drop + (size_t(b) * T + t) * nc;
#pragma GCC ivdep
                    for (int j = 0; j < v; j++) z[k.nraw + j] += dr[j];
                }
                float m = -1e30f;
#pragma GCC ivdep
                for (int j = 0; j < k.ld; j++) m = fmaxf(m, z[j]);
                m = fmaxf(m * scale, sinks[h]);
                float den = 0;
#pragma GCC ivdep
                for (int j = 0; j < k.ld; j++) {
                    float e = expf(fmaxf(z[j] * scale - m,
                                         -80.0f));  // the vector expf is slow where it underflows
                    z[j] = e;
                    den += e;
                }
                den += expf(sinks[h] - m);
                float inv = 1 / den;
                for (int j = 0; j < k.ld; j++) z[j] *= inv;
                lse[row0 + i] = m + logf(den);
                if (mass && v) {
                    float* ms = mass + (size_t(b) * T + t) * nc;
                    for (int j = 0; j < v; j++) ms[j] += z[k.nraw + j];
                }
            }
            pack_a(a, rows(S, k.ld, 16 * H), 16 * H, k.ld);
            int st = k.ld / 32;
            gemm(a, st, sp.kb + size_t(k.k0 / 32) * 512, up32(T) / 32, o + row0 * D, D, 16 * H, D,
                 k.nraw / 32, false);
            if (k.nv)
                gemm(a + size_t(k.nraw / 32) * 512, st, sp.rb, up32(nc) / 32, o + row0 * D, D,
                     16 * H, D, k.nv / 32, true);
        }
    }
}

void attention_bwd(const Shape& s, int B, int T, int r, const float* q, const float* kv,
                   const float* rw, const float* sinks, const float* drop, const float* lse,
                   const float* delta, const float* dout, float* dq, float* dkv, float* drw,
                   float* dsinks) {
    int H = s.H, D = s.D, nc = r ? T / r : 0;
    float scale = 1.0f / sqrtf(D);
    size_t sn = size_t(16) * H * (s.Wn + 64 + up32(nc)) + 4096;
    float *P = g_arena.get<float>(sn), *S = g_arena.get<float>(sn);
    float* dk = g_arena.get<float>(size_t(up32(T)) * D);
    float* dr = g_arena.get<float>(size_t(up32(nc) + 32) * D);
    for (int b = 0; b < B; b++) {
        SeqPanels sp = seq_panels(kv + size_t(b) * T * D, rw + size_t(b) * nc * D, T, nc, D);
        memset(dk, 0, size_t(up32(T)) * D * 4);
        memset(dr, 0, size_t(up32(nc)) * D * 4);
        for (int t0 = 0; t0 < T; t0 += 16) {
            Block k = block_at(t0, T, nc, r, s.Wn);
            size_t row0 = (size_t(b) * T + t0) * H;
            int m = 16 * H, st = k.ld / 32;
            bf16* a = g_a.need(size_t(m) * (D > k.ld ? D : k.ld));
            Rows qr = rows(q + row0 * D, D, k.nt * H), gr = rows(dout + row0 * D, D, k.nt * H);
            pack_a(a, qr, m, D);
            scores(a, k, sp, P, D, H);
            pack_a(a, gr, m, D);
            scores(a, k, sp, S, D, H);
            for (int i = 0; i < m; i++) {
                float *p = P + size_t(i) * k.ld, *z = S + size_t(i) * k.ld;
                if (i >= k.nt * H) {
                    memset(p, 0, k.ld * 4);
                    memset(z, 0, k.ld * 4);
                    continue;
                }
                int t = t0 + i / H, h = i % H;
                int lo = (t - s.Wn + 1 > k.k0 ? t - s.Wn + 1 : k.k0) - k.k0, hi = t - k.k0 + 1;
                int v = r ? (t + 1) / r : 0;
                v = v < nc ? v : nc;
                for (int j = 0; j < lo; j++) p[j] = -1e30f;
                for (int j = hi; j < k.nraw; j++) p[j] = -1e30f;
                for (int j = k.nraw + v; j < k.ld; j++) p[j] = -1e30f;
                if (drop && v) {
                    const float* d = drop + (size_t(b) * T + t) * nc;
#pragma GCC ivdep
                    for (int j = 0; j < v; j++) p[k.nraw + j] += d[j];
                }
                float l = lse[row0 + i], de = delta[row0 + i];
#pragma GCC ivdep
                for (int j = 0; j < k.ld; j++) {
                    float e = expf(fmaxf(p[j] * scale - l, -80.0f));
                    p[j] = e;
                    z[j] = e * (z[j] - de) * scale;
                }
                dsinks[h] -= expf(sinks[h] - l) * de;
            }
            pack_a(a, rows(S, k.ld, m), m, k.ld);
            gemm(a, st, sp.kb + size_t(k.k0 / 32) * 512, up32(T) / 32, dq + row0 * D, D, m, D,
                 k.nraw / 32, false);
            if (k.nv)
                gemm(a + size_t(k.nraw / 32) * 512, st, sp.rb, up32(nc) / 32, dq + row0 * D, D, m,
                     D, k.nv / 32, true);
            // keys: dS^T Q + P^T dO
            int kt = up32(m) / 32;
            bf16* at = g_a.need(size_t(up32(m)) * k.ld);
            bf16* bb = g_b.need(size_t(up32(m)) * D);
            for (int part = 0; part < 2; part++) {
                pack_at(at, rows(part ? P : S, k.ld, m), up32(m), k.ld);
                pack_b(bb, part ? gr : qr, up32(m), D);
                gemm(at, kt, bb, kt, dk + size_t(k.k0) * D, D, k.nraw, D, kt, true);
                if (k.nv)
                    gemm(at + size_t(k.nraw / 16) * kt * 512, kt, bb, kt, dr, D, k.nv, D, kt, true);
            }
        }
        memcpy(dkv + size_t(b) * T * D, dk, size_t(T) * D * 4);
        if (nc) memcpy(drw + size_t(b) * nc * D, dr, size_t(nc) * D * 4);
    }
}

// ---------------------------------------------------------------- mixture of experts
constexpr int kChunk =
    256;  // rows of one expert worked on at a time, so that they stay in the cache
struct Moe {
    int n_rows;      // rows of all segments, each segment padded to 16
    int* tok;        // row -> token or -1
    int* at;         // [n][K] rows of a token
    int *seg, *cnt;  // [N+1] first row and count of an expert; index N is the shared expert
    int* ids;        // [n][K]
    float *logits, *w, *roww, *GU;
};

void moe_fwd(const Shape& s, int n, const float* x, const int* token, const Layer& p,
             const int* tid2eid, const float* bias, const float* valid, float* loads, Moe& o,
             float* out) {
    int N = s.N, K = s.K, E = s.E, F = s.F;
    o.logits = g_arena.get<float>(size_t(up32(n)) * N);
    o.ids = g_arena.get<int>(size_t(n) * K);
    o.w = g_arena.get<float>(size_t(n) * K);
    lin(x, E, o.logits, N, n, p.router, N, E);
    o.seg = g_arena.get<int>(N + 2);
    o.cnt = g_arena.get<int>(N + 1);
    memset(o.cnt, 0, (N + 1) * 4);
    for (int t = 0; t < n; t++) {
        float sc[256];
        const float* lg = o.logits + size_t(t) * N;
#pragma GCC ivdep
        for (int e = 0; e < N; e++) {
            float v = lg[e];
            float sp = fmaxf(v, 0.0f) + logf(1.0f + expf(-fabsf(v)));
            sc[e] = sqrtf(sp + 1e-12f);
        }
        int* id = o.ids + size_t(t) * K;
        if (tid2eid) {
            for (int k = 0; k < K; k++) id[k] = tid2eid[size_t(token[t]) * K + k];
        } else {
            float b[256];
            for (int e = 0; e < N; e++) b[e] = sc[e] + bias[e];
            for (int k = 0; k < K; k++) {
                int best = 0;
                for (int e = 1; e < N; e++)
                    if (b[e] > b[best]) best = e;
                id[k] = best;
                b[best] = -1e30f;
            }
        }
        float sum = 0;
        for (int k = 0; k < K; k++) sum += sc[id[k]];
        for (int k = 0; k < K; k++) {
            o.w[size_t(t) * K + k] = sc[id[k]] / fmaxf(sum, 6.103515625e-5f) * s.expert_scale;
            o.cnt[id[k]]++;
            if (loads && valid[t] > 0) loads[id[k]] += 1;
        }
    }
    o.cnt[N] = n;
    int at = 0;
    for (int e = 0; e <= N; e++) {
        o.seg[e] = at;
        at += up16(o.cnt[e]);
    }
    o.n_rows = at;
    o.tok = g_arena.get<int>(at);
    o.roww = g_arena.get<float>(at);
    o.at = g_arena.get<int>(size_t(n) * K);
    for (int i = 0; i < at; i++) o.tok[i] = -1, o.roww[i] = 0;
    int fill[257];
    memcpy(fill, o.seg, (N + 1) * 4);
    for (int t = 0; t < n; t++)
        for (int k = 0; k <= K; k++) {
            int e = k < K ? o.ids[size_t(t) * K + k] : N, row = fill[e]++;
            o.tok[row] = t;
            o.roww[row] = k < K ? o.w[size_t(t) * K + k] : 1.0f;
            if (k < K) o.at[size_t(t) * K + k] = row;
        }
    o.GU = g_arena.get<float>(size_t(up32(at)) * 2 * F);
    size_t mark = g_arena.used;
    float* Y = g_arena.get<float>(size_t(kChunk) * E);
    float* Tw = g_arena.get<float>(size_t(kChunk) * F);
    int ke = E / 32, kf = F / 32;
    for (int i = 0; i <= N; i++) {
        int e = (i + N) % (N + 1);  // the shared expert first: it writes, the others add
        const float* wg = e < N ? p.gate + size_t(e) * F * E : p.sgate;
        const float* wu = e < N ? p.up + size_t(e) * F * E : p.sup;
        const float* wd = e < N ? p.down + size_t(e) * F * E : p.sdown;
        if (!o.cnt[e]) continue;
        bf16* b = g_b.need(size_t(3) * F * E);
        bf16* bd = b + size_t(2) * F * E;
        pack_bt(b, rows(wg, E, F), F, E);
        pack_bt(b + size_t(F) * E, rows(wu, E, F), F, E);
        pack_bt(bd, rows(wd, F, E), E, F);
        for (int c0 = 0; c0 < o.cnt[e]; c0 += kChunk) {
            int s0 = o.seg[e] + c0, c = o.cnt[e] - c0 < kChunk ? o.cnt[e] - c0 : kChunk,
                m = up16(c);
            bf16* a = g_a.need(size_t(kChunk) * (E + F));
            pack_a(a, rows(x, E, c, o.tok + s0), m, E);
            float* GU = o.GU + size_t(s0) * 2 * F;
            gemm(a, ke, b, ke, GU, 2 * F, m, 2 * F, ke, false);
            for (int r = 0; r < m; r++) {
                const float *g = GU + size_t(r) * 2 * F, *u = g + F;
                float *t = Tw + size_t(r) * F, w = o.roww[s0 + r];
#pragma GCC ivdep
                for (int j = 0; j < F; j++) {
                    float gc = fminf(g[j], s.clamp), uc = fminf(fmaxf(u[j], -s.clamp), s.clamp);
                    t[j] = gc / (1.0f + expf(-gc)) * uc * w;
                }
            }
            pack_a(a, rows(Tw, F, c), m, F);
            gemm(a, kf, bd, kf, Y, E, m, E, kf, false);
            if (e == N)
                memcpy(out + size_t(c0) * E, Y, size_t(c) * E * 4);
            else
                for (int r = 0; r < c; r++) {
                    float* d = out + size_t(o.tok[s0 + r]) * E;
                    const float* y = Y + size_t(r) * E;
                    for (int j = 0; j < E; j++) d[j] += y[j];
                }
        }
    }
    g_arena.used = mark;
}

void moe_bwd(const Shape& s, int n, const float* x, const Layer& p, const Moe& o, const float* dout,
             Layer& g, float* dx) {
    int N = s.N, K = s.K, E = s.E, F = s.F, ke = E / 32, kf = F / 32;
    float* dT = g_arena.get<float>(size_t(kChunk) * F);
    float* Tw = g_arena.get<float>(size_t(kChunk) * F);
    float* dGU = g_arena.get<float>(size_t(kChunk) * 2 * F);
    float* dX = g_arena.get<float>(size_t(kChunk) * E);
    float* dw = g_arena.get<float>(o.n_rows);
    for (int i = 0; i <= N; i++) {
        int e = (i + N) % (N + 1);
        if (!o.cnt[e]) continue;
        const float* wg = e < N ? p.gate + size_t(e) * F * E : p.sgate;
        const float* wu = e < N ? p.up + size_t(e) * F * E : p.sup;
        const float* wd = e < N ? p.down + size_t(e) * F * E : p.sdown;
        float* gg = e < N ? g.gate + size_t(e) * F * E : g.sgate;
        float* gu = e < N ? g.up + size_t(e) * F * E : g.sup;
        float* gd = e < N ? g.down + size_t(e) * F * E : g.sdown;
        bf16* b = g_b.need(size_t(3) * F * E);
        bf16 *b2 = b + size_t(F) * E, *bd = b + size_t(2) * F * E;
        pack_b(b, rows(wg, E, F), F, E);
        pack_b(b2, rows(wu, E, F), F, E);
        pack_b(bd, rows(wd, F, E), E, F);
        for (int c0 = 0; c0 < o.cnt[e]; c0 += kChunk) {
            int s0 = o.seg[e] + c0, c = o.cnt[e] - c0 < kChunk ? o.cnt[e] - c0 : kChunk,
                m = up16(c), k = up32(c), kt = k / 32;
            const int* tok = o.tok + s0;
            bf16* a = g_a.need(size_t(kChunk) * (E + 2 * F));
            bf16* pb = g_d.need(size_t(kChunk) * (E + 2 * F));
            pack_a(a, rows(dout, E, c, tok), m, E);
            gemm(a, ke, bd, ke, dT, F, m, F, ke, false);
            for (int r = 0; r < m; r++) {
                const float *gr = o.GU + size_t(s0 + r) * 2 * F, *u = gr + F,
                            *dt = dT + size_t(r) * F;
                float *dg = dGU + size_t(r) * 2 * F, *du = dg + F, *t = Tw + size_t(r) * F,
                      w = o.roww[s0 + r], acc = 0;
#pragma GCC ivdep
                for (int j = 0; j < F; j++) {
                    float gc = fminf(gr[j], s.clamp), uc = fminf(fmaxf(u[j], -s.clamp), s.clamp);
                    float sg = 1.0f / (1.0f + expf(-gc)), sl = gc * sg;
                    t[j] = sl * uc * w;
                    acc += dt[j] * sl * uc;
                    float d = dt[j] * w;
                    dg[j] = gr[j] < s.clamp ? d * uc * (sg * (1 + gc * (1 - sg))) : 0.0f;
                    du[j] = fabsf(u[j]) < s.clamp ? d * sl : 0.0f;
                }
                dw[s0 + r] = acc;
            }
            pack_at(a, rows(dout, E, c, tok), k, E);
            pack_b(pb, rows(Tw, F, c), k, F);
            gemm(a, kt, pb, kt, gd, F, E, F, kt, true);
            pack_a(a, rows(dGU, 2 * F, c), m, 2 * F);
            gemm(a, 2 * kf, b, kf, dX, E, m, E, kf, false);
            gemm(a + size_t(kf) * 512, 2 * kf, b2, kf, dX, E, m, E, kf, true);
            pack_at(a, rows(dGU, 2 * F, c), k, 2 * F);
            pack_b(pb, rows(x, E, c, tok), k, E);
            gemm(a, kt, pb, kt, gg, E, F, E, kt, true);
            gemm(a + size_t(F / 16) * kt * 512, kt, pb, kt, gu, E, F, E, kt, true);
            if (e == N)
                memcpy(dx + size_t(c0) * E, dX, size_t(c) * E * 4);
            else
                for (int r = 0; r < c; r++) {
                    float* d = dx + size_t(tok[r]) * E;
                    const float* y = dX + size_t(r) * E;
                    for (int j = 0; j < E; j++) d[j] += y[j];
                }
        }
    }
    float* dl = g_arena.get<float>(size_t(up32(n)) * N);
    memset(dl, 0, size_t(n) * N * 4);
    for (int t = 0; t < n; t++) {
        const int *at = o.at + size_t(t) * K, *id = o.ids + size_t(t) * K;
        float sc[16], sum = 0, mean = 0;
        for (int k = 0; k < K; k++) {
            float v = o.logits[size_t(t) * N + id[k]];
            sc[k] = sqrtf(fmaxf(v, 0.0f) + logf(1.0f + expf(-fabsf(v))) + 1e-12f);
            sum += sc[k];
        }
        for (int k = 0; k < K; k++) mean += dw[at[k]] * sc[k] / sum;
        for (int k = 0; k < K; k++) {
            float v = o.logits[size_t(t) * N + id[k]];
            dl[size_t(t) * N + id[k]] +=
                s.expert_scale / sum * (dw[at[k]] - mean) * sigmoid(v) / (2 * sc[k]);
        }
    }
    lin_bwd(dl, N, x, E, dx, E, n, p.router, g.router, N, E, true);
}

// ---------------------------------------------------------------- optimiser
// Muon for one matrix [r][c] (multiples of 32): m = lerp(m, g), update = orthogonalised lerp(g, m),
// p = p (1 - lr decay) - lr scale update.
void muon_one(float* p, const float* g, float* m, int r, int c, float mom, float lr, float decay,
              float scale, int steps) {
    constexpr float a = 3.4445f, b = -4.7750f, d = 2.0315f;
    static float *x = nullptr, *y, *sq, *s2;
    constexpr size_t kMax = 512 * 512;
    if (!x) {
        x = static_cast<float*>(aligned_alloc(4096, kMax * 4));
        y = static_cast<float*>(aligned_alloc(4096, kMax * 4));
        sq = static_cast<float*>(aligned_alloc(4096, kMax * 4));
        s2 = static_cast<float*>(aligned_alloc(4096, kMax * 4));
    }
    size_t n = size_t(r) * c;
    float ss = 0;
    for (size_t i = 0; i < n; i++) {
        m[i] += (1 - mom) * (g[i] - m[i]);
        float u = g[i] + mom * (m[i] - g[i]);
        x[i] = u;
        ss += u * u;
    }
    float inv = 1.0f / (sqrtf(ss) + 1e-12f);
    for (size_t i = 0; i < n; i++) x[i] *= inv;
    bool tall = r > c;
    int k = tall ? c : r;
    for (int it = 0; it < steps; it++) {
        bf16* pa = g_a.need(n + size_t(k) * k);
        bf16* pb = g_b.need(n + size_t(k) * k);
        if (tall) {  // S = X^T X
            pack_at(pa, rows(x, c, r), r, c);
            pack_b(pb, rows(x, c, r), r, c);
            gemm(pa, r / 32, pb, r / 32, sq, k, k, k, r / 32, false);
        } else {  // S = X X^T
            pack_a(pa, rows(x, c, r), r, c);
            pack_bt(pb, rows(x, c, r), r, c);
            gemm(pa, c / 32, pb, c / 32, sq, k, k, k, c / 32, false);
        }
        pack_a(pa, rows(sq, k, k), k, k);
        pack_b(pb, rows(sq, k, k), k, k);
        gemm(pa, k / 32, pb, k / 32, s2, k, k, k, k / 32, false);
        for (int i = 0; i < k * k; i++) s2[i] = b * sq[i] + d * s2[i];
        for (size_t i = 0; i < n; i++) y[i] = a * x[i];
        if (tall) {
            pack_a(pa, rows(x, c, r), r, c);
            pack_b(pb, rows(s2, k, k), k, k);
            gemm(pa, k / 32, pb, k / 32, y, c, r, c, k / 32, true);
        } else {
            pack_a(pa, rows(s2, k, k), k, k);
            pack_b(pb, rows(x, c, r), r, c);
            gemm(pa, k / 32, pb, k / 32, y, c, r, c, k / 32, true);
        }
        float* t = x;
        x = y;
        y = t;
    }
    float keep = 1 - lr * decay, up = lr * scale;
    for (size_t i = 0; i < n; i++) p[i] = p[i] * keep - up * x[i];
}

}  // namespace

// ---------------------------------------------------------------- the step
extern "C" {

struct Step {
    Shape s;
    Params p, g;
    int ratios[16];
    const int* tid2eid[16];
    const float* bias[16];
    const float *cos, *sin;   // [T][R/2]
    const int* tok;           // [B*T]
    const float* valid;       // [B*T]
    const int *sel, *target;  // supervised positions and their next tokens
    int B, T, n_sel, want_mass;
    float* loads;  // [L][N], added to
    // results, valid until the next step
    float *x[16], *zn[16], *mass[16];
    float* (*mask_of)(
        int layer);  // optional: additive mask [B][T][T/4] for a ratio-4 layer, or null
    double seconds[8];
    int forward_only;
    int* best;  // optional: the most likely next token at every supervised position
};

void sg_init(size_t arena) {
    g_arena.init(arena);
    amx_allow();
}

static double now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

float sg_step(Step* st) {
    const Shape& s = st->s;
    amx_config();
    g_arena.used = 0;
    int B = st->B, T = st->T, n = B * T, E = s.E, C = s.C, CE = C * E, H = s.H, D = s.D, L = s.L,
        hr = s.R / 2;
    size_t np = up32(n) + 32;
    Rope ro{st->cos, st->sin};
    Hc ha[16], hf[16], ho;
    Attn at[16];
    Moe mo[16];
    float *h0[16], *h1[16], *ya[16], *yf[16], *drop[16];
    float* h = g_arena.get<float>(np * CE);
    double w = now();
    auto lap = [&](int i) {
        double v = now();
        st->seconds[i] += v - w;
        w = v;
    };
    for (int t = 0; t < n; t++)
        for (int c = 0; c < C; c++)
            memcpy(h + size_t(t) * CE + c * E, st->p.embd + size_t(st->tok[t]) * E, E * 4);
    for (int l = 0; l < L; l++) {
        const Layer& p = st->p.layer[l];
        int r = st->ratios[l], nc = r ? T / r : 0, co = r == 4 ? 2 : 1;
        h0[l] = h;
        hc_pre(s, n, h, p.ahc_fn, p.ahc_scale, p.ahc_base, ha[l], true);
        lap(0);
        Attn& a = at[l];
        const float* x = ha[l].x;
        a.zn = g_arena.get<float>(np * s.LQ);
        a.rz = g_arena.get<float>(n);
        a.q = g_arena.get<float>(np * H * D);
        a.rq = g_arena.get<float>(size_t(n) * H);
        a.kv = g_arena.get<float>(np * D);
        a.rkv = g_arena.get<float>(n);
        bf16* xa = g_d.need(size_t(up16(n)) * E);
        pack_a(xa, rows(x, E, n), up16(n), E);
        lin_packed(xa, a.zn, s.LQ, n, p.q_a, s.LQ, E);
        lin_packed(xa, a.kv, D, n, p.kv, D, E);
        if (nc) {
            a.kk = g_arena.get<float>(np * co * D);
            a.gg = g_arena.get<float>(np * co * D);
            lin_packed(xa, a.kk, co * D, n, p.ckv, co * D, E);
            lin_packed(xa, a.gg, co * D, n, p.cgate, co * D, E);
        }
        for (int t = 0; t < n; t++) {
            float* z = a.zn + size_t(t) * s.LQ;
            float k = 1.0f / sqrtf(dot(z, z, s.LQ) / s.LQ + s.eps);
            a.rz[t] = k;
            for (int i = 0; i < s.LQ; i++) z[i] *= k;
        }
        lin(a.zn, s.LQ, a.q, H * D, n, p.q_b, H * D, s.LQ);
        lap(1);
        for (int t = 0; t < n; t++) {
            const float *c = ro.cos + size_t(t % T) * hr, *sn = ro.sin + size_t(t % T) * hr;
            for (int k = 0; k < H; k++)
                norm_rope(a.q + (size_t(t) * H + k) * D, a.q + (size_t(t) * H + k) * D, D, s.R,
                          s.eps, a.rq + size_t(t) * H + k, c, sn);
            norm_rope(a.kv + size_t(t) * D, a.kv + size_t(t) * D, D, s.R, s.eps, a.rkv + t, c, sn);
        }
        a.rows = a.rrows = a.pool = nullptr;
        if (nc) {
            a.rows = g_arena.get<float>(size_t(B) * nc * D);
            a.rrows = g_arena.get<float>(size_t(B) * nc);
            a.pool = g_arena.get<float>(size_t(B) * nc * D);
            for (int b = 0; b < B; b++)
                compress_fwd(a.kk + size_t(b) * T * co * D, a.gg + size_t(b) * T * co * D, p.ape, T,
                             r, D, s.R, s.eps, ro, a.rows + size_t(b) * nc * D,
                             a.rrows + size_t(b) * nc, a.pool + size_t(b) * nc * D);
        }
        lap(2);
        st->x[l] = ha[l].x;
        st->zn[l] = a.zn;
        drop[l] = r == 4 && st->mask_of ? st->mask_of(l) : nullptr;
        if (drop[l]) amx_config();
        a.mass = nullptr;
        if (r == 4 && nc && st->want_mass) {
            a.mass = g_arena.get<float>(size_t(n) * nc);
            memset(a.mass, 0, size_t(n) * nc * 4);
        }
        st->mass[l] = a.mass;
        lap(7);
        a.o = g_arena.get<float>(np * H * D);
        a.lse = g_arena.get<float>(np * H);
        attention_fwd(s, B, T, r, a.q, a.kv, a.rows, p.sinks, drop[l], a.o, a.lse, a.mass);
        for (int t = 0; t < n; t++)
            for (int k = 0; k < H; k++)
                unrope(a.o + (size_t(t) * H + k) * D, D, s.R, ro.cos + size_t(t % T) * hr,
                       ro.sin + size_t(t % T) * hr, -1.0f);
        lap(3);
        int gd = H * D / s.G;
        a.y = g_arena.get<float>(np * s.G * s.LO);
        for (int g = 0; g < s.G; g++)
            lin(a.o + g * gd, H * D, a.y + g * s.LO, s.G * s.LO, n, p.out_a + size_t(g) * s.LO * gd,
                s.LO, gd);
        ya[l] = g_arena.get<float>(np * E);
        lin(a.y, s.G * s.LO, ya[l], E, n, p.out_b, E, s.G * s.LO);
        lap(1);
        h1[l] = g_arena.get<float>(np * CE);
        hc_post(s, n, h, ya[l], ha[l], h1[l]);
        hc_pre(s, n, h1[l], p.fhc_fn, p.fhc_scale, p.fhc_base, hf[l], true);
        lap(0);
        yf[l] = g_arena.get<float>(np * E);
        moe_fwd(s, n, hf[l].x, st->tok, p, st->tid2eid[l], st->bias[l], st->valid,
                st->loads ? st->loads + l * s.N : nullptr, mo[l], yf[l]);
        lap(4);
        h = g_arena.get<float>(np * CE);
        hc_post(s, n, h1[l], yf[l], hf[l], h);
        lap(0);
    }
    hc_pre(s, n, h, st->p.ohc_fn, st->p.ohc_scale, st->p.ohc_base, ho, false);
    int ns = st->n_sel, V16 = up16(s.V);
    float* xs = g_arena.get<float>(size_t(up32(ns)) * E);
    for (int i = 0; i < ns; i++) memcpy(xs + size_t(i) * E, ho.x + size_t(st->sel[i]) * E, E * 4);
    float* lg = g_arena.get<float>(size_t(up32(ns)) * V16);
    lin(xs, E, lg, V16, ns, st->p.output, s.V, E);
    double loss = 0;
    if (st->best)
        for (int i = 0; i < ns; i++) {
            const float* z = lg + size_t(i) * V16;
            int b = 0;
            for (int v = 1; v < s.V; v++)
                if (z[v] > z[b]) b = v;
            st->best[i] = b;
        }
#pragma GCC ivdep
    for (int i = 0; i < ns; i++) {
        float *z = lg + size_t(i) * V16, m = -1e30f, den = 0;
#pragma GCC ivdep
        for (int v = 0; v < s.V; v++) m = fmaxf(m, z[v]);
        loss -= z[st->target[i]] - m;
#pragma GCC ivdep
        for (int v = 0; v < s.V; v++) {
            z[v] = expf(z[v] - m);
            den += z[v];
        }
        loss += logf(den);
        float k = 1.0f / (den * ns);
        for (int v = 0; v < s.V; v++) z[v] *= k;
        z[st->target[i]] -= 1.0f / ns;
    }
    loss /= ns;
    if (st->forward_only) {
        amx_release();
        return float(loss);
    }
    // backward
    float* dxs = g_arena.get<float>(size_t(up32(ns)) * E);
    lin_bwd(lg, V16, xs, E, dxs, E, ns, st->p.output, st->g.output, s.V, E, false);
    float* dx = g_arena.get<float>(np * E);
    float* dh = g_arena.get<float>(np * CE);
    memset(dx, 0, size_t(n) * E * 4);
    memset(dh, 0, size_t(n) * CE * 4);
    for (int i = 0; i < ns; i++) memcpy(dx + size_t(st->sel[i]) * E, dxs + size_t(i) * E, E * 4);
    hc_pre_bwd(s, n, h, st->p.ohc_fn, st->p.ohc_scale, ho, st->p.ohc_base, dx, nullptr, nullptr, dh,
               st->g.ohc_fn, st->g.ohc_scale, st->g.ohc_base);
    lap(5);
    float* dy = g_arena.get<float>(np * E);
    float* dpost = g_arena.get<float>(np * C);
    float* dM = g_arena.get<float>(np * C * C);
    size_t mark = g_arena.used;
    for (int l = L - 1; l >= 0; l--) {
        g_arena.used = mark;
        const Layer& p = st->p.layer[l];
        Layer& g = st->g.layer[l];
        int r = st->ratios[l], nc = r ? T / r : 0, co = r == 4 ? 2 : 1;
        hc_post_bwd(s, n, h1[l], yf[l], hf[l], dh, dy, dpost, dM);
        lap(0);
        moe_bwd(s, n, hf[l].x, p, mo[l], dy, g, dx);
        lap(4);
        hc_pre_bwd(s, n, h1[l], p.fhc_fn, p.fhc_scale, hf[l], p.fhc_base, dx, dpost, dM, dh,
                   g.fhc_fn, g.fhc_scale, g.fhc_base);
        hc_post_bwd(s, n, h0[l], ya[l], ha[l], dh, dy, dpost, dM);
        lap(0);
        Attn& a = at[l];
        int gl = s.G * s.LO, gd = H * D / s.G;
        float* dyy = g_arena.get<float>(np * gl);
        lin_bwd(dy, E, a.y, gl, dyy, gl, n, p.out_b, g.out_b, E, gl, false);
        float* dout = g_arena.get<float>(np * H * D);
        for (int k = 0; k < s.G; k++)
            lin_bwd(dyy + k * s.LO, gl, a.o + k * gd, H * D, dout + k * gd, H * D, n,
                    p.out_a + size_t(k) * s.LO * gd, g.out_a + size_t(k) * s.LO * gd, s.LO, gd,
                    false);
        lap(1);
        float* delta = g_arena.get<float>(np * H);
        for (int t = 0; t < n; t++)
            for (int k = 0; k < H; k++) {
                size_t i = size_t(t) * H + k;
                delta[i] = dot(dout + i * D, a.o + i * D, D);
                unrope(dout + i * D, D, s.R, ro.cos + size_t(t % T) * hr,
                       ro.sin + size_t(t % T) * hr, 1.0f);
            }
        float* dq = g_arena.get<float>((np + 64) * H * D);
        float* dkv = g_arena.get<float>(np * D);
        float* drw = g_arena.get<float>(size_t(B) * nc * D + 1);
        attention_bwd(s, B, T, r, a.q, a.kv, a.rows, p.sinks, drop[l], a.lse, delta, dout, dq, dkv,
                      drw, g.sinks);
        lap(3);
        for (int t = 0; t < n; t++) {
            const float *c = ro.cos + size_t(t % T) * hr, *sn = ro.sin + size_t(t % T) * hr;
            for (int k = 0; k < H; k++) {
                size_t i = size_t(t) * H + k;
                norm_rope_bwd(dq + i * D, a.q + i * D, D, s.R, a.rq[i], c, sn);
            }
            norm_rope_bwd(dkv + size_t(t) * D, a.kv + size_t(t) * D, D, s.R, a.rkv[t], c, sn);
        }
        lap(2);
        float* dz = g_arena.get<float>(np * s.LQ);
        lin_bwd(dq, H * D, a.zn, s.LQ, dz, s.LQ, n, p.q_b, g.q_b, H * D, s.LQ, false);
        for (int t = 0; t < n; t++) {
            float *d = dz + size_t(t) * s.LQ, *z = a.zn + size_t(t) * s.LQ;
            float k = dot(d, z, s.LQ) / s.LQ, rz = a.rz[t];
            for (int i = 0; i < s.LQ; i++) d[i] = rz * (d[i] - z[i] * k);
        }
        const float* x = ha[l].x;
        lin_bwd(dz, s.LQ, x, E, dx, E, n, p.q_a, g.q_a, s.LQ, E, false);
        lin_bwd(dkv, D, x, E, dx, E, n, p.kv, g.kv, D, E, true);
        lap(1);
        if (nc) {
            size_t cw = size_t(co) * D;
            float* dkk = g_arena.get<float>(np * cw);
            float* dgg = g_arena.get<float>(np * cw);
            memset(dkk, 0, np * cw * 4);
            memset(dgg, 0, np * cw * 4);
            for (int b = 0; b < B; b++)
                compress_bwd(a.kk + size_t(b) * T * cw, a.gg + size_t(b) * T * cw, p.ape, T, r, D,
                             s.R, ro, a.rows + size_t(b) * nc * D, a.rrows + size_t(b) * nc,
                             a.pool + size_t(b) * nc * D, drw + size_t(b) * nc * D,
                             dkk + size_t(b) * T * cw, dgg + size_t(b) * T * cw, g.ape);
            lap(2);
            lin_bwd(dkk, cw, x, E, dx, E, n, p.ckv, g.ckv, cw, E, true);
            lin_bwd(dgg, cw, x, E, dx, E, n, p.cgate, g.cgate, cw, E, true);
            lap(1);
        }
        hc_pre_bwd(s, n, h0[l], p.ahc_fn, p.ahc_scale, ha[l], p.ahc_base, dx, dpost, dM, dh,
                   g.ahc_fn, g.ahc_scale, g.ahc_base);
        lap(0);
    }
    for (int t = 0; t < n; t++) {
        float* ge = st->g.embd + size_t(st->tok[t]) * E;
        for (int c = 0; c < C; c++)
            for (int e = 0; e < E; e++) ge[e] += dh[size_t(t) * CE + c * E + e];
    }
    lap(6);
    amx_release();
    return float(loss);
}

void sg_muon(float* p, const float* g, float* m, int count, int r, int c, float mom, float lr,
             float decay, float scale, int steps) {
    amx_config();
    for (int i = 0; i < count; i++) {
        size_t o = size_t(i) * r * c;
        muon_one(p + o, g + o, m + o, r, c, mom, lr, decay, scale, steps);
    }
    amx_release();
}

void sg_adam(float* p, const float* g, float* m, float* v, long n, float b1, float b2, float c1,
             float c2, float lr) {
    for (long i = 0; i < n; i++) {
        m[i] += (1 - b1) * (g[i] - m[i]);
        v[i] += (1 - b2) * (g[i] * g[i] - v[i]);
        p[i] -= lr * (m[i] * c1) / (sqrtf(v[i] * c2) + 1e-8f);
    }
}

}  // extern "C"
