#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

/// y = a + b, element by element. Inputs: a, b of one shape. Output: y.
class Add : public Operator {
  public:
    [[nodiscard]] std::string_view kind() const override { return "add"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    void differentiate(Backward& backward) const override;
    [[nodiscard]] Recompute recompute() const override { return Recompute::cheap; }
    [[nodiscard]] int in_place(std::size_t /*output*/) const override { return 0; }
};

}  // namespace aureole
