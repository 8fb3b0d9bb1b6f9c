#pragma once
#include "core/kernels/kernel.hpp"

namespace aureole::native {

[[nodiscard]] std::unique_ptr<Kernel> make_softmax_cross_entropy(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_softmax_cross_entropy_input_gradient(KernelRequest const& request,
                                                                                std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_bce_with_logits(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_bce_with_logits_input_gradient(KernelRequest const& request,
                                                                          std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_dice(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_dice_sums(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_dice_finish(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_dice_input_gradient(KernelRequest const& request, std::string& refusal);

}  // namespace aureole::native
