#include "core/kernels/onednn/conv.hpp"

#include "core/kernels/onednn/choice.hpp"
#include "core/kernels/onednn/geometry.hpp"
#include "core/kernels/onednn/invocation.hpp"
#include "core/kernels/onednn/packing.hpp"

namespace aureole::onednn {

namespace {

void* at(Tensor const& tensor, Index element) {
    return static_cast<std::byte*>(tensor.data) + element * static_cast<Index>(size_of(tensor.dtype));
}

constexpr int first_post_op_operand = DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1;

/// What is added to the result: nothing, a tensor of y's shape, or what y holds before.
enum class Addend : std::uint8_t { none, tensor, result };

dnnl::primitive_attr forward_attributes(Addend addend, dnnl::memory::desc const& y) {
    dnnl::primitive_attr attributes = user_scratchpad();
    dnnl::post_ops add;
    if (addend == Addend::tensor) { add.append_binary(dnnl::algorithm::binary_add, y); }
    if (addend == Addend::result) { add.append_sum(1.0F); }
    attributes.set_post_ops(add);
    return attributes;
}

class ConvKernel final : public Kernel {
  public:
    ConvKernel(ConvGeometry const& geometry, ConvAttributes const& attributes, Addend addend, DType dtype,
               ConvForward::primitive_desc const& chosen)
        : attributes_(attributes),
          addend_(addend),
          x_offset_(geometry.x_offset),
          weights_({geometry.weights(), geometry.groups}, dtype, chosen.weights_desc(), workspace_),
          scratchpad_(workspace_.add(chosen.scratchpad_desc().get_size())),
          conv_(ConvForward(chosen), {{DNNL_ARG_SRC, chosen.src_desc()},
                                      {DNNL_ARG_WEIGHTS, chosen.weights_desc()},
                                      {DNNL_ARG_BIAS, chosen.bias_desc()},
                                      {DNNL_ARG_DST, chosen.dst_desc()},
                                      {DNNL_ARG_SCRATCHPAD, chosen.scratchpad_desc()},
                                      {first_post_op_operand, chosen.dst_desc()}}) {
        if (addend == Addend::result) {
            preload_.emplace(chosen.dst_desc(), chosen.dst_desc(), Reorder::Mode::overwrite, workspace_);
        }
    }

    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        std::size_t const w = attributes_.addend ? 2 : 1;
        void* const weights = weights_.prepare(inputs[w].data, workspace);
        void* const bias = attributes_.bias ? inputs[w + 1].data : nullptr;
        void* const addend = addend_ == Addend::tensor ? inputs[1].data : nullptr;
        if (preload_) { preload_->run(inputs[1].data, outputs[0].data, workspace); }
        conv_.run({at(inputs[0], x_offset_), weights, bias, outputs[0].data, workspace + scratchpad_, addend});
    }

  private:
    ConvAttributes attributes_;
    Addend addend_;
    Index x_offset_;
    WorkspaceLayout workspace_;
    PackedWeights weights_;
    std::size_t scratchpad_;
    Invocation conv_;
    std::optional<Reorder> preload_;
};

class ConvInputGradientKernel final : public Kernel {
  public:
    ConvInputGradientKernel(ConvGeometry const& geometry, DType dtype, ConvBackwardData::primitive_desc const& chosen)
        : dy_offset_(geometry.y_offset),
          weights_({geometry.weights(), geometry.groups}, dtype, chosen.weights_desc(), workspace_),
          scratchpad_(workspace_.add(chosen.scratchpad_desc().get_size())),
          conv_(ConvBackwardData(chosen), {{DNNL_ARG_DIFF_DST, chosen.diff_dst_desc()},
                                           {DNNL_ARG_WEIGHTS, chosen.weights_desc()},
                                           {DNNL_ARG_DIFF_SRC, chosen.diff_src_desc()},
                                           {DNNL_ARG_SCRATCHPAD, chosen.scratchpad_desc()}}) {}

    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        void* const weights = weights_.prepare(inputs[1].data, workspace);
        conv_.run({at(inputs[0], dy_offset_), weights, outputs[0].data, workspace + scratchpad_});
    }

  private:
    Index dy_offset_;
    WorkspaceLayout workspace_;
    PackedWeights weights_;
    std::size_t scratchpad_;
    Invocation conv_;
};

/// At stride 1 the input gradient is a convolution of dy with the weights turned round, and the library's forward
/// implementations are better tuned than its backward ones.
class ConvInputGradientByForward final : public Kernel {
  public:
    ConvInputGradientByForward(ConvGeometry const& geometry, DType dtype, ConvForward::primitive_desc const& chosen)
        : dy_offset_(geometry.y_offset),
          weights_({geometry.weights(), geometry.groups, true, true}, dtype, chosen.weights_desc(), workspace_),
          scratchpad_(workspace_.add(chosen.scratchpad_desc().get_size())),
          conv_(ConvForward(chosen), {{DNNL_ARG_SRC, chosen.src_desc()},
                                      {DNNL_ARG_WEIGHTS, chosen.weights_desc()},
                                      {DNNL_ARG_DST, chosen.dst_desc()},
                                      {DNNL_ARG_SCRATCHPAD, chosen.scratchpad_desc()}}) {}

    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        void* const weights = weights_.prepare(inputs[1].data, workspace);
        conv_.run({at(inputs[0], dy_offset_), weights, outputs[0].data, workspace + scratchpad_});
    }

  private:
    Index dy_offset_;
    WorkspaceLayout workspace_;
    PackedWeights weights_;
    std::size_t scratchpad_;
    Invocation conv_;
};

