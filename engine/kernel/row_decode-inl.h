// SPDX-License-Identifier: MIT
//
// decode_row of tensor/row_codec in vectors, the same values bit for bit. Included after
// hwy/foreach_target.h.
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

// An E4M3 code moved to where a half keeps exponent and mantissa is the value times 2^-8,
// subnormals included.
HWY_INLINE void decode_kv_row(const RowLayout& layout, const std::byte* row, float* out) {
    const Float d;
    const hn::Rebind<hwy::float16_t, Float> half;
    const hn::Rebind<std::uint16_t, Float> d16;
    const hn::Rebind<std::uint8_t, Float> d8;
    const auto lanes = static_cast<int>(hn::Lanes(d));
    const int coded = layout.width - layout.rotary;
    const auto* code = reinterpret_cast<const std::uint8_t*>(row + 2 * layout.rotary);
    const std::byte* exponent = row + 2 * layout.rotary + coded;
    const auto up = hn::Set(d, 256.0F);
    for (int group = 0; group < coded; group += 64) {
        const auto scale = hn::Set(d, exponent_value(*exponent++));
        for (int i = group; i < group + 64; i += lanes) {
            const auto c = hn::PromoteTo(d16, hn::LoadU(d8, code + i));
            const auto bits = hn::Or(hn::ShiftLeft<8>(hn::And(c, hn::Set(d16, 0x80))),
                                     hn::ShiftLeft<7>(hn::And(c, hn::Set(d16, 0x7F))));
            const auto value = hn::PromoteTo(d, hn::BitCast(half, bits));
            hn::StoreU(round_half(hn::Mul(hn::Mul(value, up), scale)), d, out + i);
        }
    }
    const auto* rotary = reinterpret_cast<const std::uint16_t*>(row);
    int i = 0;
    for (; i + lanes <= layout.rotary; i += lanes)
        hn::StoreU(load_weights(rotary + i), d, out + coded + i);
    for (; i < layout.rotary; ++i) {
        std::uint16_t bits;
        std::memcpy(&bits, row + 2 * i, sizeof bits);
        out[coded + i] = f16_to_f32(bits);
    }
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

#else

HWY_INLINE void decode_row_vec(const RowLayout& layout, const std::byte* row, float* out) {
    decode_row(layout, row, out);
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace starglass
HWY_AFTER_NAMESPACE();

#endif
