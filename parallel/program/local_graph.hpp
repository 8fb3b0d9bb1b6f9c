#pragma once
#include <map>
#include <memory>
#include <set>

#include "core/graph/graph.hpp"
#include "core/graph/memory_plan.hpp"
#include "parallel/grid/layout.hpp"

namespace aureole {

/// A graph as one rank of a grid runs it: the same mathematics over local parts, with exchanges and reductions between.
struct LocalGraph {
    Graph graph;                                         ///< values of the global graph keep their ids
    std::vector<std::shared_ptr<Layout const>> layouts;  ///< by value: what every rank holds of it
    std::vector<Inside> inside;                          ///< values that lie in the memory of others
    std::vector<Inside> may_be_strided;    ///< tiles that may lie in the memory of the same with their halo, with other
                                           ///< elements between their rows, if all kernels that meet them can
    std::map<ValueId, Inside> strided;     ///< those of them that do, chosen with the kernels
    std::set<ValueId> partial_gradients;   ///< sums over this rank's pixels only, to be added up after the last
                                           ///< micro-batch
    std::set<std::string> partial_states;  ///< counters of this rank's pixels only
    std::set<std::string> tile_norms;      ///< nodes that take their tile for the whole image
    int rank = 0;

    [[nodiscard]] Box box(ValueId id) const { return (*layouts[static_cast<std::size_t>(id)])[rank]; }
    /// What this rank holds of a value.
    [[nodiscard]] TensorSpec spec(ValueId id) const;
};

/// The graph of the only rank: nothing is changed.
[[nodiscard]] LocalGraph whole(Graph graph);

}  // namespace aureole
