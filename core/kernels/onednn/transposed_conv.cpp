#include "core/ops/transposed_conv.hpp"
#include "core/kernels/launch.hpp"
#include "core/kernels/onednn/choice.hpp"
#include "core/kernels/onednn/conv.hpp"
#include "core/kernels/onednn/geometry.hpp"
#include "core/kernels/onednn/invocation.hpp"
#include "core/kernels/onednn/packing.hpp"

namespace aureole::onednn {

namespace {

/// y += b in place, rows are pixels.
template <class T>
struct AddBias {
    T* y;
    float const* b;
    Index channels;

    void operator()(Index row, Index begin, Index end) const {
        T* __restrict const pixel = y + row * channels;
        float const* __restrict const bias = b;
        for (Index c = begin; c < end; ++c) { pixel[c] = static_cast<float>(pixel[c]) + bias[c]; }
    }
};

void add_bias(Tensor const& y, Tensor const& b) {
    char const* const label = "aureole::onednn::add_bias";
    Index const pixels = y.shape.pixels(), channels = y.shape.c;
    if (y.dtype == DType::bf16) {
        for_rows(label, pixels, channels, AddBias<BFloat16>{y.as<BFloat16>(), b.as<float>(), channels});
    } else {
        for_rows(label, pixels, channels, AddBias<float>{y.as<float>(), b.as<float>(), channels});
    }
}

/// The library adds a bias to a transposed convolution by a reference loop, many times slower than the convolution;
/// here it is added afterwards.
class TransposedConvKernel final : public Kernel {
  public:
    TransposedConvKernel(ConvGeometry const& adjoint, DType dtype, Deconv::primitive_desc const& chosen)
        : x_offset_(adjoint.y_offset),
          weights_({adjoint.weights(), adjoint.groups, true}, dtype, chosen.weights_desc(), workspace_),
          scratchpad_(workspace_.add(chosen.scratchpad_desc().get_size())),
          deconv_(Deconv(chosen), {{DNNL_ARG_SRC, chosen.src_desc()},
                                   {DNNL_ARG_WEIGHTS, chosen.weights_desc()},
                                   {DNNL_ARG_DST, chosen.dst_desc()},
                                   {DNNL_ARG_SCRATCHPAD, chosen.scratchpad_desc()}}) {}

    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        void* const weights = weights_.prepare(inputs[1].data, workspace);
        auto* const x =
            static_cast<std::byte*>(inputs[0].data) + x_offset_ * static_cast<Index>(size_of(inputs[0].dtype));
        deconv_.run({x, weights, outputs[0].data, workspace + scratchpad_});
        if (inputs.size() > 2) { add_bias(outputs[0], inputs[2]); }
    }

  private:
    Index x_offset_;
    WorkspaceLayout workspace_;
    PackedWeights weights_;
    std::size_t scratchpad_;
    Invocation deconv_;
};

}  // namespace

std::unique_ptr<Kernel> make_transposed_conv(KernelRequest const& request, std::string& refusal) {
    TransposedConvAttributes const& attributes = request.as<TransposedConv>().attributes();
    TensorSpec const &x = request.inputs[0], &y = request.outputs[0];
    if (!supports(x.dtype, refusal)) { return {}; }
    auto const adjoint = dense_geometry(attributes.window, attributes.groups, y, x, Covered::input, refusal);
    if (!adjoint) { return {}; }
    auto const chosen = deconv(describe_transposed(*adjoint, x.dtype), user_scratchpad(),
                               trusted(ConvPass::input_gradient, *adjoint, refusal));
    if (!is_usable(chosen, refusal)) { return {}; }
    return std::make_unique<TransposedConvKernel>(*adjoint, x.dtype, chosen);
}

}  // namespace aureole::onednn