class ConvWeightGradientKernel final : public Kernel {
  public:
    ConvWeightGradientKernel(ConvGeometry const& geometry, bool bias, ConvBackwardWeights::primitive_desc const& chosen)
        : x_offset_(geometry.x_offset),
          dw_(chosen.diff_weights_desc(), stored_weights(geometry), workspace_),
          scratchpad_(workspace_.add(chosen.scratchpad_desc().get_size())),
          conv_(ConvBackwardWeights(chosen), {{DNNL_ARG_SRC, chosen.src_desc()},
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
        conv_.run({at(inputs[0], x_offset_), inputs[1].data, dw_.target(outputs[0].data, accumulate, workspace), db,
                   workspace + scratchpad_});
        dw_.finish(outputs[0].data, accumulate, workspace);
        if (db_) { db_->finish(outputs[1].data, accumulate, workspace); }
    }

  private:
    Index x_offset_;
    WorkspaceLayout workspace_;
    UnpackedGradient dw_;
    std::optional<UnpackedGradient> db_;
    std::size_t scratchpad_;
    Invocation conv_;
};

}  // namespace

std::unique_ptr<Kernel> make_conv(KernelRequest const& request, std::string& refusal) {
    ConvAttributes const& attributes = request.as<Conv>().attributes();
    TensorSpec const &x = request.inputs[0], &y = request.outputs[0];
    if (!supports(x.dtype, refusal)) { return {}; }
    auto const geometry = dense_geometry(attributes.window, attributes.groups, x, y, Covered::output, refusal);
    if (!geometry) { return {}; }
    ConvDescription const description = describe(*geometry, x.dtype, x.dtype, attributes.bias);
    auto const choose = [&](Addend addend) {
        return conv_forward(description, forward_attributes(addend, description.y),
                            trusted(ConvPass::forward, *geometry, refusal), preferred_forward(*geometry));
    };
    Addend addend = attributes.addend ? Addend::tensor : Addend::none;
    auto chosen = choose(addend);
    if (!is_usable(chosen, refusal)) { return {}; }
    // by matrix product, oneDNN 2.6 adds wrong elements of a channels-last tensor
    bool const by_product = std::string(chosen.impl_info_str()).find("gemm:jit") != std::string::npos;
    if (attributes.addend && by_product) {
        addend = Addend::result;
        chosen = choose(addend);
        if (!is_usable(chosen, refusal)) { return {}; }
    }
    return std::make_unique<ConvKernel>(*geometry, attributes, addend, x.dtype, chosen);
}

std::unique_ptr<Kernel> make_conv_input_gradient(KernelRequest const& request, std::string& refusal) {
    ConvAttributes const& attributes = request.as<ConvInputGradient>().attributes();
    TensorSpec const &dx = request.outputs[0], &dy = request.inputs[0];
    if (!supports(dx.dtype, refusal)) { return {}; }
    auto const geometry = dense_geometry(attributes.window, attributes.groups, dx, dy, Covered::input, refusal);
    if (!geometry) { return {}; }
    if (prefers_forward(*geometry, dx.dtype)) {
        ConvGeometry const round = turned_round(*geometry);
        auto const chosen = conv_forward(describe(round, dx.dtype, dx.dtype, false), user_scratchpad(),
                                         trusted(ConvPass::forward, round, refusal));
        if (is_usable(chosen, refusal)) {
            return std::make_unique<ConvInputGradientByForward>(*geometry, dx.dtype, chosen);
        }
        refusal.clear();
    }
    ConvDescription const description = describe(*geometry, dx.dtype, dx.dtype, false);
    auto const hint = conv_forward(description, user_scratchpad(), {});
    if (!is_fast(hint, refusal)) { return {}; }
    auto const chosen =
        conv_backward_data(description, hint, user_scratchpad(), trusted(ConvPass::input_gradient, *geometry, refusal));
    if (!is_usable(chosen, refusal)) { return {}; }
    return std::make_unique<ConvInputGradientKernel>(*geometry, dx.dtype, chosen);
}

std::unique_ptr<Kernel> make_conv_weight_gradient(KernelRequest const& request, std::string& refusal) {
    ConvAttributes const& attributes = request.as<ConvWeightGradient>().attributes();
    TensorSpec const &x = request.inputs[0], &dy = request.inputs[1];
    if (!supports(x.dtype, refusal)) { return {}; }
    auto const geometry = dense_geometry(attributes.window, attributes.groups, x, dy, Covered::output, refusal);
    if (!geometry) { return {}; }
    auto const hint = conv_forward(describe(*geometry, x.dtype, x.dtype, attributes.bias), user_scratchpad(), {});
    if (!is_fast(hint, refusal)) { return {}; }
    auto const chosen =
        conv_backward_weights(describe(*geometry, x.dtype, DType::f32, attributes.bias), hint, user_scratchpad(),
                              trusted(ConvPass::weight_gradient, *geometry, refusal));
    if (!is_fast(chosen, refusal)) { return {}; }
    return std::make_unique<ConvWeightGradientKernel>(*geometry, attributes.bias, chosen);
}

}  // namespace aureole::onednn
