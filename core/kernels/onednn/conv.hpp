#pragma once
#include <memory>
#include <string>

#include "core/kernels/kernel.hpp"

namespace aureole::onednn {

/// Conv, ConvInputGradient and ConvWeightGradient in f32 and bf16. Refused: other types, bf16 on processors without
/// it, geometries that the library cannot express (see geometry.hpp) and shapes for which it only has its reference.
/// The workspace is that of the number of OpenMP threads at planning, which must be the number at the run.
[[nodiscard]] std::unique_ptr<Kernel> make_conv(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_conv_input_gradient(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_conv_weight_gradient(KernelRequest const& request, std::string& refusal);

/// TransposedConv, with the same restrictions.
[[nodiscard]] std::unique_ptr<Kernel> make_transposed_conv(KernelRequest const& request, std::string& refusal);

}  // namespace aureole::onednn
