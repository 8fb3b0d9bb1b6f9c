#pragma once
#include "core/kernels/kernel.hpp"

namespace aureole::onednn {

/// Conv, ConvInputGradient (unit strides) and ConvWeightGradient as matrix products in f32: what the windows of a block
/// of pixels see is written side by side into a buffer that stays in the cache, and multiplied with the weights
/// ("im2col": Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing",
/// 2006; in blocks, so that memory does not grow with the image). Activations are f32 or bf16, dense or strided.
/// Refused: other types, groups, geometries that conv_geometry() refuses. Threads share the pixels; the workspace is
/// that of their number at planning.
[[nodiscard]] std::unique_ptr<Kernel> make_conv_by_product(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_conv_input_gradient_by_product(KernelRequest const& request,
                                                                          std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_conv_weight_gradient_by_product(KernelRequest const& request,
                                                                           std::string& refusal);

}  // namespace aureole::onednn
