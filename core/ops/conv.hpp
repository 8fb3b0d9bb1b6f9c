#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

/// Attributes of a convolution (cross-correlation, as in every deep-learning framework).
struct ConvAttributes {
    Windows window{};   ///< kernel along (d, h, w)
    Index filters = 1;  ///< output channels
    Index groups = 1;   ///< divides input and output channels
    bool bias = false;
    bool addend = false;  ///< a further input of the output's shape is added to the result (a residual)
};

/// Shape (t, r, s, input channels / groups, filters) of the weights of a convolution over `channels` input channels.
[[nodiscard]] Shape conv_weight_shape(ConvAttributes const& attributes, Index channels);

/// y[n, o, k] = b[k] + sum over window offsets and channels c of x[n, o * stride - pad + q * dilation, c] * w[q, c, k].
/// Inputs: x, [addend,] w, [b]. Output: y. Weights (t, r, s, c / groups, k), k group-major; b (1, 1, 1, 1, k).
class Conv : public Operator {
  public:
    explicit Conv(ConvAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] ConvAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "conv"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] Cost cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const override;
    void differentiate(Backward& backward) const override;

  private:
    ConvAttributes attributes_;
};

/// dx of Conv. Inputs: dy, w. Output: dx of the given global shape.
class ConvInputGradient : public Operator {
  public:
    ConvInputGradient(ConvAttributes attributes, Shape input) : attributes_(attributes), input_(input) {}
    [[nodiscard]] ConvAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] Shape const& input_shape() const { return input_; }
    [[nodiscard]] std::string_view kind() const override { return "conv_input_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] Cost cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const override;

  private:
    ConvAttributes attributes_;
    Shape input_;
};

/// dw and, if there is a bias, db of Conv. Inputs: x, dy. Outputs: dw, [db], in the accumulation type.
class ConvWeightGradient : public Operator {
  public:
    explicit ConvWeightGradient(ConvAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] ConvAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "conv_weight_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] int reduced_input() const override { return 1; }
    [[nodiscard]] Access access_by_pixel(std::size_t input) const override;
    [[nodiscard]] Cost cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const override;
    [[nodiscard]] bool accumulates() const override { return true; }

  private:
    ConvAttributes attributes_;
};

}  // namespace aureole
