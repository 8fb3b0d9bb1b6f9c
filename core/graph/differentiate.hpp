#pragma once
#include <span>

#include "core/graph/graph.hpp"

namespace aureole {

/// Appends the backward pass: for every node that leads from a parameter to a loss, in reverse order, the operators of
/// its gradient rule. Afterwards Graph::gradient_of names the gradient of every trained parameter.
///
/// `also` names further values whose gradients are wanted (tests, dumps of input gradients); the result has one
/// gradient value for each, `none` where nothing contributes.
///
/// `first_units` of stages: what one stage contributes to a gradient of an earlier one is added up in that stage, so
/// that one tensor crosses.
std::vector<ValueId> differentiate(Graph& graph, std::vector<ValueId> const& also = {},
                                   std::span<int const> first_units = {});

/// Stage of a unit, given the first unit of every stage; 0 without any.
[[nodiscard]] int stage_of_unit(std::span<int const> first_units, int unit);

}  // namespace aureole
