#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

enum class PoolKind : std::uint8_t { max, average };

struct PoolAttributes {
    Windows window{};
    PoolKind kind = PoolKind::max;
    bool count_padding = true;  ///< average: divide by the window's volume, padding included, or by the pixels in it
};

/// Type of the index that max pooling saves: u8 while every offset in the window fits.
[[nodiscard]] DType pool_index_type(PoolAttributes const& attributes);

/// Maximum or average over windows, channel by channel. Input: x (n, d, h, w, c). Outputs: y and, for the maximum, its
/// flat offset (t * r_size + r) * s_size + s in the window; the first one in that order if several are equal. Padding
/// never is the maximum; NaN is greater than any number.
class Pool : public Operator {
  public:
    explicit Pool(PoolAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] PoolAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "pool"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] Cost cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const override;
    void differentiate(Backward& backward) const override;

  private:
    PoolAttributes attributes_;
};

/// dx of Pool. Inputs: dy, [index of the maximum]. Output: dx of the given global shape: each pixel sums over the
/// windows that hold it, so no two threads write the same place.
class PoolInputGradient : public Operator {
  public:
    PoolInputGradient(PoolAttributes attributes, Shape input) : attributes_(attributes), input_(input) {}
    [[nodiscard]] PoolAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] Shape const& input_shape() const { return input_; }
    [[nodiscard]] std::string_view kind() const override { return "pool_input_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;

  private:
    PoolAttributes attributes_;
    Shape input_;
};

}  // namespace aureole
