#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

/// The same memory seen with other extents of equal volume. Flattening (n, d, h, w, c) to (n, 1, 1, 1, d h w c) orders
/// features by (d, h, w, c); PyTorch, channels first, orders them by (c, d, h, w). Input: x. Output: y.
class Reshape : public Operator {
  public:
    explicit Reshape(Shape to) : to_(to) {}
    [[nodiscard]] std::string_view kind() const override { return "reshape"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    void differentiate(Backward& backward) const override;
    [[nodiscard]] Recompute recompute() const override { return Recompute::cheap; }
    [[nodiscard]] bool is_view() const override { return true; }

  private:
    Shape to_;
};

}  // namespace aureole
