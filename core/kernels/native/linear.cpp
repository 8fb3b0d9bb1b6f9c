#include "core/kernels/native/linear.hpp"

#include "core/kernels/native/conv.hpp"
#include "core/kernels/native/conv_weight_gradient.hpp"
#include "core/ops/linear.hpp"

namespace aureole::native {

namespace {

/// A linear layer is a convolution with a window of one pixel.
ConvAttributes as_conv(LinearAttributes const& attributes) {
    return {.filters = attributes.features, .bias = attributes.bias};
}

}  // namespace

std::unique_ptr<Kernel> make_linear(KernelRequest const& request, std::string& refusal) {
    return conv_forward(as_conv(request.as<Linear>().attributes()), request,
                        {"aureole::linear::forward", "aureole::linear::pack_weights"}, refusal);
}

std::unique_ptr<Kernel> make_linear_input_gradient(KernelRequest const& request, std::string& refusal) {
    ConvAttributes attributes = as_conv(request.as<LinearInputGradient>().attributes());
    attributes.bias = false;  // it does not reach dx
    return conv_backward(attributes, request,
                         {"aureole::linear::input_gradient", "aureole::linear::pack_transposed_weights"}, refusal);
}

std::unique_ptr<Kernel> make_linear_weight_gradient(KernelRequest const& request, std::string& refusal) {
    return conv_weight_gradient(as_conv(request.as<LinearWeightGradient>().attributes()), request,
                                {"aureole::linear::weight_gradient", "aureole::linear::weight_gradient_sum",
                                 "aureole::linear::bias_gradient", "aureole::linear::bias_gradient_sum"},
                                refusal);
}

}  // namespace aureole::native
