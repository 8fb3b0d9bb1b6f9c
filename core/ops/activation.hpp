#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

/// Element-wise nonlinearities. GELU is that of Hendrycks and Gimpel, "Gaussian error linear units (GELUs)" (2016), in
/// its exact form x * Phi(x) and in its tanh approximation.
enum class ActivationKind : std::uint8_t { none, relu, leaky_relu, gelu_erf, gelu_tanh, sigmoid };

struct ActivationAttributes {
    ActivationKind kind = ActivationKind::none;
    double slope = 0.01;  ///< leaky_relu: factor for negative arguments
};

/// y = activation(x), element by element. Input: x. Output: y.
class Activation : public Operator {
  public:
    explicit Activation(ActivationAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] ActivationAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "activation"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    void differentiate(Backward& backward) const override;
    [[nodiscard]] Recompute recompute() const override { return Recompute::cheap; }
    [[nodiscard]] int in_place(std::size_t output) const override;

  private:
    ActivationAttributes attributes_;
};

/// dx = dy * activation'(x). Inputs: dy, x. Output: dx, which may take over the memory of dy.
class ActivationInputGradient : public Operator {
  public:
    explicit ActivationInputGradient(ActivationAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] ActivationAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "activation_input_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] int in_place(std::size_t output) const override;

  private:
    ActivationAttributes attributes_;
};

}  // namespace aureole
