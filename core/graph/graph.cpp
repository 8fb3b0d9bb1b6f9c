#include "core/graph/graph.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"

namespace aureole {

ValueId Graph::add_value(Value value) {
    values_.push_back(std::move(value));
    gradients_.push_back(none);
    return static_cast<ValueId>(values_.size() - 1);
}

NodeId Graph::add_node(std::string name, OperatorPtr op, std::vector<ValueId> inputs, Phase phase) {
    std::vector<ValueType> types;
    types.reserve(inputs.size());
    for (ValueId const id : inputs) { types.push_back(value(id).type); }
    std::vector<ValueType> results;
    try {
        results = op->infer(types);
    } catch (Error const& error) { throw Error(error.code(), fmt::format("{}: {}", name, error.what())); }

    auto const id = static_cast<NodeId>(nodes_.size());
    int const unit = units_.empty() ? 0 : static_cast<int>(units_.size()) - 1;
    Node node{std::move(name), std::move(op), std::move(inputs), {}, phase, unit};
    for (std::size_t i = 0; i < results.size(); ++i) {
        std::string const suffix = i == 0 ? "" : fmt::format(".{}", i);
        node.outputs.push_back(add_value({node.name + suffix, results[i], Role::activation, id, {}, true}));
    }
    nodes_.push_back(std::move(node));
    unit_is_empty_ = false;
    return id;
}

void Graph::begin_unit(std::string name) {
    if (unit_is_empty_) { units_.pop_back(); }
    unit_is_empty_ = true;
    units_.push_back(std::move(name));
}

ValueId Graph::find(std::string_view name) const {
    for (std::size_t i = 0; i < values_.size(); ++i) {
        if (values_[i].name == name) { return static_cast<ValueId>(i); }
    }
    return none;
}

std::vector<NodeId> Graph::consumers(ValueId id) const {
    std::vector<NodeId> found;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        auto const& inputs = nodes_[i].inputs;
        if (std::find(inputs.begin(), inputs.end(), id) != inputs.end()) { found.push_back(static_cast<NodeId>(i)); }
    }
    return found;
}

void Graph::replace_nodes(std::vector<Node> nodes) {
    nodes_ = std::move(nodes);
    for (Value& value : values_) { value.producer = none; }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        for (ValueId const output : nodes_[i].outputs) { value(output).producer = static_cast<NodeId>(i); }
    }
}

ValueId Graph::gradient_of(ValueId parameter) const { return gradients_[static_cast<std::size_t>(parameter)]; }
void Graph::set_gradient(ValueId parameter, ValueId gradient) {
    gradients_[static_cast<std::size_t>(parameter)] = gradient;
}

}  // namespace aureole
