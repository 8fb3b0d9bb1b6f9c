#include "core/kernels/onednn/choice.hpp"

#include <algorithm>

namespace aureole::onednn {

namespace {

bool is_pointwise(ConvGeometry const& geometry) {
    return std::all_of(geometry.window.begin(), geometry.window.end(),
                       [](Window const& window) { return window.size == 1; });
}

bool has_unit_strides(ConvGeometry const& geometry) {
    return std::all_of(geometry.window.begin(), geometry.window.end(),
                       [](Window const& window) { return window.stride == 1; });
}

bool has_avx512() {
    auto const wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
    return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & wanted) == wanted;
}

bool accept(bool good, char const* reason, std::string& refusal) {
    if (!good) { refusal = reason; }
    return good;
}

}  // namespace

bool supports(DType dtype, std::string& refusal) {
    if (dtype != DType::f32 && dtype != DType::bf16) {
        refusal = fmt::format("no {}", name_of(dtype));
    } else if (dtype == DType::bf16 && !has_bf16()) {
        refusal = "this processor does not multiply bf16";
    }
    return refusal.empty();
}

Wanted preferred_forward(ConvGeometry const& geometry) {
    // to few channels the batch-reduce implementation, the library's first choice, is two to four times slower
    constexpr Index few = 32;
    if (!is_pointwise(geometry) || geometry.groups > 1 || geometry.y.c > few) { return nullptr; }
    return [](std::string_view name) {
        return name.starts_with("jit") && name.find("1x1:avx512") != std::string_view::npos;
    };
}

bool prefers_forward(ConvGeometry const& geometry, DType dtype) {
    // up to a quarter faster in f32; in bf16 both are at the processor's limit
    return dtype == DType::f32 && has_unit_strides(geometry) && !is_pointwise(geometry);
}

bool multiplies_matrices(DType dtype, Index groups, std::string& refusal) {
    return accept(!has_avx512(), "this processor's convolutions are as fast as its matrix products", refusal) &&
           accept(dtype == DType::f32, "matrix products are in f32", refusal) &&
           accept(groups == 1, "matrix products have no groups", refusal);
}

bool has_unit_strides(ConvGeometry const& geometry, std::string& refusal) {
    return accept(has_unit_strides(geometry), "strides are not 1", refusal);
}

bool prefers_product(ConvGeometry const& geometry, std::string& refusal) {
    constexpr Index many = 32;
    return accept(geometry.x.c >= many, "few channels", refusal);
}

bool prefers_product_for_weights(ConvGeometry const& geometry, std::string& refusal) {
    constexpr Index many = 8;
    return accept(geometry.x.c >= many, "few channels", refusal);
}

}  // namespace aureole::onednn
