#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

/// Gradient of a bias: sums over all pixels. Input: dy (n, d, h, w, c). Output: db (1, 1, 1, 1, c), in the accumulation
/// type; accumulates over micro-batches.
class BiasGradient : public Operator {
  public:
    [[nodiscard]] std::string_view kind() const override { return "bias_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] int reduced_input() const override { return 0; }
    [[nodiscard]] bool accumulates() const override { return true; }
};

}  // namespace aureole
