#pragma once
#include "parallel/program/local_graph.hpp"
#include "parallel/program/machine_model.hpp"

namespace aureole {

/// Seconds that a rank's graph takes by the model, nothing of the messages hidden.
[[nodiscard]] double estimate_seconds(LocalGraph const& local, MachineModel const& machine = {});

/// The chain length from 1 to `longest` with the least estimate for this grid; judged at rank 0, so that all ranks
/// agree.
[[nodiscard]] int best_chain(Graph const& graph, TileGrid const& grid, int longest = 4);

}  // namespace aureole
