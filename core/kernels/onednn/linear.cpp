#include "core/kernels/onednn/linear.hpp"

#include "core/kernels/onednn/choice.hpp"
#include "core/kernels/onednn/geometry.hpp"
#include "core/kernels/onednn/invocation.hpp"
#include "core/kernels/onednn/packing.hpp"
#include "core/ops/linear.hpp"

namespace aureole::onednn {

namespace {

using Tag = dnnl::memory::format_tag;

/// x (pixels, c), y (pixels, k), weights in any layout.
LinearDescription describe(TensorSpec const& x, TensorSpec const& y, DType weights, bool bias) {
    auto const type = library_type(x.dtype);
    Index const pixels = x.local().pixels(), c = x.local().c, k = y.local().c;
    LinearDescription description{
        {{pixels, c}, type, Tag::ab}, {{k, c}, library_type(weights), Tag::any}, {}, {{pixels, k}, type, Tag::ab}};
    if (bias) { description.b = {{k}, dnnl::memory::data_type::f32, Tag::a}; }
    return description;
}

bool is_countable(TensorSpec const& x, TensorSpec const& y, std::string& refusal) {
    return are_countable({x.local(), y.local(), Shape{1, 1, 1, x.local().c, y.local().c}}, refusal);
}

/// Our weights (c, k) in f32, seen as the library's (k, c).
dnnl::memory::desc stored_weights(TensorSpec const& x, TensorSpec const& y) {
    return {{y.local().c, x.local().c}, dnnl::memory::data_type::f32, Tag::ba};
}

class LinearKernel final : public Kernel {
  public:
    LinearKernel(Shape const& stored, DType dtype, LinearForward::primitive_desc const& chosen)
        : weights_({stored}, dtype, chosen.weights_desc(), workspace_),
          scratchpad_(workspace_.add(chosen.scratchpad_desc().get_size())),
          product_(LinearForward(chosen), {{DNNL_ARG_SRC, chosen.src_desc()},
                                           {DNNL_ARG_WEIGHTS, chosen.weights_desc()},
                                           {DNNL_ARG_BIAS, chosen.bias_desc()},
                                           {DNNL_ARG_DST, chosen.dst_desc()},
                                           {DNNL_ARG_SCRATCHPAD, chosen.scratchpad_desc()}}) {}

    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        void* const weights = weights_.prepare(inputs[1].data, workspace);
        void* const bias = inputs.size() > 2 ? inputs[2].data : nullptr;
        product_.run({inputs[0].data, weights, bias, outputs[0].data, workspace + scratchpad_});
    }

  private:
    WorkspaceLayout workspace_;
    PackedWeights weights_;
    std::size_t scratchpad_;
    Invocation product_;
};

class LinearInputGradientKernel final : public Kernel {
  public:
    LinearInputGradientKernel(Shape const& stored, DType dtype, LinearBackwardData::primitive_desc const& chosen)
        : weights_({stored}, dtype, chosen.weights_desc(), workspace_),
          scratchpad_(workspace_.add(chosen.scratchpad_desc().get_size())),
          product_(LinearBackwardData(chosen), {{DNNL_ARG_DIFF_DST, chosen.diff_dst_desc()},
                                                {DNNL_ARG_WEIGHTS, chosen.weights_desc()},
                                                {DNNL_ARG_DIFF_SRC, chosen.diff_src_desc()},
                                                {DNNL_ARG_SCRATCHPAD, chosen.scratchpad_desc()}}) {}

    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        void* const weights = weights_.prepare(inputs[1].data, workspace);
        product_.run({inputs[0].data, weights, outputs[0].data, workspace + scratchpad_});
    }

  private:
    WorkspaceLayout workspace_;
    PackedWeights weights_;
    std::size_t scratchpad_;
    Invocation product_;
};

class LinearWeightGradientKernel final : public Kernel {
  public:
    LinearWeightGradientKernel(dnnl::memory::desc const& stored, bool bias,
                               LinearBackwardWeights::primitive_desc const& chosen)
        : dw_(chosen.diff_weights_desc(), stored, workspace_),
          scratchpad_(workspace_.add(chosen.scratchpad_desc().get_size())),
          product_(LinearBackwardWeights(chosen), {{DNNL_ARG_SRC, chosen.src_desc()},
                                                   {DNNL_ARG_DIFF_DST, chosen.diff_dst_desc()},
                                                   {DNNL_ARG_DIFF_WEIGHTS, chosen.diff_weights_desc()},
                                                   {DNNL_ARG_DIFF_BIAS, chosen.diff_bias_desc()},
                                                   {DNNL_ARG_SCRATCHPAD, chosen.scratchpad_desc()}}) {
        if (bias) { db_.emplace(chosen.diff_bias_desc(), chosen.diff_bias_desc(), workspace_); }
    }

    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        bool const accumulate = context.accumulate;
        void* const db = db_ ? db_->target(outputs[1].data, accumulate, workspace) : nullptr;
        product_.run({inputs[0].data, inputs[1].data, dw_.target(outputs[0].data, accumulate, workspace), db,
                      workspace + scratchpad_});
        dw_.finish(outputs[0].data, accumulate, workspace);
        if (db_) { db_->finish(outputs[1].data, accumulate, workspace); }
    }

  private:
    WorkspaceLayout workspace_;
    UnpackedGradient dw_;
    std::optional<UnpackedGradient> db_;
    std::size_t scratchpad_;
    Invocation product_;
};

}  // namespace

std::unique_ptr<Kernel> make_linear(KernelRequest const& request, std::string& refusal) {
    TensorSpec const &x = request.inputs[0], &y = request.outputs[0];
    if (!supports(x.dtype, refusal) || !is_countable(x, y, refusal)) { return {}; }
    auto const chosen =
        linear_forward(describe(x, y, x.dtype, request.as<Linear>().attributes().bias), user_scratchpad());
    if (!is_usable(chosen, refusal)) { return {}; }
    return std::make_unique<LinearKernel>(request.inputs[1].global, x.dtype, chosen);
}

std::unique_ptr<Kernel> make_linear_input_gradient(KernelRequest const& request, std::string& refusal) {
    TensorSpec const &dx = request.outputs[0], &dy = request.inputs[0];
    if (!supports(dx.dtype, refusal) || !is_countable(dx, dy, refusal)) { return {}; }
    LinearDescription const description = describe(dx, dy, dx.dtype, false);
    auto const hint = linear_forward(description, user_scratchpad());
    if (!is_fast(hint, refusal)) { return {}; }
    auto const chosen = linear_backward_data(description, hint, user_scratchpad());
    if (!is_usable(chosen, refusal)) { return {}; }
    return std::make_unique<LinearInputGradientKernel>(request.inputs[1].global, dx.dtype, chosen);
}

std::unique_ptr<Kernel> make_linear_weight_gradient(KernelRequest const& request, std::string& refusal) {
    TensorSpec const &x = request.inputs[0], &dy = request.inputs[1];
    if (!supports(x.dtype, refusal) || !is_countable(x, dy, refusal)) { return {}; }
    bool const bias = request.as<LinearWeightGradient>().attributes().bias;
    auto const hint = linear_forward(describe(x, dy, x.dtype, bias), user_scratchpad());
    if (!is_fast(hint, refusal)) { return {}; }
    auto const chosen = linear_backward_weights(describe(x, dy, DType::f32, bias), hint, user_scratchpad());
    if (!is_fast(chosen, refusal)) { return {}; }
    return std::make_unique<LinearWeightGradientKernel>(stored_weights(x, dy), bias, chosen);
}

}  // namespace aureole::onednn
