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

}  // namespace aureole::onednn
