#include "parallel/program/machine_model.hpp"

#include "core/graph/cost.hpp"

namespace aureole {

double seconds_of(Graph const& graph, Node const& node, MachineModel const& machine) {
    std::string_view const kind = node.op->kind();
    bool const computes = kind != "redistribute_begin" && kind != "all_reduce_begin" && kind != "all_reduce_finish" &&
                          kind != "local_part" && kind != "join_parts" && !node.op->is_view() && !node.inputs.empty();
    return computes ? machine.seconds(cost_of(graph, node)) : 0;
}

double share_of(Box const& part, Shape const& whole) {
    return static_cast<double>(part.shape().volume()) / std::max(static_cast<double>(whole.volume()), 1.0);
}

}  // namespace aureole
