#pragma once
#include "core/kernels/kernel.hpp"
#include "core/ops/conv.hpp"

namespace aureole::native {

[[nodiscard]] std::unique_ptr<Kernel> make_conv(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_conv_input_gradient(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_conv_weight_gradient(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_transposed_conv(KernelRequest const& request, std::string& refusal);
[[nodiscard]] std::unique_ptr<Kernel> make_bias_gradient(KernelRequest const& request, std::string& refusal);

/// Labels of one family of kernels that share the convolution's code.
struct ConvLabels {
    char const* gather;
    char const* pack;
};

/// The pieces that convolutions and linear layers are made of. `addend` of the attributes is honoured by conv_forward.
[[nodiscard]] std::unique_ptr<Kernel> conv_forward(ConvAttributes const& attributes, KernelRequest const& request,
                                                   ConvLabels const& labels, std::string& refusal);
/// Inputs: dy, w, [b, if `attributes.bias`: a transposed convolution].
[[nodiscard]] std::unique_ptr<Kernel> conv_backward(ConvAttributes const& attributes, KernelRequest const& request,
                                                    ConvLabels const& labels, std::string& refusal);

}  // namespace aureole::native
