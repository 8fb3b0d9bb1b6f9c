#pragma once
#include "core/graph/graph.hpp"

namespace aureole {

/// Merges forward nodes so that fewer passes over memory remain; run before differentiate(). The result keeps the name
/// of the last merged node. Merged are, where the inner results have no other user:
/// normalize -> add (a residual), normalize -> activation, normalize -> add -> activation, conv -> add.
/// Values in `keep` are not merged away.
void fuse(Graph& graph, std::vector<ValueId> const& keep = {});

}  // namespace aureole
