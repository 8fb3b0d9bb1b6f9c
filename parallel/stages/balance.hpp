#pragma once
#include <span>
#include <vector>

#include "parallel/program/machine_model.hpp"

namespace aureole {

/// What the units of a network weigh, forward and backward pass of one micro-batch.
struct UnitWeight {
    double flops = 0;
    double seconds = 0;  ///< by the machine model
    double bytes = 0;    ///< activations that are made
};
[[nodiscard]] std::vector<UnitWeight> weigh_units(Graph const& graph, MachineModel const& machine = {});

/// First units of stages such that the largest weight of a rank is least: a stage's weight is that of its units over
/// the ranks that share it. Every stage has at least one unit; throws bad_deck if there are too few.
[[nodiscard]] std::vector<int> balance(std::span<double const> weights, std::span<int const> ranks);

/// As many units for every stage as can be, the rest for the last one.
[[nodiscard]] std::vector<int> cut_uniformly(int units, int stages);

}  // namespace aureole
