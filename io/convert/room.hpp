#pragma once
#include <limits>

#include "core/tensor/extent.hpp"

namespace aureole::convert {

/// Bytes that a byte of deflate's output stands for at most (1032, and some for headers).
inline constexpr Index deflate_ratio = 1040;

/// Whether a file of `present` bytes, each standing for at most `densest`, can hold `bytes` bytes.
[[nodiscard]] constexpr bool can_hold(Index present, Extent bytes, Index densest) {
    return bytes.is_at_most((Extent(present) * densest).known().value_or(std::numeric_limits<Index>::max()));
}

}  // namespace aureole::convert
