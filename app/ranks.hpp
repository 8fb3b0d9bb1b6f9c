#pragma once
#include <vector>

#include "io/deck/deck.hpp"
#include "parallel/grid/comm.hpp"
#include "parallel/program/program.hpp"

namespace aureole {

/// The grid of tiles that a deck asks for.
[[nodiscard]] TileGrid grid_of(Deck const& deck);

/// Throws bad_deck unless the launcher started as many processes as the deck's grid has ranks; the message names what
/// fits.
void require_ranks(Deck const& deck, int started);

/// Values of a tensor cut into tiles, put together on rank 0 in memory order; empty on the other ranks. All ranks call.
/// `spec` is this rank's part; parts may overlap.
[[nodiscard]] std::vector<double> gather(Comm const* comm, TensorSpec const& spec, Tensor const& tensor);

}  // namespace aureole
