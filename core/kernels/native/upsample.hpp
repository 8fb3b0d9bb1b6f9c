#pragma once
#include "core/kernels/kernel.hpp"

namespace aureole::native {

[[nodiscard]] std::unique_ptr<Kernel> make_upsample(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_upsample_input_gradient(KernelRequest const& request, std::string& refusal);

}  // namespace aureole::native
