#include "core/kernels/native/conv.hpp"

#include <fmt/format.h>

#include "core/kernels/native/conv_gather.hpp"
#include "core/kernels/native/conv_weight_gradient.hpp"
#include "core/ops/transposed_conv.hpp"

namespace aureole::native {

namespace {

/// Everything of a gathering convolution but its types. Inputs: source, [addend,] w, [b].
struct GatherPlan {
    std::vector<Lattice> lattices;
    Place out, in, add;
    Index samples, inputs, outputs, groups, taps;                 ///< inputs and outputs per group
    Index tap_stride, input_stride, output_stride, group_stride;  ///< of the weights
    bool bias, addend;
    ConvLabels labels;
};

std::size_t aligned(Index bytes) { return (static_cast<std::size_t>(bytes) + 63) / 64 * 64; }

template <class T>
struct FillZero {
    T* values;

    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        for (Index i = begin; i < end; ++i) { values[i] = T(0.0F); }
    }
};

template <class T, int Columns>
class GatherKernel : public Kernel {
  public:
    using A = Accumulation<T>;
    static constexpr int pixels = runs_on_host ? 8 : 4;  ///< a device wants more threads with fewer registers

    explicit GatherKernel(GatherPlan plan)
        : plan_(std::move(plan)),
          chunks_((plan_.outputs + Columns - 1) / Columns),
          packed_bytes_(aligned(pack_rows() * chunks_ * Columns * static_cast<Index>(sizeof(A)))) {}

    [[nodiscard]] std::size_t workspace_bytes() const override {
        return packed_bytes_ + aligned(longest_sum() * static_cast<Index>(sizeof(T)));
    }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        auto* packed = reinterpret_cast<A*>(workspace);
        auto* zeros = reinterpret_cast<T*>(workspace + packed_bytes_);
        std::size_t const w = plan_.addend ? 2 : 1;
        if (inputs[w].dtype == dtype_of<T>) {
            pack(packed, inputs[w].as<T>());
        } else {
            pack(packed, inputs[w].as<A>());
        }
        for_elements(plan_.labels.pack, longest_sum(), FillZero<T>{zeros});

        ConvGather<T, A, pixels, Columns> gather{};
        gather.y = outputs[0].as<T>();
        gather.source = inputs[0].as<T>();
        gather.zeros = zeros;
        gather.packed = packed;
        gather.bias = plan_.bias ? inputs[w + 1].as<A>() : nullptr;
        gather.addend = plan_.addend ? inputs[1].as<T>() : nullptr;
        gather.out = plan_.out;
        gather.in = plan_.in;
        gather.add = plan_.add;
        gather.inputs = plan_.inputs;
        gather.outputs = plan_.outputs;
        gather.chunks = chunks_;
        gather.adjacent = adjacent();
        for (Lattice const& lattice : plan_.lattices) {
            for (int i = 0; i < 3; ++i) { gather.axis[i] = lattice[static_cast<std::size_t>(i)]; }
            gather.positions = plan_.samples * lattice[0].count * lattice[1].count * lattice[2].count;
            gather.blocks = (gather.positions + pixels - 1) / pixels;
            for_rows(plan_.labels.gather, gather.blocks * chunks_ * plan_.groups, Columns, gather);
        }
    }

  private:
    [[nodiscard]] Index pack_rows() const { return plan_.groups * plan_.taps * plan_.inputs; }
    [[nodiscard]] bool adjacent() const {
        GatherAxis const& w = plan_.lattices[0][2];
        return w.divisor == 1 && w.tap == 1 && plan_.in.w == plan_.inputs;
    }
    [[nodiscard]] Index longest_sum() const {
        return adjacent() ? plan_.lattices[0][2].taps * plan_.inputs : plan_.inputs;
    }

    template <class W>
    void pack(A* packed, W const* weights) const {
        for_rows(
            plan_.labels.pack, pack_rows(), chunks_ * Columns,
            PackWeights<A, W, Columns>{packed, weights, plan_.taps, plan_.inputs, plan_.outputs, chunks_,
                                       plan_.tap_stride, plan_.input_stride, plan_.output_stride, plan_.group_stride});
    }

    GatherPlan plan_;
    Index chunks_;
    std::size_t packed_bytes_;
};

/// Two vector registers of outputs if there are as many, else one.
template <class T, int Vector>
std::unique_ptr<Kernel> gather_of_width(GatherPlan plan) {
    if (plan.outputs <= Vector) { return std::make_unique<GatherKernel<T, Vector>>(std::move(plan)); }
    return std::make_unique<GatherKernel<T, 2 * Vector>>(std::move(plan));
}

