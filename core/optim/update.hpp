#pragma once
#include "core/graph/graph.hpp"
#include "core/optim/optimizer.hpp"

namespace aureole {

/// One optimizer step of one parameter as a node of the graph; RunContext gives learning rate and number of the update.
/// Inputs: dw, w (updated in place), the slots of optimizer_slots() (updated in place). No outputs.
class OptimizerUpdate : public Operator {
  public:
    OptimizerUpdate(OptimizerSettings settings, bool decay) : settings_(settings), decay_(decay) {}
    [[nodiscard]] OptimizerSettings const& settings() const { return settings_; }
    [[nodiscard]] bool decay() const { return decay_; }
    [[nodiscard]] std::string_view kind() const override { return "optimizer_update"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::pointwise(); }
    [[nodiscard]] Recompute recompute() const override { return Recompute::never; }
    [[nodiscard]] bool writes_input(std::size_t input) const override { return input > 0; }

  private:
    OptimizerSettings settings_;
    bool decay_;
};

/// Name of the persistent tensor of a slot of a parameter: "optimizer/<slot>/<parameter>".
[[nodiscard]] std::string slot_name(std::string_view slot, std::string const& parameter);

/// Puts the update of every parameter behind the last node that reads it or its gradient, so that a gradient lives for
/// a moment only, instead of until the end of the backward pass. For one micro-batch and no clipping by the joint norm;
/// the results are those of optimizer_step().
void insert_updates(Graph& graph, OptimizerSettings const& settings);

}  // namespace aureole
