#include "core/graph/graph.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"

namespace aureole {

namespace {

/// Refuses tensors with which the arithmetic of a plan would not be exact.
void require_countable(Value const& value) {
    Shape const& shape = value.type.shape;
    Extent const bytes = shape.checked_volume() * static_cast<Index>(size_of(value.type.dtype));
    require(bytes.is_at_most(most_tensor_bytes), ExitCode::bad_deck,
            "{} is a tensor {} of {} (no tensor may have more than 2^50 bytes): use smaller extents", value.name,
            to_string(shape), name_of(value.type.dtype));
    require(std::max({shape.n, shape.d, shape.h, shape.w}) <= most_axis_pixels, ExitCode::bad_deck,
            "{} is a tensor {} (no image axis may have more than {} pixels, and no batch more samples): use smaller "
            "extents",
            value.name, to_string(shape), most_axis_pixels);
}

}  // namespace

ValueId Graph::add_value(Value value) {
    require_countable(value);
    names_.try_emplace(value.name, static_cast<ValueId>(values_.size()));
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
    auto const found = names_.find(std::string(name));
    return found == names_.end() ? none : found->second;
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
