#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "core/tensor/box.hpp"

namespace aureole {

/// One axis of a windowed operator: output position o reads input positions o * stride - pad_lo + k * dilation,
/// k = 0 .. size-1. Padding exists only beyond the border of the image and may differ between the two ends; where it is
/// negative, which only pooling allows, that many pixels at the border are left out.
struct Window {
    Index size = 1, stride = 1, pad_lo = 0, pad_hi = 0, dilation = 1;

    /// Distance between the first and the last position read, plus one.
    [[nodiscard]] constexpr Index reach() const { return (size - 1) * dilation + 1; }
    /// Output extent for an input extent; not positive if the window does not fit.
    [[nodiscard]] constexpr Index output_extent(Index input) const {
        Index const room = input + pad_lo + pad_hi - reach();
        return room < 0 ? 0 : room / stride + 1;
    }
    friend constexpr bool operator==(Window const&, Window const&) = default;
};

/// Windows along (d, h, w).
using Windows = std::array<Window, 3>;

/// Extents after windowing the three image axes; n and c are kept.
[[nodiscard]] constexpr Shape output_shape(Windows const& windows, Shape const& input) {
    return {input.n, windows[0].output_extent(input.d), windows[1].output_extent(input.h),
            windows[2].output_extent(input.w), input.c};
}

/// Product of strides above which no convolution is planned: its gradients visit every place that a window may have
/// between two of its neighbours.
inline constexpr Index most_strides = Index{1} << 16;

enum class Cropping : std::uint8_t { refused, allowed };  ///< negative padding

/// Throws Error(bad_deck) if a size, stride or dilation is not positive, a padding is negative against the rule, or one
/// of them is larger than any image (most_axis_pixels).
void require_valid(std::string_view operator_name, Windows const& windows, Cropping cropping = Cropping::refused);

}  // namespace aureole
