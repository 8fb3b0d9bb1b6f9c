#pragma once
#include "parallel/program/local_graph.hpp"
#include "parallel/stages/cut.hpp"
#include "parallel/stages/pipeline_grid.hpp"

namespace aureole {

/// How a value goes from the ranks of one stage to those of another: every rank of the second receives what it needs,
/// halo included, from whatever ranks of the first hold it. No rank collects the whole.
struct HandOver {
    Crossing crossing;
    Layout from, to;  ///< over the ranks of a replica; `from` has every pixel once
};

/// `locals`: every stage lowered for one of its ranks, whichever: layouts are the same on all.
[[nodiscard]] std::vector<HandOver> plan_hand_overs(StagedGraph const& staged,
                                                    std::vector<LocalGraph const*> const& locals,
                                                    PipelineGrid const& grid);

}  // namespace aureole
