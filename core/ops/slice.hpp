#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

/// The range [begin, end) of one axis.
struct SliceAttributes {
    Axis axis = Axis::c;
    Index begin = 0, end = 1;
};

/// Part of x along one axis. Input: x. Output: y.
class Slice : public Operator {
  public:
    explicit Slice(SliceAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] SliceAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "slice"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    void differentiate(Backward& backward) const override;
    [[nodiscard]] Recompute recompute() const override { return Recompute::cheap; }

  private:
    SliceAttributes attributes_;
};

/// dx of Slice: dy in its range, zero outside. Input: dy. Output: dx of the given global shape.
class SliceInputGradient : public Operator {
  public:
    SliceInputGradient(SliceAttributes attributes, Shape input) : attributes_(attributes), input_(input) {}
    [[nodiscard]] SliceAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "slice_input_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;

  private:
    SliceAttributes attributes_;
    Shape input_;
};

}  // namespace aureole
