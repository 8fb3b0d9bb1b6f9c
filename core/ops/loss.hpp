#pragma once
#include <algorithm>
#include <limits>
#include <optional>

#include "core/ops/operator.hpp"

namespace aureole {

/// What every loss has. Its output 0 is the scalar weight * mean, f64; the gradient it emits is
/// weight * gradient_scale * d(mean) / d(logits), in the type of the logits.
///
/// The mean is the sum over the labels that count, divided by RunContext::counted_labels (losses over whole samples:
/// RunContext::counted_samples), which knows the whole batch: so the sums of all parts of a batch, wherever they are
/// computed, add up to its mean. A division by 0 gives 0.
struct LossAttributes {
    double weight = 1;                  ///< share in the total loss
    double gradient_scale = 1;          ///< 1 / micro-batches, so that gradients over a batch add up to its mean
    std::optional<Index> ignore_label;  ///< what has this label does not count: neither in sums nor in gradients
};

/// The number as which an integer label is held in a tensor of type i32, f32 or f64; integers outside the range of i32
/// are held there as the nearest one, as HDF5 converts them.
[[nodiscard]] inline double label_in(DType type, Index label) {
    using Limits = std::numeric_limits<std::int32_t>;
    if (type == DType::i32) { return static_cast<double>(std::clamp<Index>(label, Limits::min(), Limits::max())); }
    return type == DType::f32 ? static_cast<double>(static_cast<float>(label)) : static_cast<double>(label);
}

/// Type of a loss and of sums that belong to it.
[[nodiscard]] inline ValueType loss_type(Shape const& shape = {}) { return {DType::f64, shape}; }

}  // namespace aureole
