#pragma once
#include "core/kernels/kernel.hpp"

namespace aureole::native {

[[nodiscard]] std::unique_ptr<Kernel> make_layer_norm(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_layer_norm_input_gradient(KernelRequest const& request,
                                                                     std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_layer_norm_weight_gradient(KernelRequest const& request,
                                                                      std::string& refusal);

}  // namespace aureole::native
