#include "benchmarks/operators/bare_convolution.hpp"

#include <chrono>
#include <cstring>
#include <unordered_map>

#include "core/error.hpp"
#include "core/kernels/onednn/choice.hpp"
#include "core/kernels/onednn/geometry.hpp"
#include "core/ops/transposed_conv.hpp"

namespace aureole::benchmarks {

namespace {

using onednn::ConvDescription;
using onednn::ConvGeometry;

struct Prepared {
    dnnl::primitive primitive;
    std::unordered_map<int, dnnl::memory> arguments;
};

/// Memory that is not zero: some processors are faster on zeros. The pattern is 0.19 in f32 and in bf16.
dnnl::memory filled(dnnl::memory::desc const& layout) {
    dnnl::memory memory(layout, onednn::engine());
    std::memset(memory.get_data_handle(), 0x3E, layout.get_size());
    return memory;
}

ConvGeometry geometry_of(Windows const& window, Index groups, TensorSpec const& x, TensorSpec const& y,
                         onednn::Covered covered) {
    std::string refusal;
    auto const geometry = onednn::conv_geometry(window, groups, x, y, covered, refusal);
    require(geometry.has_value(), "the library cannot express this convolution: {}", refusal);
    return *geometry;
}

/// oneDNN 2.6, for one, has no bf16 on processors without AVX-512.
template <class Descriptor>
Descriptor const& existing(Descriptor const& chosen) {
    require(static_cast<bool>(chosen), "the library has no such convolution for this processor: measure another type");
    return chosen;
}

ConvDescription in_layout(ConvDescription description, ConvGeometry const& geometry, DType dtype,
                          ActivationLayout layout) {
    if (layout == ActivationLayout::channels_last) { return description; }
    auto const type = onednn::library_type(dtype);
    auto const any = dnnl::memory::format_tag::any;
    auto const dims = [&](Shape const& shape) {
        return geometry.is_volume() ? dnnl::memory::dims{shape.n, shape.c, shape.d, shape.h, shape.w}
                                    : dnnl::memory::dims{shape.n, shape.c, shape.h, shape.w};
    };
    description.x = {dims(geometry.x), type, any};
    description.y = {dims(geometry.y), type, any};
    return description;
}

Prepared forward(KernelRequest const& request, ActivationLayout layout) {
    auto const& attributes = request.as<Conv>().attributes();
    TensorSpec const &x = request.inputs[0], &y = request.outputs[0];
    auto const geometry = geometry_of(attributes.window, attributes.groups, x, y, onednn::Covered::output);
    auto const a = in_layout(onednn::describe(geometry, x.dtype, x.dtype, false), geometry, x.dtype, layout);
    std::string refusal;
    auto const descriptor = onednn::conv_forward(a, {}, onednn::trusted(onednn::ConvPass::forward, geometry, refusal));
    auto const& chosen = existing(descriptor);
    return {onednn::ConvForward(chosen),
            {{DNNL_ARG_SRC, filled(chosen.src_desc())},
             {DNNL_ARG_WEIGHTS, filled(chosen.weights_desc())},
             {DNNL_ARG_DST, filled(chosen.dst_desc())}}};
}

/// Input gradient of a convolution from x to y; a transposed convolution is nothing else.
Prepared backward_data(Windows const& window, Index groups, TensorSpec const& x, TensorSpec const& y,
                       ActivationLayout layout) {
    auto const geometry = geometry_of(window, groups, x, y, onednn::Covered::input);
    auto const a = in_layout(onednn::describe(geometry, x.dtype, x.dtype, false), geometry, x.dtype, layout);
    auto const hint = onednn::conv_forward(a, {}, {});
    std::string refusal;
    auto const descriptor = onednn::conv_backward_data(
        a, existing(hint), {}, onednn::trusted(onednn::ConvPass::input_gradient, geometry, refusal));
    auto const& chosen = existing(descriptor);
    return {onednn::ConvBackwardData(chosen),
            {{DNNL_ARG_DIFF_SRC, filled(chosen.diff_src_desc())},
             {DNNL_ARG_WEIGHTS, filled(chosen.weights_desc())},
             {DNNL_ARG_DIFF_DST, filled(chosen.diff_dst_desc())}}};
}

Prepared backward_weights(KernelRequest const& request, ActivationLayout layout) {
    auto const& attributes = request.as<ConvWeightGradient>().attributes();
    TensorSpec const &x = request.inputs[0], &dy = request.inputs[1];
    auto const geometry = geometry_of(attributes.window, attributes.groups, x, dy, onednn::Covered::output);
    auto const hint = onednn::conv_forward(
        in_layout(onednn::describe(geometry, x.dtype, x.dtype, false), geometry, x.dtype, layout), {}, {});
    auto const a = in_layout(onednn::describe(geometry, x.dtype, DType::f32, false), geometry, x.dtype, layout);
    std::string refusal;
    auto const descriptor = onednn::conv_backward_weights(
        a, existing(hint), {}, onednn::trusted(onednn::ConvPass::weight_gradient, geometry, refusal));
    auto const& chosen = existing(descriptor);
    return {onednn::ConvBackwardWeights(chosen),
            {{DNNL_ARG_SRC, filled(chosen.src_desc())},
             {DNNL_ARG_DIFF_WEIGHTS, filled(chosen.diff_weights_desc())},
             {DNNL_ARG_DIFF_DST, filled(chosen.diff_dst_desc())}}};
}

Prepared prepare(KernelRequest const& request, ActivationLayout layout) {
    std::string_view const kind = request.op->kind();
    if (kind == "conv") { return forward(request, layout); }
    if (kind == "conv_weight_gradient") { return backward_weights(request, layout); }
    if (kind == "conv_input_gradient") {
        auto const& attributes = request.as<ConvInputGradient>().attributes();
        return backward_data(attributes.window, attributes.groups, request.outputs[0], request.inputs[0], layout);
    }
    require(kind == "transposed_conv", "operator {} is not a convolution", kind);
    auto const& attributes = request.as<TransposedConv>().attributes();
    return backward_data(attributes.window, attributes.groups, request.outputs[0], request.inputs[0], layout);
}

}  // namespace

bool BareConvolution::covers(KernelRequest const& request) {
    std::string_view const kind = request.op->kind();
    DType const dtype = request.inputs[0].dtype;
    return (kind == "conv" || kind == "conv_weight_gradient" || kind == "conv_input_gradient" ||
            kind == "transposed_conv") &&
           (dtype == DType::f32 || dtype == DType::bf16);
}

double BareConvolution::seconds(KernelRequest const& request) const {
    using Clock = std::chrono::steady_clock;
    Prepared const prepared = prepare(request, layout_);
    double fastest = 1e30;
    for (int i = 0; i <= runs_; ++i) {
        auto const start = Clock::now();
        prepared.primitive.execute(onednn::stream(), prepared.arguments);
        double const seconds = std::chrono::duration<double>(Clock::now() - start).count();
        if (i > 0) { fastest = std::min(fastest, seconds); }
    }
    return fastest;
}

}  // namespace aureole::benchmarks
