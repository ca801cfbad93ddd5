// SPDX-License-Identifier: MIT
#include "kernel/weight_dot.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

#include "base/f16.h"
#include "kernel/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernel/weight_dot_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernel/float_panel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {
namespace {

// body(integral_constant T, first) over [0, count) in tiles of at most `Most`, none much smaller
// than another: 9 are 5 + 4, not 8 + 1.
template <int Most, class Body>
HWY_INLINE void for_each_tile(std::int64_t count, Body&& body) {
    std::int64_t tiles = (count + Most - 1) / Most;
    for (std::int64_t first = 0; tiles > 0; --tiles) {
        const std::int64_t size = (count - first + tiles - 1) / tiles;
        [&]<int... I>(std::integer_sequence<int, I...>) {
            ((size == I + 1 ? body(std::integral_constant<int, I + 1>(), first) : void()), ...);
        }
        (std::make_integer_sequence<int, Most>());
        first += size;
    }
}

constexpr std::int64_t kAheadBytes = 65536;

#if HWY_TARGET == HWY_SCALAR

// Plain loops for machines without AVX2: the functions of tensor/block_format over our layout.

float dot_codes(DataType type, const std::byte* row, const DotInput& in, std::int64_t index,
                std::vector<BlockQ8K>& blocks) {
    if (type == DataType::q8_0) {
        float sum = 0.0F;
        for (std::int64_t b = 0; b < in.in / 32; ++b) {
            const std::int8_t* code = in.code + in.code_offset(index, 32 * b);
            std::uint16_t half;
            std::memcpy(&half, row + 34 * b, sizeof half);
            const auto* q = reinterpret_cast<const std::int8_t*>(row + 34 * b + 2);
            std::int32_t dot = 0;
            for (int i = 0; i < 32; ++i) dot += q[i] * code[i];
            sum += (f16_to_f32(half) * in.scale[b * in.rows + index]) * static_cast<float>(dot);
        }
        return sum;
    }
    blocks.resize(static_cast<std::size_t>(in.in / 256));
    for (std::int64_t b = 0; b < in.in / 256; ++b) {
        BlockQ8K& block = blocks[static_cast<std::size_t>(b)];
        block.d = in.scale[b * in.rows + index];
        std::copy_n(in.code + in.code_offset(index, 256 * b), 256, block.q.begin());
        std::copy_n(in.sum + 16 * (b * in.rows + index), 16, block.bsum.begin());
    }
    return dot_q8_k(type, row, blocks);
}

void dot_rows_codes(const DotRows& job, Arena&) {
    std::vector<BlockQ8K> blocks;
    for (std::int64_t i = 0; i < job.count; ++i)
        for (std::int64_t o = 0; o < job.outputs; ++o)
            job.out[i * job.out_stride + o] =
                dot_codes(job.type, job.w + o * job.row_size, *job.input, job.first + i, blocks);
}

#else  // SIMD

// --- int8 activations ------------------------------------------------------------------------

// Up to this many vectors meet codes straight from the registers they were spread out in; more
// share a Chunk in L1 (4 KiB of codes), whose tiles of vectors keep one integer sum each, and
// one more for formats with scales, in registers.
constexpr int kDirect = SG_AVX512 ? 8 : 3;
constexpr int kTileVectors = SG_AVX512 ? 8 : 4;

template <class Format>
HWY_INLINE Vectors vectors_of(const DotRows& job, std::int64_t vector, std::int64_t block) {
    const DotInput& in = *job.input;
    const std::int64_t column = block * Format::kBlock;
    const std::int64_t index = job.first + vector;
    Vectors x{};
    x.rows = in.rows;
    x.code = in.code + in.code_offset(index, column);
    x.scale = in.scale + block * in.rows + index;
    if constexpr (Format::kMinimum) x.sum = in.sum + 16 * (block * in.rows + index);
    if constexpr (Format::kBiased) x.bias = in.bias + column / 32 * in.rows + index;
    return x;
}

template <class Format>
struct Tile {
    const DotRows& job;
    TileAddress w;        // of the first block
    std::int64_t blocks;  // along a row
    std::int64_t first_row;
    std::int64_t rows;
    std::int64_t ahead;  // bytes, whole tiles

