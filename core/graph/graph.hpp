#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "core/ops/operator.hpp"

namespace aureole {

using ValueId = std::int32_t;
using NodeId = std::int32_t;
inline constexpr std::int32_t none = -1;

/// What a value is to the run; it decides how long its memory lives and who fills it.
enum class Role : std::uint8_t {
    input,       ///< filled from elsewhere: images and labels by the loader, what other stages send
    parameter,   ///< trained; persists
    state,       ///< running statistics, metric counters; persists, not trained
    activation,  ///< result of a node, forward or backward
    gradient,    ///< gradient of a parameter; lives until the optimizer has used it
    loss,        ///< a scalar reported to the user
};

/// How a parameter or state is filled at the start, drawn by its name and the run's seed.
struct Initializer {
    enum class Kind : std::uint8_t { constant, normal, uniform };
    Kind kind = Kind::constant;
    double a = 0;  ///< value, mean or lower bound
    double b = 0;  ///< unused, standard deviation or upper bound
};

/// Part of a step that a node belongs to: F, I and W of a schedule; recomputed forward nodes belong to `recompute`.
enum class Phase : std::uint8_t { forward, recompute, input_gradient, weight_gradient };

struct Value {
    std::string name;  ///< unique, e.g. "layer1.0.conv1.weight"
    ValueType type;
    Role role = Role::activation;
    NodeId producer = none;
    Initializer initializer;         ///< parameters and state only
    bool decay = true;               ///< parameters only: weight decay applies (not to biases and norms unless asked)
    Phase arrives = Phase::forward;  ///< inputs only: the part of a step before which they are filled
};

struct Node {
    std::string name;
    OperatorPtr op;
    std::vector<ValueId> inputs, outputs;
    Phase phase = Phase::forward;
    int unit = 0;  ///< index into Graph::units; backward nodes carry their forward node's unit
};

/// A network over global shapes: no ranks, no memory. Nodes are kept in an order in which they can run.
class Graph {
  public:
    /// Throws Error(bad_deck) if the tensor is larger than any that is planned (core/tensor/extent.hpp). The name
    /// stays.
    ValueId add_value(Value value);
    /// Appends a node; output types come from the operator's shape rule. Outputs are named after the node
    /// (further outputs get ".1", ".2" ...).
    NodeId add_node(std::string name, OperatorPtr op, std::vector<ValueId> inputs, Phase phase = Phase::forward);
    /// Starts a unit: cuts between stages and recomputed blocks fall between units. One that is still empty is
    /// replaced.
    void begin_unit(std::string name);
    /// Lets the current unit stand without a node: the same network has one there in training.
    void keep_unit() { unit_is_empty_ = false; }

    [[nodiscard]] Value const& value(ValueId id) const { return values_[static_cast<std::size_t>(id)]; }
    [[nodiscard]] Value& value(ValueId id) { return values_[static_cast<std::size_t>(id)]; }
    [[nodiscard]] Node const& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
    [[nodiscard]] Node& node(NodeId id) { return nodes_[static_cast<std::size_t>(id)]; }
    [[nodiscard]] std::vector<Value> const& values() const { return values_; }
    [[nodiscard]] std::vector<Node> const& nodes() const { return nodes_; }
    [[nodiscard]] std::vector<std::string> const& units() const { return units_; }
    /// The first value of that name, or `none`.
    [[nodiscard]] ValueId find(std::string_view name) const;
    /// Every node that reads the value, in order.
    [[nodiscard]] std::vector<NodeId> consumers(ValueId id) const;
    /// Replaces the node list (passes that reorder, insert or drop nodes); producers are recomputed.
    void replace_nodes(std::vector<Node> nodes);

    /// Gradient value of a parameter, or `none` before differentiation.
    [[nodiscard]] ValueId gradient_of(ValueId parameter) const;
    void set_gradient(ValueId parameter, ValueId gradient);

  private:
    std::vector<Value> values_;
    std::vector<Node> nodes_;
    std::vector<std::string> units_;
    bool unit_is_empty_ = false;
    std::vector<ValueId> gradients_;  ///< by parameter's value id
    std::unordered_map<std::string, ValueId> names_;
};

}  // namespace aureole
