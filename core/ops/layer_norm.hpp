#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

struct LayerNormAttributes {
    double epsilon = 1e-5;  ///< added to the variance
};

/// Layer norm over the channels of every pixel (Ba, Kiros and Hinton, "Layer normalization", 2016):
/// y = gamma * (x - mean) * inv_std + beta with inv_std = 1 / sqrt(biased variance + epsilon).
///
/// Inputs: x, gamma, beta (1, 1, 1, 1, c). Outputs: y, and for the backward pass mean and inv_std (n, d, h, w, 1) in
/// the accumulation type.
class LayerNorm : public Operator {
  public:
    explicit LayerNorm(LayerNormAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] LayerNormAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "layer_norm"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    void differentiate(Backward& backward) const override;

  private:
    LayerNormAttributes attributes_;
};

/// dx = inv_std * (g - mean(g) - xhat * mean(g * xhat)), g = gamma * dy, means over the channels.
/// Inputs: dy, x, mean, inv_std, gamma. Output: dx, which may take over the memory of dy.
class LayerNormInputGradient : public Operator {
  public:
    [[nodiscard]] std::string_view kind() const override { return "layer_norm_input_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] int in_place(std::size_t /*output*/) const override { return 0; }
};

/// dgamma = sum of dy * xhat, dbeta = sum of dy over all pixels; both accumulate. Inputs: dy, x, mean, inv_std.
class LayerNormWeightGradient : public Operator {
  public:
    [[nodiscard]] std::string_view kind() const override { return "layer_norm_weight_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] int reduced_input() const override { return 0; }
    [[nodiscard]] bool accumulates() const override { return true; }
};

}  // namespace aureole
