#pragma once
#include <span>

#include "core/graph/graph.hpp"

namespace aureole {

/// What a gradient rule sees: one forward node, the gradients of its outputs, and where to put those of its inputs.
class Backward {
  public:
    Backward(Graph& graph, std::vector<std::vector<ValueId>>& contributions, std::vector<bool> const& needed,
             std::span<int const> first_units = {})
        : graph_(graph), contributions_(contributions), needed_(needed), first_units_(first_units) {}
    void visit(NodeId node) { node_ = node; }

    [[nodiscard]] ValueId input(std::size_t i) const { return graph_.node(node_).inputs[i]; }
    [[nodiscard]] ValueId output(std::size_t i) const { return graph_.node(node_).outputs[i]; }
    [[nodiscard]] ValueType const& input_type(std::size_t i) const { return graph_.value(input(i)).type; }
    [[nodiscard]] ValueType const& output_type(std::size_t i) const { return graph_.value(output(i)).type; }
    /// Whether input i leads to a parameter (or is one), so that its gradient is wanted.
    [[nodiscard]] bool needs(std::size_t i) const { return needed_[static_cast<std::size_t>(input(i))]; }
    /// Gradient of output i: the contributions of all its users, added up.
    [[nodiscard]] ValueId gradient(std::size_t i);
    /// The same as one or two terms that the caller adds on the fly, which saves a pass over memory.
    [[nodiscard]] std::vector<ValueId> gradient_terms(std::size_t i);
    /// Appends a backward node and gives its outputs; the name is made from the forward node's.
    std::vector<ValueId> emit(Phase phase, OperatorPtr op, std::vector<ValueId> inputs);
    /// Adds `gradient` to the gradient of input i.
    void contribute(std::size_t i, ValueId gradient);

  private:
    Graph& graph_;
    std::vector<std::vector<ValueId>>& contributions_;
    std::vector<bool> const& needed_;
    std::span<int const> first_units_;  ///< of stages
    NodeId node_ = none;

    [[nodiscard]] ValueId add(ValueId value, ValueId a, ValueId b, std::size_t number, int unit);
    void add_within_stages(ValueId value);
    void reduce_terms(ValueId value, std::size_t most);
};

}  // namespace aureole
