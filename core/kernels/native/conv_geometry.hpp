#pragma once
#include <array>
#include <vector>

#include "core/ops/conv.hpp"

namespace aureole::native {

/// Where the pixels of a local tensor lie in memory, in elements. Positions count from a corner that the maker chooses
/// (the image's, or another tensor's), so that halos and tiles need no special case in a kernel.
struct Place {
    Index origin, n, d, h, w;

    [[nodiscard]] AUREOLE_FUNCTION Index at(Index in, Index id, Index ih, Index iw) const {
        return origin + in * n + id * d + ih * h + iw * w;
    }
};

/// Place of the part `tensor.box` of a tensor for positions that count from `corner` (n, d, h, w) of the global tensor.
[[nodiscard]] Place place_of(TensorSpec const& tensor, std::array<Index, 4> const& corner);

/// Place for local positions of `tensor`.
[[nodiscard]] Place local_place(TensorSpec const& tensor);

/// Place for samples that count from `reference`'s box and for global pixels.
[[nodiscard]] Place global_place(TensorSpec const& tensor, TensorSpec const& reference);

/// One axis of a gathering convolution over a lattice of local output positions first_out + j * step_out, j < count.
///
/// Tap q reads the global source position (first + q * tap) / divisor + j * step_source, provided that the division
/// leaves no rest and the position exists. With divisor 1 that is a convolution; with divisor = stride, tap = -dilation
/// and one lattice per residue of the stride it is the input gradient of one.
struct GatherAxis {
    Index count, first_out, step_out;
    Index taps, first, tap, divisor, step_source;
    Index extent;  ///< of the source, global: beyond it lies zero padding
};

using Lattice = std::array<GatherAxis, 3>;

/// The lattice of a convolution from `x` to `y`.
[[nodiscard]] Lattice conv_lattice(Windows const& windows, TensorSpec const& x, TensorSpec const& y);

/// The lattices of the input gradient from `dy` to `dx`: along every axis one per residue of the stride, so that all
/// positions of a lattice use the same taps.
[[nodiscard]] std::vector<Lattice> input_gradient_lattices(Windows const& windows, TensorSpec const& dy,
                                                           TensorSpec const& dx);

/// One axis of a convolution seen from its output: local position o reads global o * stride + first + q * dilation.
struct WeightAxis {
    Index count;  ///< output positions here
    Index taps, stride, first, dilation;
    Index extent;  ///< of the input, global
};

/// How a weight gradient walks over x and dy.
struct WeightGeometry {
    std::array<WeightAxis, 3> axis;
    Place in, out;
    Index pixels;  ///< output pixels here
};
[[nodiscard]] WeightGeometry weight_geometry(Windows const& windows, TensorSpec const& x, TensorSpec const& dy);

}  // namespace aureole::native
