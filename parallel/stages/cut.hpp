#pragma once
#include <span>
#include <vector>

#include "core/graph/differentiate.hpp"
#include "parallel/schedule/schedule.hpp"

namespace aureole {

/// A value that one stage makes and another one reads.
struct Crossing {
    ValueId value = none;
    int from = 0, to = 0;   ///< stages
    bool backward = false;  ///< a gradient, on its way to an earlier stage
    friend bool operator==(Crossing const&, Crossing const&) = default;
};

/// A graph in parts: every stage holds the nodes, forward and backward, of consecutive units.
struct StagedGraph {
    /// Values keep the ids of the whole graph. What a stage reads of others is an input there; what it does not know
    /// is an activation that no node makes.
    std::vector<Graph> stages;
    std::vector<Crossing> crossings;  ///< by value, then stage: several users in one stage need one
};

/// Pairs of stages of which the second reads activations of the first.
[[nodiscard]] std::vector<Link> links_of(StagedGraph const& staged);

/// Cuts before the units `first_units` (the first of them 0, ascending). Throws bad_deck if a stage is empty, or if a
/// later stage would have to wait for the backward pass of an earlier one.
[[nodiscard]] StagedGraph cut(Graph const& graph, std::span<int const> first_units);

/// Activations that later stages read: they are stored, not recomputed, or the stages could not run on their own.
[[nodiscard]] std::vector<ValueId> crossing_activations(Graph const& graph, std::span<int const> first_units);

}  // namespace aureole
