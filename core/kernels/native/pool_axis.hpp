#pragma once
#include "core/kernels/native/conv_geometry.hpp"

namespace aureole::native {

/// One axis of pooling: the window of global output position o holds o * stride - pad + k * dilation.
struct PoolAxis {
    Index size, stride, pad, dilation;
    Index input_extent, output_extent;  ///< global
    Index lo;                           ///< of the tensor whose pixels are walked: dx or y

    /// Number of positions of a window that exist.
    [[nodiscard]] KOKKOS_INLINE_FUNCTION Index inside(Index o) const {
        Index count = 0;
        for (Index k = 0; k < size; ++k) {
            Index const i = o * stride - pad + k * dilation;
            count += i >= 0 && i < input_extent ? 1 : 0;
        }
        return count;
    }
    /// First output whose window reaches position i, not below 0; the last one is (i + pad) / stride.
    [[nodiscard]] KOKKOS_INLINE_FUNCTION Index first_output(Index i) const {
        Index const lowest = i + pad - (size - 1) * dilation;
        return lowest <= 0 ? 0 : (lowest + stride - 1) / stride;
    }
    [[nodiscard]] KOKKOS_INLINE_FUNCTION Index last_output(Index i) const {
        Index const last = (i + pad) / stride;
        return last < output_extent ? last : output_extent - 1;
    }
    /// Offset in o's window of position i, or -1 where dilation leaves it out.
    [[nodiscard]] KOKKOS_INLINE_FUNCTION Index offset(Index i, Index o) const {
        Index const distance = i + pad - o * stride;
        Index const k = distance / dilation;
        return k * dilation == distance ? k : -1;
    }
};

using PoolAxes = std::array<PoolAxis, 3>;

inline PoolAxes pool_axes(Windows const& windows, Shape const& input, Shape const& output, Box const& walked) {
    PoolAxes axes{};
    for (std::size_t i = 0; i < axes.size(); ++i) {
        Window const& window = windows[i];
        axes[i] = {window.size,     window.stride,          window.pad_lo,
                   window.dilation, input.extents()[i + 1], output.extents()[i + 1],
                   walked.lo[i + 1]};
    }
    return axes;
}

template <class Functor>
void set_axes(Functor& functor, PoolAxes const& axes) {
    for (int i = 0; i < 3; ++i) { functor.axis[i] = axes[static_cast<std::size_t>(i)]; }
}

}  // namespace aureole::native
