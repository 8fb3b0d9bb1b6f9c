#pragma once
#include "core/kernels/kernel.hpp"

namespace aureole::native {

// Operators that move or mask values, element by element.

[[nodiscard]] std::unique_ptr<Kernel> make_add(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_cast(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_concat(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_slice(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_slice_input_gradient(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_dropout(KernelRequest const& request, std::string& refusal);

}  // namespace aureole::native
