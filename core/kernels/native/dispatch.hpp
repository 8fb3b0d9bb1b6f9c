#pragma once
#include <fmt/format.h>

#include "core/kernels/kernel.hpp"

namespace aureole::native {

/// A kernel class template instantiated for float or double, e.g. for parameters and statistics.
template <template <class> class K>
std::unique_ptr<Kernel> make_by_type_unless_bf16(KernelRequest const& request, DType dtype, std::string& refusal) {
    switch (dtype) {
        case DType::f64: return std::make_unique<K<double>>(request);
        case DType::f32: return std::make_unique<K<float>>(request);
        default: refusal = fmt::format("no kernel for {}", name_of(dtype)); return nullptr;
    }
}

/// A kernel class template instantiated for the type of activations: f64, f32 or bf16.
template <template <class> class K>
std::unique_ptr<Kernel> make_by_type(KernelRequest const& request, DType dtype, std::string& refusal) {
    if (dtype == DType::bf16) { return std::make_unique<K<BFloat16>>(request); }
    return make_by_type_unless_bf16<K>(request, dtype, refusal);
}

}  // namespace aureole::native
