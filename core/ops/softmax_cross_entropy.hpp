#pragma once
#include <optional>

#include "core/ops/loss.hpp"

namespace aureole {

struct SoftmaxCrossEntropyAttributes {
    LossAttributes loss;
    std::optional<Index> ignore_index;  ///< positions with this label do not count
    double label_smoothing = 0;         ///< target probabilities (1 - s) one_hot + s / classes
};

/// Cross-entropy between the softmax of the logits and the labels; mean over the positions that count.
///
/// Inputs: logits (n, d, h, w, c), labels i32 (n, d, h, w, 1). Outputs: loss; if there is an ignore_index also the
/// number of positions that count, as f64 (if it is 0, so is the loss). A label outside [0, c) makes the loss NaN.
class SoftmaxCrossEntropy : public Operator {
  public:
    explicit SoftmaxCrossEntropy(SoftmaxCrossEntropyAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] SoftmaxCrossEntropyAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "softmax_cross_entropy"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::whole(); }
    [[nodiscard]] int reduced_input() const override { return 0; }
    [[nodiscard]] Combine combine() const override {
        return attributes_.ignore_index ? Combine::weighted_mean : Combine::sum;
    }
    void differentiate(Backward& backward) const override;
    [[nodiscard]] Recompute recompute() const override { return Recompute::never; }

  private:
    SoftmaxCrossEntropyAttributes attributes_;
};

/// dlogits = weight * gradient_scale / count * (softmax - target). Inputs: logits, labels, [count]. Output: dlogits.
class SoftmaxCrossEntropyInputGradient : public Operator {
  public:
    explicit SoftmaxCrossEntropyInputGradient(SoftmaxCrossEntropyAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] SoftmaxCrossEntropyAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "softmax_cross_entropy_input_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;

  private:
    SoftmaxCrossEntropyAttributes attributes_;
};

}  // namespace aureole
