#pragma once
#include <complex>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace aureole::hdf5 {

/// Element types of datasets, whatever their byte order in the file.
enum class Type : std::uint8_t {
    u8,
    i8,
    u16,
    i16,
    u32,
    i32,
    u64,
    i64,
    f16,
    f32,
    f64,
    boolean,    ///< enumeration FALSE, TRUE over i8, as h5py writes it; in memory one byte, 0 or 1
    complex32,  ///< compound (r, i), (real, imag) or (re, im) of two floats, as h5py writes complex data
    complex64,  ///< likewise of two doubles
    other,      ///< text, other compounds and everything else: not readable as numbers
};

/// Bytes of one element in memory.
[[nodiscard]] constexpr std::size_t size_of(Type type) {
    switch (type) {
        case Type::u8:
        case Type::i8:
        case Type::boolean: return 1;
        case Type::u16:
        case Type::i16:
        case Type::f16: return 2;
        case Type::u32:
        case Type::i32:
        case Type::f32: return 4;
        case Type::u64:
        case Type::i64:
        case Type::f64:
        case Type::complex32: return 8;
        case Type::complex64: return 16;
        case Type::other: return 0;
    }
    return 0;
}

[[nodiscard]] constexpr std::string_view name_of(Type type) {
    constexpr std::string_view names[] = {"u8",   "i8",  "u16", "i16", "u32",     "i32",     "u64",
                                          "i64",  "f16", "f32", "f64", "boolean", "complex", "complex of f64",
                                          "other"};
    return names[static_cast<std::size_t>(type)];
}

/// True for types that cannot hold a fraction, NaN or infinity.
[[nodiscard]] constexpr bool is_integer(Type type) { return type <= Type::i64 || type == Type::boolean; }

[[nodiscard]] constexpr bool is_complex(Type type) { return type == Type::complex32 || type == Type::complex64; }

/// True for types whose every value is an f32. Magnitudes of complex numbers are rounded.
[[nodiscard]] constexpr bool fits_f32(Type type) {
    return type == Type::u8 || type == Type::i8 || type == Type::u16 || type == Type::i16 || type == Type::f16 ||
           type == Type::f32 || type == Type::boolean;
}

/// True for types whose every value is an i32.
[[nodiscard]] constexpr bool fits_i32(Type type) { return is_integer(type) && type != Type::u32 && size_of(type) <= 4; }

/// C++ type -> Type.
template <class T>
inline constexpr Type type_of = Type::other;
template <>
inline constexpr Type type_of<std::uint8_t> = Type::u8;
template <>
inline constexpr Type type_of<std::int8_t> = Type::i8;
template <>
inline constexpr Type type_of<std::uint16_t> = Type::u16;
template <>
inline constexpr Type type_of<std::int16_t> = Type::i16;
template <>
inline constexpr Type type_of<std::uint32_t> = Type::u32;
template <>
inline constexpr Type type_of<std::int32_t> = Type::i32;
template <>
inline constexpr Type type_of<std::uint64_t> = Type::u64;
template <>
inline constexpr Type type_of<std::int64_t> = Type::i64;
template <>
inline constexpr Type type_of<float> = Type::f32;
template <>
inline constexpr Type type_of<double> = Type::f64;
template <>
inline constexpr Type type_of<std::complex<float>> = Type::complex32;
template <>
inline constexpr Type type_of<std::complex<double>> = Type::complex64;

}  // namespace aureole::hdf5
