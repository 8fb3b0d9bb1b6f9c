#pragma once
#include "core/ops/loss.hpp"

namespace aureole {

struct SoftmaxCrossEntropyAttributes {
    LossAttributes loss;
    double label_smoothing = 0;  ///< target probabilities (1 - s) one_hot + s / classes
};

/// Cross-entropy between the softmax of the logits and the labels; mean over the positions that count.
///
/// Inputs: logits (n, d, h, w, c), labels i32 (n, d, h, w, 1). Output: loss. A label outside [0, c) that is not ignored
/// makes the loss NaN.
class SoftmaxCrossEntropy : public Operator {
  public:
    explicit SoftmaxCrossEntropy(SoftmaxCrossEntropyAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] SoftmaxCrossEntropyAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "softmax_cross_entropy"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::whole(); }
    [[nodiscard]] int reduced_input() const override { return 0; }
    void differentiate(Backward& backward) const override;
    [[nodiscard]] Recompute recompute() const override { return Recompute::never; }

  private:
    SoftmaxCrossEntropyAttributes attributes_;
};

/// dlogits = weight * gradient_scale / count * (softmax - target). Inputs: logits, labels. Output: dlogits.
class SoftmaxCrossEntropyInputGradient : public Operator {
  public:
    explicit SoftmaxCrossEntropyInputGradient(SoftmaxCrossEntropyAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] SoftmaxCrossEntropyAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "softmax_cross_entropy_input_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t /*input*/) const override {
        return {{Reach::same, Reach::same, Reach::same, Reach::same, Reach::all}, {}};
    }

  private:
    SoftmaxCrossEntropyAttributes attributes_;
};

}  // namespace aureole
