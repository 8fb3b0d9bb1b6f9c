#include "core/kernels/onednn/choice.hpp"

#include <algorithm>

namespace aureole::onednn {

namespace {

bool is_pointwise(ConvGeometry const& geometry) {
    return std::all_of(geometry.window.begin(), geometry.window.end(),
                       [](Window const& window) { return window.size == 1; });
}

bool has_avx512() {
    auto const wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
    return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & wanted) == wanted;
}

}  // namespace

bool has_unit_strides(Windows const& windows) {
    return std::all_of(windows.begin(), windows.end(), [](Window const& window) { return window.stride == 1; });
}

std::string distrust(int major, std::string_view name, ConvPass pass, ConvGeometry const& geometry) {
    constexpr Index vector = 16;  // channels; 8 without AVX-512
    bool const ragged =
        (geometry.x.c / geometry.groups) % vector != 0 || (geometry.y.c / geometry.groups) % vector != 0;
    bool const by_1x1 = name.find("1x1") != std::string_view::npos;
    bool const is_newer = major >= 3, for_weights = pass == ConvPass::weight_gradient;
    if (by_1x1 && !has_unit_strides(geometry.window) && ragged && (!is_newer || for_weights)) {
        return is_newer ? "leaves its buffers" : "writes beyond its scratchpad";
    }
    bool const by_amx = name.find("amx") != std::string_view::npos;
    if (!is_newer && by_amx && pass == ConvPass::weight_gradient && !is_pointwise(geometry)) {
        return "writes in front of its result";
    }
    return {};
}

Wanted trusted(ConvPass pass, ConvGeometry const& geometry, std::string& refusal) {
    return [pass, &geometry, &refusal](std::string_view name) {
        std::string const reason = distrust(dnnl_version()->major, name, pass, geometry);
        if (!reason.empty()) {
            refusal +=
                fmt::format("{}{} of oneDNN {} {}", refusal.empty() ? "" : ", ", name, dnnl_version()->major, reason);
        }
        return reason.empty();
    };
}

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
    if (!is_pointwise(geometry) || geometry.groups > 1 || geometry.y.c > few) { return {}; }
    return [](std::string_view name) {
        return name.starts_with("jit") && name.find("1x1:avx512") != std::string_view::npos;
    };
}

bool prefers_forward(ConvGeometry const& geometry, DType dtype) {
    // up to a quarter faster in f32; in bf16 both are at the processor's limit
    return dtype == DType::f32 && has_unit_strides(geometry.window) && !is_pointwise(geometry);
}

bool prefers_product(KernelRequest const& request, std::string& refusal) {
    bool const for_weights = request.op->kind() == "conv_weight_gradient";
    bool const bf16 = request.inputs[0].dtype == DType::bf16;
    Index const few = for_weights || bf16 ? 8 : 32;
    std::string ignored;
    bool const convolves =
        are_countable({request.inputs[0].local(), request.inputs[1].local(), request.outputs[0].local()}, ignored);
    if (convolves && (bf16 ? has_bf16() : has_avx512())) {
        refusal = "this processor's convolutions are faster";
    } else if (request.inputs[0].global.c < few) {
        refusal = "few channels";
    }
    return refusal.empty();
}

}  // namespace aureole::onednn