std::unique_ptr<Kernel> make_gather(GatherPlan plan, KernelRequest const& request, std::string& refusal) {
    DType const dtype = request.outputs[0].dtype;
    std::size_t const w = plan.addend ? 2 : 1;
    DType const weights = request.inputs[w].dtype;
    bool const fits = request.inputs[0].dtype == dtype && (weights == dtype || weights == accumulation_type(dtype)) &&
                      (!plan.bias || request.inputs[w + 1].dtype == accumulation_type(dtype));
    if (fits && dtype == DType::f64) { return gather_of_width<double, 8>(std::move(plan)); }
    if (fits && dtype == DType::f32) { return gather_of_width<float, 16>(std::move(plan)); }
    if (fits && dtype == DType::bf16) { return gather_of_width<BFloat16, 16>(std::move(plan)); }
    refusal = fmt::format("no kernel for {} with {} weights", name_of(dtype), name_of(weights));
    return nullptr;
}

Index tap_count(Windows const& windows) { return windows[0].size * windows[1].size * windows[2].size; }

}  // namespace

std::unique_ptr<Kernel> conv_forward(ConvAttributes const& attributes, KernelRequest const& request,
                                     ConvLabels const& labels, std::string& refusal) {
    TensorSpec const &x = request.inputs[0], &y = request.outputs[0];
    Index const inputs = x.global.c / attributes.groups, outputs = attributes.filters / attributes.groups;
    GatherPlan plan{.lattices = {conv_lattice(attributes.window, x, y)},
                    .out = local_place(y),
                    .in = global_place(x, y),
                    .add = {},
                    .samples = y.local().n,
                    .inputs = inputs,
                    .outputs = outputs,
                    .groups = attributes.groups,
                    .taps = tap_count(attributes.window),
                    .tap_stride = inputs * attributes.filters,
                    .input_stride = attributes.filters,
                    .output_stride = 1,
                    .group_stride = outputs,
                    .bias = attributes.bias,
                    .addend = attributes.addend,
                    .labels = labels};
    if (attributes.addend) {
        auto const& lo = y.box.lo;
        plan.add = place_of(request.inputs[1], {lo[0], lo[1], lo[2], lo[3]});
    }
    return make_gather(std::move(plan), request, refusal);
}

std::unique_ptr<Kernel> conv_backward(ConvAttributes const& attributes, KernelRequest const& request,
                                      ConvLabels const& labels, std::string& refusal) {
    TensorSpec const &dy = request.inputs[0], &dx = request.outputs[0];
    Index const channels = dx.global.c / attributes.groups, filters = attributes.filters / attributes.groups;
    GatherPlan plan{.lattices = input_gradient_lattices(attributes.window, dy, dx),
                    .out = local_place(dx),
                    .in = global_place(dy, dx),
                    .add = {},
                    .samples = dx.local().n,
                    .inputs = filters,
                    .outputs = channels,
                    .groups = attributes.groups,
                    .taps = tap_count(attributes.window),
                    .tap_stride = channels * attributes.filters,
                    .input_stride = 1,
                    .output_stride = attributes.filters,
                    .group_stride = filters,
                    .bias = attributes.bias,
                    .addend = false,
                    .labels = labels};
    return make_gather(std::move(plan), request, refusal);
}

std::unique_ptr<Kernel> make_conv(KernelRequest const& request, std::string& refusal) {
    return conv_forward(request.as<Conv>().attributes(), request,
                        {"aureole::conv::forward", "aureole::conv::pack_weights"}, refusal);
}

std::unique_ptr<Kernel> make_conv_input_gradient(KernelRequest const& request, std::string& refusal) {
    ConvAttributes attributes = request.as<ConvInputGradient>().attributes();
    attributes.bias = attributes.addend = false;  // they do not reach dx
    return conv_backward(attributes, request,
                         {"aureole::conv::input_gradient", "aureole::conv::pack_transposed_weights"}, refusal);
}

std::unique_ptr<Kernel> make_transposed_conv(KernelRequest const& request, std::string& refusal) {
    TransposedConvAttributes const& attributes = request.as<TransposedConv>().attributes();
    ConvAttributes adjoint = adjoint_conv(attributes, request.inputs[0].global.c);
    adjoint.bias = attributes.bias;
    return conv_backward(adjoint, request,
                         {"aureole::transposed_conv::forward", "aureole::transposed_conv::pack_weights"}, refusal);
}

std::unique_ptr<Kernel> make_conv_weight_gradient(KernelRequest const& request, std::string& refusal) {
    return conv_weight_gradient(request.as<ConvWeightGradient>().attributes(), request,
                                {"aureole::conv::weight_gradient", "aureole::conv::weight_gradient_sum",
                                 "aureole::conv::bias_gradient", "aureole::conv::bias_gradient_sum"},
                                refusal);
}

}  // namespace aureole::native
