#pragma once
#include "core/kernels/onednn/geometry.hpp"

namespace aureole::onednn {

/// What the window of an output pixel sees of x, zero where it sees padding: a row (t, r, s, c) per pixel of y, pixels
/// counted over (n, d, h, w).
class Patches {
  public:
    explicit Patches(ConvGeometry const& geometry);

    /// Pixels of y.
    [[nodiscard]] Index count() const { return y_.n * y_.d * y_.h * y_.w; }
    /// Elements of a patch.
    [[nodiscard]] Index length() const { return length_; }
    /// Whether every patch is a pixel of x, in the same order.
    [[nodiscard]] bool are_pixels() const { return are_pixels_; }
    /// Writes the patches of pixels `first` ... `first + count - 1`, one after the other. T: float or BFloat16.
    template <class T>
    void gather(T const* x, Index first, Index count, float* to) const;

  private:
    Shape x_, y_;
    Strides strides_;  ///< of x
    Windows window_;
    Index length_;
    bool are_pixels_;

    template <class T>
    float* gather_row(T const* row, Index w, float* to) const;
};

}  // namespace aureole::onednn
