#pragma once
#include "core/graph/graph.hpp"

namespace aureole {

/// Which forward results are computed again in the backward pass instead of being kept.
enum class RecomputeMode : std::uint8_t {
    none,    ///< keep all
    cheap,   ///< compute memory-bound results again: activations, normalised outputs, concatenations
    blocks,  ///< keep only what crosses from unit to unit; everything inside a unit is computed again
};

/// Rewrites a differentiated graph: before the first backward node that reads a dropped value, clones of the nodes that
/// produced it are inserted (Phase::recompute). Values in `keep` are not dropped.
///
/// cheap drops a result only if it is at most two cheap operators away from kept values, so that a chain of residual
/// additions is not computed again from its beginning at every block. (Chen, Xu, Zhang, Guestrin, "Training deep nets
/// with sublinear memory cost", 2016, for blocks.)
void recompute(Graph& graph, RecomputeMode mode, std::vector<ValueId> const& keep = {});

}  // namespace aureole
