#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

struct DropoutAttributes {
    double rate = 0.5;         ///< probability of a zero, in [0, 1)
    std::uint64_t stream = 0;  ///< identity for random numbers; forward and backward pass draw the same mask
};

/// y = x / (1 - rate) where a random number of the element's place in the whole batch is at least the rate, else 0
/// (Srivastava et al., "Dropout", 2014). The mask depends on seed, step, stream and global place only, so it is the
/// same on every grid and in every recomputation; it is its own gradient rule. Input: x. Output: y, in place.
class Dropout : public Operator {
  public:
    explicit Dropout(DropoutAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] DropoutAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "dropout"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    void differentiate(Backward& backward) const override;
    [[nodiscard]] Recompute recompute() const override { return Recompute::cheap; }
    [[nodiscard]] int in_place(std::size_t /*output*/) const override { return 0; }

  private:
    DropoutAttributes attributes_;
};

}  // namespace aureole
