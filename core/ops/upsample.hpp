#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

enum class UpsampleMode : std::uint8_t { nearest, linear };

struct UpsampleAttributes {
    std::array<Index, 3> scale{1, 1, 1};  ///< along (d, h, w)
    UpsampleMode mode = UpsampleMode::nearest;
};

/// Enlarges the image by whole factors. Input: x (n, d, h, w, c). Output: y (n, d * scale, h * scale, w * scale, c).
/// nearest: y[o] = x[floor(o / scale)]. linear: along every axis the position (o + 1/2) / scale - 1/2, not less than 0,
/// is interpolated between its two neighbours (pixels are areas; corners are not aligned).
class Upsample : public Operator {
  public:
    explicit Upsample(UpsampleAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] UpsampleAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "upsample"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    void differentiate(Backward& backward) const override;
    [[nodiscard]] Recompute recompute() const override { return Recompute::cheap; }

  private:
    UpsampleAttributes attributes_;
};

/// dx of Upsample. Input: dy. Output: dx; each pixel sums over the pixels that were interpolated from it.
class UpsampleInputGradient : public Operator {
  public:
    explicit UpsampleInputGradient(UpsampleAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] UpsampleAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "upsample_input_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;

  private:
    UpsampleAttributes attributes_;
};

/// The windows of large pixels that hold small pixels: large pixel i contributes to exactly the small pixels
/// i * stride - pad_lo ... + size - 1 that exist.
[[nodiscard]] Windows upsample_windows(UpsampleAttributes const& attributes);

}  // namespace aureole
