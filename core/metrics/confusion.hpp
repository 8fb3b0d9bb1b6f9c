#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

struct MetricConfusionAttributes {
    std::optional<Index> ignore_label;  ///< pixels with this label do not count
};

/// Shape (1, 1, 1, k, k) of the confusion matrix for logits of c channels, k = max(c, 2): row = label, column =
/// prediction. Counts are f64, exact up to 2^53.
[[nodiscard]] Shape metric_confusion_shape(Shape const& logits);

/// Adds the pixels of a batch to a confusion matrix, from which scores.hpp computes accuracy, IoU, Dice and F1.
///
/// Inputs: logits (n, d, h, w, c) of any floating type, labels (n, d, h, w, 1), counts (state, updated in place).
/// No outputs. Several channels: labels are classes, i32; the prediction is the channel of the largest logit, the first
/// of equal ones. One channel: labels are i32 or floating, positive (class 1) above 1/2; the prediction is positive if
/// the logit is above 0, i.e. the probability above 1/2. Pixels whose label is ignore_label or no class and samples
/// beyond RunContext::valid_samples do not count.
class MetricConfusion : public Operator {
  public:
    explicit MetricConfusion(MetricConfusionAttributes attributes = {}) : attributes_(attributes) {}
    [[nodiscard]] MetricConfusionAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "metric_confusion"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::whole(); }
    [[nodiscard]] int reduced_input() const override { return 0; }
    /// Nothing: counts have no gradient.
    void differentiate(Backward& /*backward*/) const override {}
    [[nodiscard]] Recompute recompute() const override { return Recompute::never; }
    [[nodiscard]] bool writes_input(std::size_t input) const override { return input == 2; }

  private:
    MetricConfusionAttributes attributes_;
};

}  // namespace aureole
