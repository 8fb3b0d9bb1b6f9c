#pragma once
#include <bit>
#include <cstdint>

#include "core/config.hpp"

namespace aureole {

/// Bits of the code of a score that name its bin: sign, 8 of the exponent and 9 of the fraction.
inline constexpr unsigned score_bin_bits = 18;
inline constexpr std::int64_t score_bins = std::int64_t{1} << score_bin_bits;

/// Code of 0; codes above it are positive numbers, codes below negative ones.
inline constexpr std::uint32_t code_of_zero = 0x80000000U;
inline constexpr std::uint32_t magnitude_of_infinity = 0x7F800000U;

/// Bin of a score. The code of an f32 is that of zero plus or minus the bits of its magnitude; it orders as the numbers
/// do. -0 is 0; NaN has the lowest code.
[[nodiscard]] AUREOLE_FUNCTION std::uint32_t bin_of_score(float score) {
    auto const bits = std::bit_cast<std::uint32_t>(score);
    std::uint32_t const magnitude = bits & 0x7FFFFFFFU;
    if (magnitude > magnitude_of_infinity) { return 0; }
    std::uint32_t const code = (bits >> 31U) != 0 ? code_of_zero - magnitude : code_of_zero + magnitude;
    return code >> (32U - score_bin_bits);
}

/// The lowest score of a bin; -infinity for bins below every number.
[[nodiscard]] AUREOLE_FUNCTION float lowest_score_of(std::uint32_t bin) {
    std::uint32_t const code = bin << (32U - score_bin_bits);
    bool const negative = code < code_of_zero;
    std::uint32_t const distance = negative ? code_of_zero - code : code - code_of_zero;
    std::uint32_t const magnitude = distance < magnitude_of_infinity ? distance : magnitude_of_infinity;
    return std::bit_cast<float>(negative ? magnitude | 0x80000000U : magnitude);
}

}  // namespace aureole
