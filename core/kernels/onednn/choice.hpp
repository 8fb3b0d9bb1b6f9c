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
    std::string const name = descriptor ? descriptor.impl_info_str() : "nothing else";
    if (descriptor && !name.starts_with("ref")) {
        refusal.clear();  // of implementations that the library likes better, see trusted()
        return true;
    }
    refusal += fmt::format("{}the library offers {}", refusal.empty() ? "" : ", ", name);
    return false;
}

/// The same for a primitive that reads weights, which must be in a layout that we can write.
template <class Descriptor>
[[nodiscard]] bool is_usable(Descriptor const& descriptor, std::string& refusal) {
    if (!is_fast(descriptor, refusal)) { return false; }
    if (!is_blocked(descriptor.weights_desc())) { refusal = "the library hides the layout of the weights"; }
    return refusal.empty();
}

/// What a primitive computes of a convolution.
enum class ConvPass : std::uint8_t { forward, input_gradient, weight_gradient };

/// Why an implementation of oneDNN `major` is not to be trusted with a convolution; empty if it is. Some leave their
/// buffers (found by running every implementation between protected pages):
/// - of version 2, 1 x 1 convolutions with strides gather x into a scratchpad that has room for the channels there are,
///   and write it by whole vectors of channels: megabytes behind it; of version 3 (3.12) their weight gradients still
///   leave what they were given;
/// - of version 2, AMX weight gradients of windows write in front of their result (of 3 x 3 windows from a width of 288
///   on).
[[nodiscard]] std::string distrust(int major, std::string_view name, ConvPass pass, ConvGeometry const& geometry);

/// Accepts the implementations of this library that can be trusted with a convolution; `refusal` gathers why others
/// cannot. Both arguments must outlive the search.
[[nodiscard]] Wanted trusted(ConvPass pass, ConvGeometry const& geometry, std::string& refusal);

/// The implementation of a forward convolution that measured fastest among those that the library has, for f32 and bf16
/// on AVX-512 with two threads; nothing if the library's own order is right.
[[nodiscard]] Wanted preferred_forward(ConvGeometry const& geometry);

/// Whether an input gradient is faster as a forward convolution of dy with the weights turned round.
[[nodiscard]] bool prefers_forward(ConvGeometry const& geometry, DType dtype);

/// Whether an operator of a convolution is faster as a matrix product (product.hpp). Without AVX-512 the library's
/// convolutions of channels-last tensors reach a quarter to a half of the speed of its product, as measured on AVX2;
/// but for few channels. Nor do convolutions take tensors of more elements than they can count.
[[nodiscard]] bool prefers_product(KernelRequest const& request, std::string& refusal);

[[nodiscard]] bool has_unit_strides(Windows const& windows);

}  // namespace aureole::onednn
