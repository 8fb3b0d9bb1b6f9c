#pragma once
#include <initializer_list>
#include <optional>
#include <string>

#include "core/kernels/onednn/api.hpp"
#include "core/ops/conv.hpp"

namespace aureole::onednn {

/// A convolution between two local tensors, with the padding that this part of the image has. Where a tensor holds more
/// than the convolution touches, the surplus is cut off: `x` and `y` are what is left, the offsets say where it begins.
struct ConvGeometry {
    Shape x, y;
    Windows window;  ///< padding is local here
    Index groups = 1;
    Index x_offset = 0, y_offset = 0;  ///< elements
    Strides x_strides, y_strides;

    /// Whether both are dense: the library's primitives know nothing else.
    [[nodiscard]] bool is_dense() const;
    /// Both channel counts and all kernel extents as the weights (t, r, s, c / groups, k) have them.
    [[nodiscard]] Shape weights() const { return {window[0].size, window[1].size, window[2].size, x.c / groups, y.c}; }
    [[nodiscard]] bool is_volume() const {
        return x.d > 1 || y.d > 1 || window[0] != Window{1, window[0].stride, 0, 0, window[0].dilation};
    }
};

/// The convolution from y to x that computes the input gradient of one with unit strides, with its weights turned
/// round.
[[nodiscard]] ConvGeometry turned_round(ConvGeometry const& geometry);

/// Which tensor must be covered: all of y is computed from part of x, or all of x from part of y.
enum class Covered : std::uint8_t { output, input };

/// Local geometry of the convolution `window` from x to y. Nothing, and the reason in `refusal`, where the library
/// cannot express it: a negative padding, a padding that no window reaches across.
[[nodiscard]] std::optional<ConvGeometry> conv_geometry(Windows const& window, Index groups, TensorSpec const& x,
                                                        TensorSpec const& y, Covered covered, std::string& refusal);
/// Whether the library, which counts elements in 32 bits, is given tensors of so many elements, and of no more channels
/// than a plan has time to place. `refusal` says why not.
[[nodiscard]] bool are_countable(std::initializer_list<Shape> tensors, std::string& refusal);

/// The same for primitives of the library; refused where what is left is not dense, or too large for its numbers.
[[nodiscard]] std::optional<ConvGeometry> dense_geometry(Windows const& window, Index groups, TensorSpec const& x,
                                                         TensorSpec const& y, Covered covered, std::string& refusal);

/// The library's element type; activations are f32 or bf16.
[[nodiscard]] dnnl::memory::data_type library_type(DType dtype);

/// Whether this processor multiplies bf16 in hardware; otherwise the library would emulate it.
[[nodiscard]] bool has_bf16();

/// Activations channels-last, weights in whatever layout the library likes best (f32 for gradients), bias f32.
[[nodiscard]] ConvDescription describe(ConvGeometry const& geometry, DType dtype, DType weights, bool bias);

/// The transposed convolution whose adjoint `geometry` is: it leads from y to x, and so do the weights.
[[nodiscard]] ConvDescription describe_transposed(ConvGeometry const& geometry, DType dtype);

/// Our weights (t, r, s, c / groups, k) in f32, seen as the library's ([g,] o, i, [t,] r, s).
[[nodiscard]] dnnl::memory::desc stored_weights(ConvGeometry const& geometry);

}  // namespace aureole::onednn
