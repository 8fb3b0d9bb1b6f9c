#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "core/kernels/kernel.hpp"
#include "core/kernels/onednn/geometry.hpp"

namespace aureole::onednn {

/// f32, or bf16 where the processor has it.
[[nodiscard]] bool supports(DType dtype, std::string& refusal);

/// Whether a primitive descriptor names a fast implementation; the library's reference is slower than our own kernels.
template <class Descriptor>
[[nodiscard]] bool is_fast(Descriptor const& descriptor, std::string& refusal) {
    std::string const name = descriptor ? descriptor.impl_info_str() : "nothing";
    if (descriptor && !name.starts_with("ref")) { return true; }
    refusal = fmt::format("the library offers {}", name);
    return false;
}

/// The same for a primitive that reads weights, which must be in a layout that we can write.
template <class Descriptor>
[[nodiscard]] bool is_usable(Descriptor const& descriptor, std::string& refusal) {
    if (!is_fast(descriptor, refusal)) { return false; }
    if (!is_blocked(descriptor.weights_desc())) { refusal = "the library hides the layout of the weights"; }
    return refusal.empty();
}

/// The implementation of a forward convolution that measured fastest among those that the library has, for f32 and bf16
/// on AVX-512 with two threads; nothing if the library's own order is right.
[[nodiscard]] Wanted preferred_forward(ConvGeometry const& geometry);

/// Whether an input gradient is faster as a forward convolution of dy with the weights turned round.
[[nodiscard]] bool prefers_forward(ConvGeometry const& geometry, DType dtype);

/// Whether an operator of a convolution is faster as a matrix product (product.hpp). Without AVX-512 the library's
/// convolutions of channels-last tensors reach a quarter to a half of the speed of its product, as measured on AVX2;
/// but for few channels.
[[nodiscard]] bool prefers_product(KernelRequest const& request, std::string& refusal);

[[nodiscard]] bool has_unit_strides(Windows const& windows);

}  // namespace aureole::onednn
