#pragma once
#include <bit>
#include <cstdint>

#include "core/config.hpp"

namespace aureole {

/// Bits of the code of a score that name its bin: sign, 8 of the exponent and 9 of the fraction.
inline constexpr unsigned score_bin_bits = 18;
inline constexpr std::int64_t score_bins = std::int64_t{1} << score_bin_bits;

/// Bin of a score. The code of an f32 is its bits, all flipped for negative numbers and only the sign for others; it
/// orders as the numbers do. -0 is 0; NaN has the lowest code.
[[nodiscard]] AUREOLE_FUNCTION std::uint32_t bin_of_score(float score) {
    auto const bits = std::bit_cast<std::uint32_t>(score + 0.0F);
    std::uint32_t const code = (bits >> 31U) != 0 ? ~bits : bits | 0x80000000U;
    return score == score ? code >> (32U - score_bin_bits) : 0U;
}

/// The lowest score of a bin; NaN where only NaN or -infinity can be.
[[nodiscard]] AUREOLE_FUNCTION float smallest_score_of(std::uint32_t bin) {
    std::uint32_t const code = bin << (32U - score_bin_bits);
    return std::bit_cast<float>((code >> 31U) != 0 ? code & 0x7FFFFFFFU : ~code);
}

}  // namespace aureole
