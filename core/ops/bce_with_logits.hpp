#pragma once
#include "core/ops/loss.hpp"

namespace aureole {

struct BceWithLogitsAttributes {
    LossAttributes loss;
    double positive_weight = 1;  ///< factor on the terms of positive targets
};

/// Binary cross-entropy of the sigmoid of the logits, mean over the elements that count, in the form that cannot
/// overflow: (1 - t) z + (1 + (p - 1) t) (log(1 + exp(-|z|)) + max(-z, 0)) for logit z, target t and positive weight p.
///
/// Inputs: logits (n, d, h, w, c), targets of the same shape, f32, f64 or i32. Output: loss.
class BceWithLogits : public Operator {
  public:
    explicit BceWithLogits(BceWithLogitsAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] BceWithLogitsAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "bce_with_logits"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::whole(); }
    [[nodiscard]] int reduced_input() const override { return 0; }
    void differentiate(Backward& backward) const override;
    [[nodiscard]] Recompute recompute() const override { return Recompute::never; }

  private:
    BceWithLogitsAttributes attributes_;
};

/// Inputs: logits, targets. Output: dlogits.
class BceWithLogitsInputGradient : public Operator {
  public:
    explicit BceWithLogitsInputGradient(BceWithLogitsAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] BceWithLogitsAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "bce_with_logits_input_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::pointwise(); }

  private:
    BceWithLogitsAttributes attributes_;
};

}  // namespace aureole
