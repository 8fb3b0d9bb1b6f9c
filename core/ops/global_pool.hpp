#pragma once
#include "core/ops/pool.hpp"

namespace aureole {

/// Maximum or average over all pixels of a sample. Input: x (n, d, h, w, c). Outputs: y (n, 1, 1, 1, c) and, for the
/// maximum, its index (i32, flat position (d, h, w) in the sample; the first one if several are equal).
class GlobalPool : public Operator {
  public:
    explicit GlobalPool(PoolKind pool) : pool_(pool) {}
    [[nodiscard]] PoolKind pool() const { return pool_; }
    [[nodiscard]] std::string_view kind() const override { return "global_pool"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] int reduced_input() const override { return 0; }
    [[nodiscard]] bool has_rows_of_samples(std::size_t /*output*/) const override { return true; }
    [[nodiscard]] Combine combine() const override {
        return pool_ == PoolKind::average ? Combine::sum : Combine::maximum;
    }
    void differentiate(Backward& backward) const override;

  private:
    PoolKind pool_;
};

/// dx of GlobalPool. Inputs: dy (n, 1, 1, 1, c), [index of the maximum]. Output: dx of the given global shape.
class GlobalPoolInputGradient : public Operator {
  public:
    GlobalPoolInputGradient(PoolKind pool, Shape input) : pool_(pool), input_(input) {}
    [[nodiscard]] PoolKind pool() const { return pool_; }
    [[nodiscard]] Shape const& input_shape() const { return input_; }
    [[nodiscard]] std::string_view kind() const override { return "global_pool_input_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;

  private:
    PoolKind pool_;
    Shape input_;
};

}  // namespace aureole
