#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

struct LinearAttributes {
    Index features = 1;  ///< output channels
    bool bias = true;
};

/// y = x w + b over the channels of every pixel. Inputs: x (n, d, h, w, c), w (1, 1, 1, c, features),
/// [b (1, 1, 1, 1, features)]. Output: y (n, d, h, w, features).
class Linear : public Operator {
  public:
    explicit Linear(LinearAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] LinearAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "linear"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] Cost cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const override;
    void differentiate(Backward& backward) const override;

  private:
    LinearAttributes attributes_;
};

/// dx = dy w^T. Inputs: dy, w. Output: dx.
class LinearInputGradient : public Operator {
  public:
    explicit LinearInputGradient(LinearAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] LinearAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "linear_input_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] Cost cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const override;

  private:
    LinearAttributes attributes_;
};

/// dw = x^T dy and, if there is a bias, db. Inputs: x, dy. Outputs: dw, [db], in the accumulation type.
class LinearWeightGradient : public Operator {
  public:
    explicit LinearWeightGradient(LinearAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] LinearAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "linear_weight_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] int reduced_input() const override { return 0; }
    [[nodiscard]] Cost cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const override;
    [[nodiscard]] bool accumulates() const override { return true; }

  private:
    LinearAttributes attributes_;
};

}  // namespace aureole
