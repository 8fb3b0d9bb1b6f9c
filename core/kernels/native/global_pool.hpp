#pragma once
#include "core/kernels/kernel.hpp"

namespace aureole::native {

[[nodiscard]] std::unique_ptr<Kernel> make_global_pool(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_global_pool_input_gradient(KernelRequest const& request,
                                                                      std::string& refusal);

}  // namespace aureole::native