    HWY_INLINE void put(std::int64_t vector, FloatVec sum) const {
        const FloatVec y = Format::finish(sum);
        float* out = job.out + vector * job.out_stride + first_row;
        if (rows == kTileRows) {
            hn::StoreU(y, Float(), out);
            return;
        }
        alignas(64) float all[kTileRows];
        hn::Store(y, Float(), all);
        std::copy_n(all, rows, out);
    }
};

// Sixteen streams are more than the hardware follows, but tiles follow each other in memory: while
// one is worked on, a later one is asked for line by line, into L2 (Products does it bit by bit).
// Memory answers after some hundred nanoseconds, in which a core meets 10 KiB of the lighter
// formats; 64 KiB ahead still gave Q2_K a tenth more than the next tile alone. Behind the last row
// of a matrix that is a look at something else, which does no harm.
template <class Format>
HWY_INLINE const std::byte* later_block(const Tile<Format>& tile, std::int64_t block) {
    return tile.w.at + tile.ahead + block * (std::int64_t{kTileRows} * Format::kBytes);
}

// body(b) for the blocks of at most 256 columns. Where that is one block there is no loop, out of
// which a compiler would move every load of a code, to keep them on the stack.
template <class Format, class Body>
HWY_INLINE void for_each_block(std::int64_t left, Body&& body) {
    if constexpr (Format::kBlock == 256) {
        body(0);
    } else {
        const int count = static_cast<int>(std::min<std::int64_t>(256 / Format::kBlock, left));
        for (int b = 0; b < count; ++b) body(b);
    }
}

template <class Format, int T>
HWY_NOINLINE void multiply_direct(const Tile<Format>& tile) {
    constexpr int kBlocks = 256 / Format::kBlock;
    FloatVec sum[T];
    for (int t = 0; t < T; ++t) sum[t] = hn::Zero(Float());
    for (std::int64_t first = 0; first < tile.blocks; first += kBlocks) {
        Vectors x = vectors_of<Format>(tile.job, 0, first);
        for_each_block<Format>(tile.blocks - first, [&](int b) {
            Products<Format, T> products(x, later_block(tile, first + b));
            Format::expand(tile.w + (first + b) * Format::kBytes, products);
            Format::add(products, sum);
            x.advance<Format>();
        });
    }
    for (int t = 0; t < T; ++t) tile.put(t, sum[t]);
}

// `sums`: [count, kTileRows]
template <class Format>
void multiply_chunks(const Tile<Format>& tile, float* sums) {
    const Float d;
    constexpr int kBlocks = 256 / Format::kBlock;
    const DotRows& job = tile.job;
    std::fill_n(sums, job.count * kTileRows, 0.0F);
    Chunk chunk;
    for (std::int64_t first = 0; first < tile.blocks; first += kBlocks) {
        const int part = static_cast<int>(std::min<std::int64_t>(kBlocks, tile.blocks - first));
        for (int b = 0; b < part; ++b) {
            const std::byte* later = later_block(tile, first + b);
            for (int line = 0; line < kTileRows * Format::kBytes; line += 64)
                __builtin_prefetch(later + line, 0, 2);
            Store store{chunk, b * Format::kBlock / 32};
            Format::expand(tile.w + (first + b) * Format::kBytes, store);
        }
        for_each_tile<kTileVectors>(job.count, [&](auto size, std::int64_t vector) {
            constexpr int T = decltype(size)::value;
            FloatVec sum[T];
            float* at = sums + vector * kTileRows;
            for (int t = 0; t < T; ++t) sum[t] = hn::Load(d, at + t * kTileRows);
            Vectors x = vectors_of<Format>(job, vector, first);
            for_each_block<Format>(part, [&](int b) {
                Products<Format, T, false> products(x, nullptr);
                Format::replay(chunk, b, products);
                Format::add(products, sum);
                x.advance<Format>();
            });
            for (int t = 0; t < T; ++t) hn::Store(sum[t], d, at + t * kTileRows);
        });
    }
    for (std::int64_t i = 0; i < job.count; ++i) tile.put(i, hn::Load(d, sums + i * kTileRows));
}

template <class Format>
void dot_rows_format(const DotRows& job, Arena& arena) {
    const std::int64_t blocks = job.input->in / Format::kBlock;
    float* sums = job.count > kDirect ? arena.take<float>(job.count * kTileRows) : nullptr;
    const std::int64_t tile_bytes = kTileRows * job.row_size;
    const std::int64_t ahead = (kAheadBytes + tile_bytes - 1) / tile_bytes * tile_bytes;
    for (std::int64_t at = 0; at < job.outputs; at += kTileRows) {
        // The last tile reaches back over rows that were done already.
        const std::int64_t o = std::clamp<std::int64_t>(job.outputs - kTileRows, 0, at);
        const std::int64_t rows = std::min<std::int64_t>(kTileRows, job.outputs - o);
        const std::byte* w = job.w + o * job.row_size;
        if (rows < kTileRows) {
            // The tile's missing rows are zeros: block formats make that the value zero.
            auto* padded = arena.take<std::byte>(kTileRows * job.row_size);
            std::memcpy(padded, w, static_cast<std::size_t>(rows * job.row_size));
            std::memset(padded + rows * job.row_size, 0,
                        static_cast<std::size_t>((kTileRows - rows) * job.row_size));
            w = padded;
        }
        const Tile<Format> tile{.job = job,
                                .w = {w, job.row_size},
                                .blocks = blocks,
                                .first_row = o,
                                .rows = rows,
                                .ahead = ahead};
        if (job.count > kDirect)
            multiply_chunks(tile, sums);
        else
            for_each_tile<kDirect>(job.count, [&](auto size, std::int64_t) {
                multiply_direct<Format, decltype(size)::value>(tile);
            });
    }
}

void dot_rows_codes(const DotRows& job, Arena& arena) {
    switch (job.type) {
        case DataType::q8_0:
            return dot_rows_format<TileQ8_0>(job, arena);
        case DataType::q2_k:
            return dot_rows_format<TileQ2K>(job, arena);
        case DataType::q4_k:
            return dot_rows_format<TileQ4K>(job, arena);
        default:
            return dot_rows_format<TileIq2Xxs>(job, arena);
    }
}

#endif  // SIMD

// --- f32 activations -------------------------------------------------------------------------

// R rows meet T vectors. Each pair has four vectors of sums, lanes along the row, as in dot_float:
// short chains of additions round less. Only one of the four is formed at a time, in every fourth
// stretch of the row, so that with 4 rows and 6 vectors ten loads serve 24 multiply-adds, whose
// sums fill the registers of AVX-512 and hide each other's latency. AVX2 has room for 2 by 4.
constexpr int kFloatRows = SG_AVX512 ? 4 : 2;
constexpr int kFloatVectors = SG_AVX512 ? 6 : 4;
constexpr int kLoneRows = SG_AVX512 ? 4 : 2;

template <int R, int T, class W>
HWY_INLINE void dot_float_tile(const DotRows& job, const W* const* w, std::int64_t o,
                               std::int64_t first) {
    const Float d;
    const DotInput& in = *job.input;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const float* x[T];
    for (int t = 0; t < T; ++t) x[t] = in.vector(job.first + first + t);
    FloatVec quarter[4][R][T];
    const std::int64_t whole = in.in / (4 * lanes) * (4 * lanes);
    const std::int64_t end = in.in / lanes * lanes;
    for (int u = 0; u < 4; ++u) {
        FloatVec sum[R][T];
        for (int r = 0; r < R; ++r)
            for (int t = 0; t < T; ++t) sum[r][t] = hn::Zero(d);
        const auto stretch = [&](std::int64_t i) SG_INLINE_LAMBDA {
            FloatVec v[T];
            for (int t = 0; t < T; ++t) v[t] = hn::LoadU(d, x[t] + i);
            for (int r = 0; r < R; ++r) {
                const FloatVec weight = load_weights(w[r] + i);
                for (int t = 0; t < T; ++t) sum[r][t] = hn::MulAdd(weight, v[t], sum[r][t]);
            }
        };
        for (std::int64_t i = u * lanes; i < whole; i += 4 * lanes) stretch(i);
        if (u == 0)
            for (std::int64_t i = whole; i < end; i += lanes) stretch(i);
        for (int r = 0; r < R; ++r)
            for (int t = 0; t < T; ++t) quarter[u][r][t] = sum[r][t];
    }
    for (int r = 0; r < R; ++r)
        for (int t = 0; t < T; ++t) {
            float total = sum_of(hn::Add(hn::Add(quarter[0][r][t], quarter[1][r][t]),
                                         hn::Add(quarter[2][r][t], quarter[3][r][t])));
            for (std::int64_t k = end; k < in.in; ++k) total += weight_value(w[r][k]) * x[t][k];
            job.out[(first + t) * job.out_stride + o + r] = total;
        }
}

// Rows o .. o+rows-1, stored `stride` values apart.
template <class W>
void dot_float_rows(const DotRows& job, const W* w, std::int64_t stride, std::int64_t o,
                    std::int64_t rows) {
    const auto all = [&](auto vectors, auto most) {
        constexpr int kMost = decltype(most)::value;
        for_each_tile<decltype(vectors)::value>(job.count, [&](auto size, std::int64_t first) {
            constexpr int T = decltype(size)::value;
            std::int64_t r = 0;
            const W* row[kMost];
            for (; r + kMost <= rows; r += kMost) {
                for (int k = 0; k < kMost; ++k) row[k] = w + (r + k) * stride;
                dot_float_tile<kMost, T>(job, row, o + r, first);
            }
            for (; r < rows; ++r) {
                row[0] = w + r * stride;
                dot_float_tile<1, T>(job, row, o + r, first);
            }
        });
    };
    // A lone vector is dot_float itself: its four sums run side by side, and the row is read once.
    if (job.count == 1) {
        const float* x = job.input->vector(job.first);
        const auto bytes = stride * static_cast<std::int64_t>(sizeof(W));
        const std::int64_t ahead = (kAheadBytes + bytes - 1) / bytes * bytes;
        for_each_tile<kLoneRows>(rows, [&](auto size, std::int64_t first) {
            constexpr int R = decltype(size)::value;
            const W* row[R];
            for (int r = 0; r < R; ++r) row[r] = w + (first + r) * stride;
            dot_float<R>(row, x, job.input->in, ahead, job.out + o + first);
        });
        return;
    }
    all(std::integral_constant<int, kFloatVectors>(), std::integral_constant<int, kFloatRows>());
}

}  // namespace

