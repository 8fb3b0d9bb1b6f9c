#pragma once
#include <memory>
#include <string>

#include "core/kernels/kernel.hpp"

namespace aureole::onednn {

/// Linear, LinearInputGradient and LinearWeightGradient in f32 and bf16, as inner products over all local pixels.
[[nodiscard]] std::unique_ptr<Kernel> make_linear(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_linear_input_gradient(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_linear_weight_gradient(KernelRequest const& request, std::string& refusal);

}  // namespace aureole::onednn
