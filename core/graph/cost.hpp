#pragma once
#include "core/graph/graph.hpp"

namespace aureole {

/// Work of one execution of a node over its whole tensors.
[[nodiscard]] Cost cost_of(Graph const& graph, Node const& node);

}  // namespace aureole
