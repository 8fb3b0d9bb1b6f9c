#include "core/kernels/onednn/table.hpp"

#include "core/kernels/onednn/choice.hpp"
#include "core/kernels/onednn/conv.hpp"
#include "core/kernels/onednn/linear.hpp"
#include "core/kernels/onednn/product.hpp"

namespace aureole::onednn {

namespace {

template <auto make>
std::unique_ptr<Kernel> where_faster(KernelRequest const& request, std::string& refusal) {
    return prefers_product(request, refusal) ? make(request, refusal) : nullptr;
}

}  // namespace

std::vector<Implementation> const& implementations() {
    static std::vector<Implementation> const table{
        {"conv", "onednn gemm", where_faster<make_conv_by_product>, true},
        {"conv_input_gradient", "onednn gemm", where_faster<make_conv_input_gradient_by_product>, true},
        {"conv_weight_gradient", "onednn gemm", where_faster<make_conv_weight_gradient_by_product>, true},
        {"conv", "onednn", make_conv},
        {"conv_input_gradient", "onednn", make_conv_input_gradient},
        {"conv_weight_gradient", "onednn", make_conv_weight_gradient},
        {"transposed_conv", "onednn", make_transposed_conv},
        {"linear", "onednn", make_linear},
        {"linear_input_gradient", "onednn", make_linear_input_gradient},
        {"linear_weight_gradient", "onednn", make_linear_weight_gradient},
    };
    return table;
}

}  // namespace aureole::onednn
