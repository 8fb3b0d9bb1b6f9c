#pragma once
#include "core/ops/conv.hpp"

namespace aureole {

/// Attributes of a transposed convolution. It is the input gradient of a convolution, and `window` and `groups` are
/// those of that convolution (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016).
struct TransposedConvAttributes {
    Windows window{};
    Index filters = 1;  ///< output channels
    Index groups = 1;   ///< divides input and output channels
    bool bias = false;
    std::array<Index, 3> output_padding{};  ///< further positions at the upper end, less than the stride
};

/// The convolution that maps y's shape to x's, whose input gradient the transposed convolution of `channels` input
/// channels is.
[[nodiscard]] ConvAttributes adjoint_conv(TransposedConvAttributes const& attributes, Index channels);

/// Shape (t, r, s, filters / groups, c) of the weights: those of the adjoint convolution.
[[nodiscard]] Shape transposed_conv_weight_shape(TransposedConvAttributes const& attributes, Index channels);

/// Shape of the result for an input shape; an extent along which the window does not fit is not positive.
[[nodiscard]] Shape transposed_conv_output_shape(TransposedConvAttributes const& attributes, Shape const& input);

/// y[n, o, k] = b[k] + sum over i, q with i * stride - pad + q * dilation = o and over c of x[n, i, c] * w[q, k, c].
/// Inputs: x, w, [b]. Output: y with extents (i - 1) * stride - pad_lo - pad_hi + dilation * (size - 1) + 1 +
/// output_padding. Weights (t, r, s, filters / groups, c), c group-major; b (1, 1, 1, 1, filters).
class TransposedConv : public Operator {
  public:
    explicit TransposedConv(TransposedConvAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] TransposedConvAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "transposed_conv"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] Cost cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const override;
    /// dx is the adjoint convolution of dy; dw its weight gradient with dy as input and x as output gradient.
    void differentiate(Backward& backward) const override;

  private:
    TransposedConvAttributes attributes_;
};

}  // namespace aureole
