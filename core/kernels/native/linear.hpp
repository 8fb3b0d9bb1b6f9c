#pragma once
#include "core/kernels/kernel.hpp"

namespace aureole::native {

[[nodiscard]] std::unique_ptr<Kernel> make_linear(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_linear_input_gradient(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_linear_weight_gradient(KernelRequest const& request, std::string& refusal);

}  // namespace aureole::native
