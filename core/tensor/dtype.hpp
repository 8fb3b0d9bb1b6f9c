#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/config.hpp"

namespace aureole {

using Index = std::int64_t;  ///< every pixel, element and byte count

/// Element types. Activations are f32, bf16 or f64; labels i32; indices of pooling u8 or i32; raw data u8.
enum class DType : std::uint8_t { f32, bf16, f64, i32, u8 };

/// Bytes of one element.
[[nodiscard]] constexpr std::size_t size_of(DType type) {
    switch (type) {
        case DType::f64: return 8;
        case DType::f32:
        case DType::i32: return 4;
        case DType::bf16: return 2;
        case DType::u8: return 1;
    }
    return 0;
}

[[nodiscard]] constexpr std::string_view name_of(DType type) {
    switch (type) {
        case DType::f32: return "f32";
        case DType::bf16: return "bf16";
        case DType::f64: return "f64";
        case DType::i32: return "i32";
        case DType::u8: return "u8";
    }
    return "?";
}

/// The type in which parameters, statistics and sums belonging to activations of `type` are kept.
[[nodiscard]] constexpr DType accumulation_type(DType type) { return type == DType::f64 ? DType::f64 : DType::f32; }

/// The upper half of an IEEE f32; arithmetic is done in float. Rounds to nearest, ties to even; NaN stays NaN.
struct BFloat16 {
    std::uint16_t bits;

    BFloat16() = default;
    AUREOLE_FUNCTION BFloat16(float value) {
        auto const word = std::bit_cast<std::uint32_t>(value);
        std::uint32_t const rounded = (word + 0x7FFFU + ((word >> 16U) & 1U)) >> 16U;
        std::uint32_t const quiet_nan = (word >> 16U) | 0x40U;
        bits = static_cast<std::uint16_t>((word & 0x7FFFFFFFU) > 0x7F800000U ? quiet_nan : rounded);
    }
    AUREOLE_FUNCTION operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U); }
};

/// C++ type -> DType.
template <class T>
inline constexpr DType dtype_of = DType::u8;
template <>
inline constexpr DType dtype_of<float> = DType::f32;
template <>
inline constexpr DType dtype_of<double> = DType::f64;
template <>
inline constexpr DType dtype_of<BFloat16> = DType::bf16;
template <>
inline constexpr DType dtype_of<std::int32_t> = DType::i32;

/// The C++ type in which values of T are summed: double for double, float for the others.
template <class T>
struct AccumulationOf {
    using type = float;
};
template <>
struct AccumulationOf<double> {
    using type = double;
};
template <class T>
using Accumulation = typename AccumulationOf<T>::type;

}  // namespace aureole
