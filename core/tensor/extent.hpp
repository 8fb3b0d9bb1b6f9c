#pragma once
#include <optional>
#include <string_view>

#include "core/tensor/dtype.hpp"

namespace aureole {

/// A number of pixels, elements or bytes that knows whether 64 bits hold it. Products and sums of numbers from outside
/// the program (decks, headers of files) are computed with extents; their value is asked for at the end.
class Extent {
  public:
    constexpr Extent(Index value) : value_(value) {}

    [[nodiscard]] friend constexpr Extent operator*(Extent a, Extent b) {
        Extent product(0);
        bool const wraps = __builtin_mul_overflow(a.value_, b.value_, &product.value_);
        product.is_known_ = a.is_known_ && b.is_known_ && !wraps;
        return product;
    }
    [[nodiscard]] friend constexpr Extent operator+(Extent a, Extent b) {
        Extent sum(0);
        bool const wraps = __builtin_add_overflow(a.value_, b.value_, &sum.value_);
        sum.is_known_ = a.is_known_ && b.is_known_ && !wraps;
        return sum;
    }

    /// Whether 64 bits hold the number and everything that it was computed from.
    [[nodiscard]] constexpr bool is_known() const { return is_known_; }
    /// Whether the number is known and no larger than `most`.
    [[nodiscard]] constexpr bool is_at_most(Index most) const { return is_known_ && value_ <= most; }
    [[nodiscard]] constexpr std::optional<Index> known() const {
        return is_known_ ? std::optional(value_) : std::nullopt;
    }
    /// The number; Error(bad_deck) that says what is too large if it is not known.
    [[nodiscard]] constexpr Index value(std::string_view what) const {
        if (!is_known_) { fail_uncountable(what); }
        return value_;
    }

  private:
    [[noreturn]] static void fail_uncountable(std::string_view what);

    Index value_;
    bool is_known_ = true;
};

/// Bytes above which no tensor is planned, whatever the number of ranks that share it (1 PiB): sums over tensors stay
/// far from what 64 bits hold.
inline constexpr Index most_tensor_bytes = Index{1} << 50;
/// Pixels above which no image axis is planned: products of a position and a stride or a dilation stay exact.
inline constexpr Index most_axis_pixels = (Index{1} << 31) - 1;

}  // namespace aureole
