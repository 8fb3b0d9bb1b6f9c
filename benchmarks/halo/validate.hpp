#pragma once
#include "benchmarks/halo/halo_exchange.hpp"
#include "benchmarks/halo/tile_convolution.hpp"

namespace aureole::benchmarks {

// What is wrong on this rank, with its place; nothing if all is right. All ranks call together.

/// Received strips, corners and the own tile are the whole image's.
[[nodiscard]] std::optional<std::string> validate_exchange(HaloCase const& each, Comm const& comm,
                                                           HaloExchange& exchange, Tensor const& with_halo);

/// The convolution of the tile after an exchange is the slice of the whole image's, exactly: all sums are integers that
/// f32 holds.
[[nodiscard]] std::optional<std::string> validate_convolution(HaloCase const& each, Comm const& comm,
                                                              HaloExchange& exchange, TileConvolution const& tile,
                                                              TileConvolution const& whole);

}  // namespace aureole::benchmarks
