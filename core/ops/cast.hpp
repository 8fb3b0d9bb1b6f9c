#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

/// The same values in another floating-point type, rounded to nearest even. Input: x. Output: y.
class Cast : public Operator {
  public:
    explicit Cast(DType to) : to_(to) {}
    [[nodiscard]] std::string_view kind() const override { return "cast"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    void differentiate(Backward& backward) const override;
    [[nodiscard]] Recompute recompute() const override { return Recompute::cheap; }

  private:
    DType to_;
};

}  // namespace aureole
