#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

/// What every loss has. Its output 0 is the scalar weight * mean, f64; the gradient it emits is
/// weight * gradient_scale * d(mean) / d(logits), in the type of the logits.
struct LossAttributes {
    double weight = 1;          ///< share in the total loss
    double gradient_scale = 1;  ///< 1 / micro-batches, so that gradients over a batch add up to its mean
};

/// Type of a loss and of sums that belong to it.
[[nodiscard]] inline ValueType loss_type(Shape const& shape = {}) { return {DType::f64, shape}; }

}  // namespace aureole
