#include "core/ops/softmax_cross_entropy.hpp"

#include "core/kernels/native/dispatch.hpp"
#include "core/kernels/native/loss_sums.hpp"
#include "core/kernels/native/losses.hpp"
#include "core/kernels/native/softmax.hpp"
#include "core/kernels/native/target_values.hpp"

namespace aureole::native {

namespace {

/// What the kernels need of the attributes.
struct Targets {
    explicit Targets(SoftmaxCrossEntropyAttributes const& attributes)
        : counted(attributes.loss.ignore_label, DType::i32), smoothing(attributes.label_smoothing) {}
    CountedLabels counted;
    double smoothing;

    [[nodiscard]] KOKKOS_INLINE_FUNCTION bool counts(Index label) const {
        return counted.counts(static_cast<double>(label));
    }
};

/// Loss of the pixels of a chunk.
template <class T>
struct SoftmaxChunk {
    LossSums sums;
    Targets targets;
    Index classes, valid_pixels;
    T const* logits;
    std::int32_t const* labels;
    double* partial;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index /*begin*/, Index /*end*/) const {
        Index const end = sums.last_pixel(row);
        double loss = 0;
        for (Index pixel = sums.first_pixel(row); pixel < end && pixel < valid_pixels; ++pixel) {
            Index const label = labels[pixel];
            if (!targets.counts(label)) { continue; }
            loss += of_pixel(logits + pixel * classes, label);
        }
        partial[row] = loss;
    }
    [[nodiscard]] KOKKOS_INLINE_FUNCTION double of_pixel(T const* z, Index label) const {
        if (label < 0 || label >= classes) { return static_cast<double>(NAN); }
        PixelSoftmax<T> const softmax(z, classes);
        double loss = softmax.surprise(label);
        if (targets.smoothing != 0) {
            double all = 0;
            for (Index k = 0; k < classes; ++k) { all += softmax.surprise(k); }
            loss = (1 - targets.smoothing) * loss + targets.smoothing / static_cast<double>(classes) * all;
        }
        return loss;
    }
};

struct FinishSoftmax {
    LossSums sums;
    double factor;
    double const* grouped;
    double* loss;

    KOKKOS_INLINE_FUNCTION void operator()(Index /*row*/, Index /*begin*/, Index /*end*/) const {
        double total = 0;
        for (Index sample = 0; sample < sums.samples; ++sample) { total += sum_of_sample(sums, grouped, sample, 0); }
        *loss = factor * total;
    }
};

/// weight / (number of positions that count).
double factor_of(SoftmaxCrossEntropyAttributes const& attributes, RunContext const& context, ValidSamples const& valid,
                 TensorSpec const& x) {
    auto const all = static_cast<double>(valid.global * x.global.pixels_per_sample());
    return attributes.loss.weight * inverse_count(context.counted_labels, all);
}

template <class T>
class SoftmaxCrossEntropyKernel : public Kernel {
  public:
    explicit SoftmaxCrossEntropyKernel(KernelRequest const& request)
        : attributes_(request.as<SoftmaxCrossEntropy>().attributes()), x_(request.inputs[0]) {
        Shape const local = x_.local();
        sums_ = {local.n, local.pixels_per_sample(), 1};
    }
    [[nodiscard]] std::size_t workspace_bytes() const override { return sums_.bytes(); }

    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        ValidSamples const valid(context, x_);
        for_rows("aureole::softmax_cross_entropy::chunks", sums_.samples * sums_.chunks(), 1,
                 SoftmaxChunk<T>{sums_, Targets(attributes_), x_.local().c, valid.local * sums_.pixels,
                                 inputs[0].as<T>(), inputs[1].as<std::int32_t>(), sums_.partial(workspace)});
        sums_.add_up(workspace);
        for_rows("aureole::softmax_cross_entropy::finish", 1, 1,
                 FinishSoftmax{sums_, factor_of(attributes_, context, valid, x_), sums_.grouped(workspace),
                               outputs[0].as<double>()});
    }

  private:
    SoftmaxCrossEntropyAttributes attributes_;
    TensorSpec x_;
    LossSums sums_;
};

/// dlogits of one pixel.
template <class T>
struct SoftmaxGradient {
    using A = Accumulation<T>;
    Targets targets;
    Index classes, valid_pixels;
    A factor;  ///< weight * gradient_scale / (number of positions that count)
    T const* logits;
    std::int32_t const* labels;
    T* dlogits;

    KOKKOS_INLINE_FUNCTION void operator()(Index pixel, Index /*begin*/, Index /*end*/) const {
        Index const label = labels[pixel];
        T* const to = dlogits + pixel * classes;
        if (pixel >= valid_pixels || !targets.counts(label)) {
            for (Index k = 0; k < classes; ++k) { to[k] = T(A(0)); }
            return;
        }
        A const floor = A(targets.smoothing / static_cast<double>(classes)), top = A(1 - targets.smoothing);
        PixelSoftmax<T> const softmax(logits + pixel * classes, classes);
        for (Index k = 0; k < classes; ++k) {
            A const target = k == label ? top + floor : floor;
            to[k] = T(factor * (softmax.probability(k) - target));
        }
    }
};

template <class T>
class SoftmaxCrossEntropyInputGradientKernel : public Kernel {
  public:
    explicit SoftmaxCrossEntropyInputGradientKernel(KernelRequest const& request)
        : attributes_(request.as<SoftmaxCrossEntropyInputGradient>().attributes()), x_(request.inputs[0]) {}

    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* /*workspace*/) const override {
        ValidSamples const valid(context, x_);
        double const factor = attributes_.loss.gradient_scale * factor_of(attributes_, context, valid, x_);
        for_rows("aureole::softmax_cross_entropy::input_gradient", x_.local().pixels(), 1,
                 SoftmaxGradient<T>{Targets(attributes_), x_.local().c, valid.local * x_.local().pixels_per_sample(),
                                    Accumulation<T>(factor), inputs[0].as<T>(), inputs[1].as<std::int32_t>(),
                                    outputs[0].as<T>()});
    }

  private:
    SoftmaxCrossEntropyAttributes attributes_;
    TensorSpec x_;
};

}  // namespace

std::unique_ptr<Kernel> make_softmax_cross_entropy(KernelRequest const& request, std::string& refusal) {
    return make_by_type<SoftmaxCrossEntropyKernel>(request, request.inputs[0].dtype, refusal);
}

std::unique_ptr<Kernel> make_softmax_cross_entropy_input_gradient(KernelRequest const& request, std::string& refusal) {
    return make_by_type<SoftmaxCrossEntropyInputGradientKernel>(request, request.inputs[0].dtype, refusal);
}

}  // namespace aureole::native
