#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

/// Channels of several tensors side by side. Inputs: any number of x_i (n, d, h, w, c_i). Output: (n, d, h, w, sum
/// c_i).
class Concat : public Operator {
  public:
    [[nodiscard]] std::string_view kind() const override { return "concat"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    /// Every input gets its channels of dy.
    void differentiate(Backward& backward) const override;
    [[nodiscard]] Recompute recompute() const override { return Recompute::cheap; }
};

}  // namespace aureole
