#include "core/graph/cost.hpp"

namespace aureole {

Cost cost_of(Graph const& graph, Node const& node) {
    std::vector<ValueType> inputs, outputs;
    for (ValueId const id : node.inputs) { inputs.push_back(graph.value(id).type); }
    for (ValueId const id : node.outputs) { outputs.push_back(graph.value(id).type); }
    return node.op->cost(inputs, outputs);
}

}  // namespace aureole
