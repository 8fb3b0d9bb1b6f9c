#include "parallel/program/local_graph.hpp"

namespace aureole {

TensorSpec LocalGraph::spec(ValueId id) const {
    ValueType const& type = graph.value(id).type;
    TensorSpec spec{type.dtype, type.shape, box(id)};
    if (auto const found = strided.find(id); found != strided.end()) { spec.within = box(found->second.host); }
    return spec;
}

LocalGraph whole(Graph graph) {
    LocalGraph local;
    for (Value const& value : graph.values()) {
        local.layouts.push_back(std::make_shared<Layout const>(Layout::replicated(1, value.type.shape)));
    }
    local.graph = std::move(graph);
    return local;
}

}  // namespace aureole
