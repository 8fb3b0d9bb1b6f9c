#pragma once
#include "core/kernels/kernel.hpp"

namespace aureole::native {

[[nodiscard]] std::unique_ptr<Kernel> make_metric_confusion(KernelRequest const& request, std::string& refusal);

}  // namespace aureole::native
