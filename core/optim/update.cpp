#include "core/optim/update.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"

namespace aureole {

std::vector<ValueType> OptimizerUpdate::infer(std::span<ValueType const> inputs) const {
    for (ValueType const& each : inputs) {
        require(each == inputs[0], "optimizer update: {} {} differs from the gradient's {} {}", name_of(each.dtype),
                to_string(each.shape), name_of(inputs[0].dtype), to_string(inputs[0].shape));
    }
    return {};
}

std::string slot_name(std::string_view slot, std::string const& parameter) {
    return fmt::format("optimizer/{}/{}", slot, parameter);
}

void insert_updates(Graph& graph, OptimizerSettings const& settings) {
    require(!settings.clip_norm, "updates within the backward pass cannot clip by the joint norm of all gradients");
    auto const nodes = static_cast<NodeId>(graph.nodes().size());
    std::vector<std::vector<NodeId>> updates_after(static_cast<std::size_t>(nodes));
    auto const parameters = static_cast<ValueId>(graph.values().size());
    for (ValueId w = 0; w < parameters; ++w) {
        ValueId const dw = graph.gradient_of(w);
        if (dw == none) { continue; }
        NodeId last = graph.value(dw).producer;
        for (ValueId const id : {w, dw}) {
            for (NodeId const reader : graph.consumers(id)) { last = std::max(last, reader); }
        }
        std::string const name = graph.value(w).name;
        std::vector<ValueId> inputs{dw, w};
        for (std::string_view const slot : optimizer_slots(settings)) {
            inputs.push_back(
                graph.add_value({slot_name(slot, name), graph.value(w).type, Role::state, none, {}, false}));
        }
        auto const update = std::make_shared<OptimizerUpdate>(settings, graph.value(w).decay);
        NodeId const node = graph.add_node(name + ".update", update, std::move(inputs), Phase::weight_gradient);
        graph.node(node).unit = graph.node(last).unit;
        updates_after[static_cast<std::size_t>(last)].push_back(node);
    }
    std::vector<Node> ordered;
    ordered.reserve(graph.nodes().size());
    for (NodeId id = 0; id < nodes; ++id) {
        ordered.push_back(graph.node(id));
        for (NodeId const update : updates_after[static_cast<std::size_t>(id)]) {
            ordered.push_back(graph.node(update));
        }
    }
    graph.replace_nodes(std::move(ordered));
}

}  // namespace aureole
