#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "core/kernels/onednn/api.hpp"
#include "core/tensor/dtype.hpp"

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

/// The implementation whose name contains `name`, or the library's own choice. `make` gives a fresh descriptor.
template <class Make>
[[nodiscard]] auto prefer(std::string_view name, Make const& make) {
    auto descriptor = make();
    if (!descriptor) { return descriptor; }
    do {
        if (std::string_view(descriptor.impl_info_str()).find(name) != std::string_view::npos) { return descriptor; }
    } while (descriptor.next_impl());
    return make();
}

}  // namespace aureole::onednn
