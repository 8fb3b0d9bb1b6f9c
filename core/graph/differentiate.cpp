#include "core/graph/differentiate.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "core/graph/backward.hpp"
#include "core/ops/add.hpp"

namespace aureole {

namespace {

/// Values that depend on a parameter or on one of `also`.
std::vector<bool> values_that_need_gradients(Graph const& graph, std::vector<ValueId> const& also) {
    std::vector<bool> needed(graph.values().size(), false);
    for (std::size_t i = 0; i < needed.size(); ++i) { needed[i] = graph.values()[i].role == Role::parameter; }
    for (ValueId const id : also) { needed[static_cast<std::size_t>(id)] = true; }
    for (Node const& node : graph.nodes()) {
        bool any = false;
        for (ValueId const id : node.inputs) { any = any || needed[static_cast<std::size_t>(id)]; }
        for (ValueId const id : node.outputs) {
            if (any) { needed[static_cast<std::size_t>(id)] = true; }
        }
    }
    return needed;
}

/// The single gradient of a value, summing what several users contributed.
ValueId total(Graph& graph, ValueId value, std::vector<ValueId> const& terms) {
    if (terms.empty()) { return none; }
    ValueId sum = terms[0];
    for (std::size_t i = 1; i < terms.size(); ++i) {
        NodeId const node = graph.add_node(graph.value(value).name + ".gradient_sum" + std::to_string(i),
                                           std::make_shared<Add>(), {sum, terms[i]}, Phase::input_gradient);
        sum = graph.node(node).outputs[0];
    }
    return sum;
}

}  // namespace

int stage_of_unit(std::span<int const> first_units, int unit) {
    if (first_units.empty()) { return 0; }
    auto const next = std::upper_bound(first_units.begin(), first_units.end(), unit);
    return static_cast<int>(next - first_units.begin()) - 1;
}

std::vector<ValueId> differentiate(Graph& graph, std::vector<ValueId> const& also, std::span<int const> first_units) {
    std::vector<bool> const needed = values_that_need_gradients(graph, also);
    std::vector<std::vector<ValueId>> contributions(graph.values().size());
    Backward backward(graph, contributions, needed, first_units);
    auto const forward_nodes = static_cast<NodeId>(graph.nodes().size());
    for (NodeId id = forward_nodes - 1; id >= 0; --id) {
        bool reached = false;
        for (ValueId const output : graph.node(id).outputs) {
            reached = reached || graph.value(output).role == Role::loss ||
                      !contributions[static_cast<std::size_t>(output)].empty();
        }
        bool wanted = false;
        for (ValueId const input : graph.node(id).inputs) {
            wanted = wanted || needed[static_cast<std::size_t>(input)];
        }
        if (!reached || !wanted) { continue; }
        backward.visit(id);
        OperatorPtr const op = graph.node(id).op;  // nodes move in memory while the rule emits
        op->differentiate(backward);
    }
    for (std::size_t i = 0; i < contributions.size(); ++i) {
        auto const id = static_cast<ValueId>(i);
        if (graph.value(id).role != Role::parameter || contributions[i].empty()) { continue; }
        require(contributions[i].size() == 1, "parameter {} is used more than once: weight sharing is not supported",
                graph.value(id).name);
        ValueId const gradient = contributions[i][0];
        graph.value(gradient).role = Role::gradient;
        graph.set_gradient(id, gradient);
    }
    std::vector<ValueId> gradients;
    for (ValueId const id : also) {
        gradients.push_back(total(graph, id, contributions[static_cast<std::size_t>(id)]));
    }
    return gradients;
}

}  // namespace aureole
