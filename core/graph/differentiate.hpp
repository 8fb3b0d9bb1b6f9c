#pragma once
#include "core/graph/graph.hpp"

namespace aureole {

/// Appends the backward pass: for every node that leads from a parameter to a loss, in reverse order, the operators of
/// its gradient rule. Afterwards Graph::gradient_of names the gradient of every trained parameter.
///
/// `also` names further values whose gradients are wanted (tests, dumps of input gradients); the result has one
/// gradient value for each, `none` where nothing contributes.
std::vector<ValueId> differentiate(Graph& graph, std::vector<ValueId> const& also = {});

}  // namespace aureole
