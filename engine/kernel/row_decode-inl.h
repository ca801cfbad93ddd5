// SPDX-License-Identifier: MIT
//
// decode_row of tensor/row_codec in vectors and in parts, the same values bit for bit. Included
// after hwy/foreach_target.h.
#include <cstddef>
#include <cstring>

#include "tensor/row_codec.h"

#if defined(STARGLASS_KERNEL_ROW_DECODE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef STARGLASS_KERNEL_ROW_DECODE_INL
#undef STARGLASS_KERNEL_ROW_DECODE_INL
#else
#define STARGLASS_KERNEL_ROW_DECODE_INL
#endif

#include "kernel/simd_float-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starglass {
namespace HWY_NAMESPACE {

// Needs conversions between half and single that keep subnormals: F16C has them.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL

HWY_INLINE FloatVec round_half(FloatVec v) {
    const Float d;
    const hn::Rebind<hwy::float16_t, Float> half;
    return hn::PromoteTo(d, hn::DemoteTo(half, v));
}

HWY_INLINE float exponent_value(std::byte biased) {
    return std::bit_cast<float>(std::to_integer<std::uint32_t>(biased) << 23);
}

// One group of 64. An E4M3 code moved to where a half keeps exponent and mantissa is the value
// times 2^-8, subnormals included; sign extension brings the sign along, twice. While the
// smallest code, 2^(e-9), and the largest, 448 * 2^e, are halves, the final rounding is none.
HWY_INLINE void decode_kv_group(const std::uint8_t* code, std::byte exponent, float* out) {
    const Float d;
    const hn::Rebind<hwy::float16_t, Float> half;
    const hn::Rebind<std::int16_t, Float> d16;
    const hn::Rebind<std::int8_t, Float> d8;
    const auto lanes = static_cast<int>(hn::Lanes(d));
    const auto value = [&](int i) {
        const auto c =
            hn::PromoteTo(d16, hn::LoadU(d8, reinterpret_cast<const std::int8_t*>(code) + i));
        const auto bits = hn::And(hn::ShiftLeft<7>(c), hn::Set(d16, static_cast<short>(0xBF80)));
        return hn::PromoteTo(d, hn::BitCast(half, bits));
    };
    const int biased = std::to_integer<int>(exponent);
    if (HWY_LIKELY(biased >= 127 - 15 && biased <= 127 + 7)) {
        const auto scale = hn::Set(d, 256.0F * exponent_value(exponent));
        for (int i = 0; i < 64; i += lanes) hn::StoreU(hn::Mul(value(i), scale), d, out + i);
        return;
    }
    const auto up = hn::Set(d, 256.0F);
    const auto scale = hn::Set(d, exponent_value(exponent));
    for (int i = 0; i < 64; i += lanes)
        hn::StoreU(round_half(hn::Mul(hn::Mul(value(i), up), scale)), d, out + i);
}

HWY_INLINE void decode_halves(const std::byte* from, int count, float* out) {
    const Float d;
    const auto lanes = static_cast<int>(hn::Lanes(d));
    int i = 0;
    for (; i + lanes <= count; i += lanes)
        hn::StoreU(load_weights(reinterpret_cast<const std::uint16_t*>(from) + i), d, out + i);
    for (; i < count; ++i) {
        std::uint16_t bits;
        std::memcpy(&bits, from + 2 * i, sizeof bits);
        out[i] = f16_to_f32(bits);
    }
}

HWY_INLINE void decode_kv_row(const RowLayout& layout, const std::byte* row, float* out) {
    const int coded = layout.width - layout.rotary;
    const auto* code = reinterpret_cast<const std::uint8_t*>(row + 2 * layout.rotary);
    const std::byte* exponent = row + 2 * layout.rotary + coded;
    for (int group = 0; group < coded; group += 64)
        decode_kv_group(code + group, *exponent++, out + group);
    decode_halves(row, layout.rotary, out + coded);
}

// Sixteen bytes are the 32 values of one exponent: twice the E2M1 value by table, then floats.
HWY_INLINE void decode_index_row(const RowLayout& layout, const std::byte* row, float* out) {
    const Float d;
    const hn::FixedTag<std::uint8_t, 16> d8;
    const hn::FixedTag<std::int8_t, 16> di8;
    const hn::FixedTag<std::uint16_t, 8> d16;
    const hn::Rebind<std::int32_t, Float> d32;
    const hn::Rebind<std::int8_t, Float> d_part;
    const auto lanes = static_cast<int>(hn::Lanes(d));
    alignas(16) static constexpr std::int8_t kTwice[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                                           0, -1, -2, -3, -4, -6, -8, -12};
    const auto table = hn::Load(di8, kTwice);
    const std::byte* exponent = row + layout.width / 2;
    for (int group = 0; group < layout.width; group += 32) {
        const auto bytes = hn::LoadU(d8, reinterpret_cast<const std::uint8_t*>(row) + group / 2);
        const auto mask = hn::Set(d8, 15);
        const auto low = hn::And(bytes, mask);
        const auto high =
            hn::And(hn::BitCast(d8, hn::ShiftRight<4>(hn::BitCast(d16, bytes))), mask);
        const auto even = hn::TableLookupBytes(table, hn::BitCast(di8, low));
        const auto odd = hn::TableLookupBytes(table, hn::BitCast(di8, high));
        alignas(32) std::int8_t twice[32];
        hn::Store(hn::InterleaveLower(di8, even, odd), di8, twice);
        hn::Store(hn::InterleaveUpper(di8, even, odd), di8, twice + 16);
        const auto scale = hn::Set(d, 0.5F * exponent_value(*exponent++));
        for (int i = 0; i < 32; i += lanes) {
            const auto v = hn::ConvertTo(d, hn::PromoteTo(d32, hn::LoadU(d_part, twice + i)));
            hn::StoreU(round_half(hn::Mul(v, scale)), d, out + group + i);
        }
    }
}

HWY_INLINE void decode_row_vec(const RowLayout& layout, const std::byte* row, float* out) {
    if (layout.kind == RowKind::kv)
        decode_kv_row(layout, row, out);
    else if (layout.kind == RowKind::index)
        decode_index_row(layout, row, out);
    else
        decode_row(layout, row, out);
}

// Values [first, first+count) of a row; first is a multiple of 64, count at most 64.
HWY_INLINE void decode_part(const RowLayout& layout, const std::byte* row, int first, int count,
                            float* out) {
    const int coded = layout.width - layout.rotary;
    if (layout.kind == RowKind::plain)
        std::memcpy(out, row + sizeof(float) * first, sizeof(float) * count);
    else if (first < coded)
        decode_kv_group(reinterpret_cast<const std::uint8_t*>(row + 2 * layout.rotary) + first,
                        row[2 * layout.rotary + coded + first / 64], out);
    else
        decode_halves(row + 2 * (first - coded), count, out);
}

#else

HWY_INLINE void decode_row_vec(const RowLayout& layout, const std::byte* row, float* out) {
    decode_row(layout, row, out);
}

HWY_INLINE void decode_part(const RowLayout& layout, const std::byte* row, int first, int count,
                            float* out) {
    const int coded = layout.width - layout.rotary;
    for (int i = first; i < first + count; ++i) {
        if (layout.kind == RowKind::plain) {
            std::memcpy(out + i - first, row + sizeof(float) * i, sizeof(float));
        } else if (i < coded) {
            const auto code = std::to_integer<std::uint8_t>(row[2 * layout.rotary + i]);
            const auto biased =
                std::to_integer<std::uint32_t>(row[2 * layout.rotary + coded + i / 64]);
            out[i - first] = round_to_f16(e4m3_value(code) * std::bit_cast<float>(biased << 23));
        } else {
            std::uint16_t bits;
            std::memcpy(&bits, row + 2 * (i - coded), sizeof bits);
            out[i - first] = f16_to_f32(bits);
        }
    }
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#endif
