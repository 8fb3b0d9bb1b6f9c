#pragma once
#include "core/kernels/kernel.hpp"
#include "core/ops/conv.hpp"

namespace aureole::native {

struct WeightGradientLabels {
    char const* partial;
    char const* combine;
    char const* bias_partial;
    char const* bias_combine;
};

/// Inputs: x, dy. Outputs: dw, [db].
[[nodiscard]] std::unique_ptr<Kernel> conv_weight_gradient(ConvAttributes const& attributes,
                                                           KernelRequest const& request,
                                                           WeightGradientLabels const& labels, std::string& refusal);

}  // namespace aureole::native