void dot_rows_target(const DotRows& job, Arena& arena) {
    if (job.input->format != ActivationFormat::f32) {
        dot_rows_codes(job, arena);
        return;
    }
    const std::int64_t in = job.input->in;
    float* const panel = job.input->panels != nullptr && job.outputs >= kPanelRowsLeast
                             ? arena.take<float>(kPanelRows * panel_places(in))
                             : nullptr;
    const auto multiply = [&](const auto* w, std::int64_t o, std::int64_t rows) {
        if (panel != nullptr)
            multiply_panels(job, w, in, o, rows, panel);
        else
            dot_float_rows(job, w, in, o, rows);
    };
    if (job.type == DataType::f32)
        return multiply(reinterpret_cast<const float*>(job.w), 0, job.outputs);
    if (job.type == DataType::f16)
        return multiply(reinterpret_cast<const std::uint16_t*>(job.w), 0, job.outputs);
    // Quantised rows as floats, a few at a time.
    const std::int64_t batch = panel != nullptr ? kPanelRows : 8;
    const std::int64_t least = panel != nullptr ? kPanelRowsLeast : 1;
    auto* weights = arena.take<float>(batch * in);
    for (std::int64_t at = 0; at < job.outputs; at += batch) {
        // Panels take whole registers of rows: the last one reaches back.
        const std::int64_t o = std::min(at, job.outputs - least);
        const std::int64_t rows = std::min(batch, job.outputs - o);
        for (std::int64_t r = 0; r < rows; ++r)
            dequantise_row(job.type, job.w + (o + r) * job.row_size, in, weights + r * in);
        multiply(weights, o, rows);
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starglass {

HWY_EXPORT(dot_rows_target);

void dot_rows(const DotRows& job, Arena& arena) {
    HWY_DYNAMIC_DISPATCH(dot_rows_target)(job, arena);
}

}  // namespace starglass
#endif  // HWY_ONCE
