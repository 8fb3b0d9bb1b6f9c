#include "core/kernels/native/conv_weight_gradient.hpp"

#include "core/kernels/native/conv.hpp"
#include "core/kernels/native/conv_weight_sums.hpp"
#include "core/kernels/native/dispatch.hpp"

namespace aureole::native {

namespace {

std::size_t aligned(Index bytes) { return (static_cast<std::size_t>(bytes) + 63) / 64 * 64; }
Index ceil_divide(Index a, Index b) { return (a + b - 1) / b; }

/// Column sums of dy in two kernels. The chunks depend on the shape only.
template <class T>
class ColumnSum {
  public:
    using A = Accumulation<T>;

    explicit ColumnSum(TensorSpec const& dy)
        : lines_(Lines::of(dy)), rows_(dy.local().pixels()), columns_(dy.local().c) {
        chunk_rows_ = std::max<Index>(ceil_divide(rows_, 2048), 64);
        chunks_ = ceil_divide(rows_, chunk_rows_);
    }
    [[nodiscard]] std::size_t workspace_bytes() const {
        return aligned(chunks_ * columns_ * static_cast<Index>(sizeof(double)));
    }
    void run(char const* partial_label, char const* combine_label, bool accumulate, Tensor const& db, Tensor const& dy,
             std::byte* workspace) const {
        auto* partial = reinterpret_cast<double*>(workspace);
        for_rows(partial_label, chunks_, columns_,
                 ColumnSums<T>{partial, dy.as<T>(), lines_, rows_, chunk_rows_, columns_});
        for_elements(combine_label, columns_,
                     CombineChunks<A, double>{db.as<A>(), partial, columns_, chunks_, accumulate});
    }

  private:
    Lines lines_;
    Index rows_, columns_, chunk_rows_ = 1, chunks_ = 1;
};

template <class T>
class BiasGradientKernel : public Kernel {
  public:
    explicit BiasGradientKernel(KernelRequest const& request) : sum_(request.inputs[0]) {}
    [[nodiscard]] std::size_t workspace_bytes() const override { return sum_.workspace_bytes(); }
    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        sum_.run("aureole::bias_gradient::partial", "aureole::bias_gradient::sum", context.accumulate, outputs[0],
                 inputs[0], workspace);
    }

  private:
    ColumnSum<T> sum_;
};

/// Everything of a weight gradient but its types.
struct WeightPlan {
    WeightGeometry geometry;
    Index inputs, outputs, groups;  ///< channels per group
    bool bias;
    TensorSpec dy;
    WeightGradientLabels labels;

    [[nodiscard]] Index taps() const { return geometry.axis[0].taps * geometry.axis[1].taps * geometry.axis[2].taps; }
    [[nodiscard]] Index weights() const { return taps() * inputs * outputs * groups; }
};

template <class T, int Block, int Columns>
class WeightKernel : public Kernel {
  public:
    using A = Accumulation<T>;

    explicit WeightKernel(WeightPlan plan)
        : plan_(std::move(plan)), bias_(plan_.dy), input_blocks_(ceil_divide(plan_.inputs, Block)) {
        // Chunks are small enough for x and dy to stay in cache while all taps and channels pass over them, and for
        // their partial sums to take no more than 8 MiB.
        constexpr Index most_bytes = Index{8} << 20U, least_pixels = 1024;
        Index const weight_bytes = std::max<Index>(1, plan_.weights()) * static_cast<Index>(sizeof(A));
        Index const most_chunks = std::max<Index>(1, most_bytes / weight_bytes);
        Index const pixels = plan_.geometry.pixels;
        chunk_pixels_ = std::max(least_pixels, ceil_divide(pixels, most_chunks));
        chunks_ = ceil_divide(pixels, chunk_pixels_);
        partial_bytes_ = aligned(chunks_ * weight_bytes);
    }

    [[nodiscard]] std::size_t workspace_bytes() const override {
        return partial_bytes_ + (plan_.bias ? bias_.workspace_bytes() : 0);
    }

    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        auto* partial = reinterpret_cast<A*>(workspace);
        ConvWeightPartial<T, A, Block, Columns> sums{};
        sums.partial = partial;
        sums.x = inputs[0].as<T>();
        sums.dy = inputs[1].as<T>();
        sums.in = plan_.geometry.in;
        sums.out = plan_.geometry.out;
        for (int i = 0; i < 3; ++i) { sums.axis[i] = plan_.geometry.axis[static_cast<std::size_t>(i)]; }
        sums.pixels = plan_.geometry.pixels;
        sums.chunk_pixels = chunk_pixels_;
        sums.inputs = plan_.inputs;
        sums.outputs = plan_.outputs;
        sums.groups = plan_.groups;
        sums.input_blocks = input_blocks_;
        sums.output_chunks = ceil_divide(plan_.outputs, Columns);
        Index const rows = chunks_ * plan_.taps() * plan_.groups * input_blocks_ * sums.output_chunks;
        for_rows(plan_.labels.partial, rows, Columns, sums);
        for_elements(plan_.labels.combine, plan_.weights(),
                     CombineChunks<A, A>{outputs[0].as<A>(), partial, plan_.weights(), chunks_, context.accumulate});
        if (plan_.bias) {
            bias_.run(plan_.labels.bias_partial, plan_.labels.bias_combine, context.accumulate, outputs[1], inputs[1],
                      workspace + partial_bytes_);
        }
    }

  private:
    WeightPlan plan_;
    ColumnSum<T> bias_;
    Index input_blocks_;
    Index chunk_pixels_ = 1, chunks_ = 1;
    std::size_t partial_bytes_ = 0;
};

template <class T, int Columns>
std::unique_ptr<Kernel> weight_kernel(WeightPlan plan) {
    if (plan.inputs > 4) { return std::make_unique<WeightKernel<T, 8, Columns>>(std::move(plan)); }
    if (plan.inputs > 1) { return std::make_unique<WeightKernel<T, 4, Columns>>(std::move(plan)); }
    return std::make_unique<WeightKernel<T, 1, Columns>>(std::move(plan));
}

}  // namespace

std::unique_ptr<Kernel> conv_weight_gradient(ConvAttributes const& attributes, KernelRequest const& request,
                                             WeightGradientLabels const& labels, std::string& refusal) {
    TensorSpec const &x = request.inputs[0], &dy = request.inputs[1];
    WeightPlan plan{.geometry = weight_geometry(attributes.window, x, dy),
                    .inputs = x.global.c / attributes.groups,
                    .outputs = attributes.filters / attributes.groups,
                    .groups = attributes.groups,
                    .bias = attributes.bias,
                    .dy = dy,
                    .labels = labels};
    bool const fits = x.dtype == dy.dtype && request.outputs[0].dtype == accumulation_type(x.dtype);
    if (fits && x.dtype == DType::f64) { return weight_kernel<double, 16>(std::move(plan)); }
    if (fits && x.dtype == DType::f32) { return weight_kernel<float, 32>(std::move(plan)); }
    if (fits && x.dtype == DType::bf16) { return weight_kernel<BFloat16, 32>(std::move(plan)); }
    refusal = fmt::format("no kernel for x in {} and dy in {}", name_of(x.dtype), name_of(dy.dtype));
    return nullptr;
}

std::unique_ptr<Kernel> make_bias_gradient(KernelRequest const& request, std::string& refusal) {
    return make_by_type<BiasGradientKernel>(request, request.inputs[0].dtype, refusal);
}

}  // namespace aureole::native
