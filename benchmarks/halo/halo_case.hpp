#pragma once
#include "benchmarks/halo/halo_options.hpp"
#include "core/ops/conv.hpp"
#include "parallel/grid/layout.hpp"

namespace aureole::benchmarks {

/// A convolution of stride 1 that keeps the extent of an image, cut into tiles.
struct HaloCase {
    Shape x;                      ///< the whole image (n, 1, h, w, c)
    Index filters = 1;            ///< output channels
    std::array<Index, 2> kernel;  ///< odd extents along (h, w)
    TileGrid grid;
    DType dtype = DType::f32;

    [[nodiscard]] Shape y() const { return {x.n, x.d, x.h, x.w, filters}; }
    [[nodiscard]] ConvAttributes attributes() const;
    /// What every rank owns of the image.
    [[nodiscard]] Layout owned() const { return Layout::tiled(grid, x); }
    /// What every rank needs of it for its tile of the result.
    [[nodiscard]] Layout needed() const;
    [[nodiscard]] Layout results() const { return Layout::tiled(grid, y()); }
    [[nodiscard]] bool is_square() const { return kernel[0] == kernel[1]; }
    /// "f32/512x512/batch_1/channels_16_to_16/kernel_3x3/tiles_1x2"
    [[nodiscard]] std::string name() const;
};

/// Every combination of the options for a number of ranks, each grid once: kernels in both directions, and in one.
[[nodiscard]] std::vector<HaloCase> halo_cases(HaloOptions const& options, int ranks);

}  // namespace aureole::benchmarks
