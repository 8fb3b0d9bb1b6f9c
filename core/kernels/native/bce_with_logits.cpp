#include "core/ops/bce_with_logits.hpp"

#include "core/kernels/native/activation_functions.hpp"
#include "core/kernels/native/dispatch.hpp"
#include "core/kernels/native/loss_sums.hpp"
#include "core/kernels/native/losses.hpp"
#include "core/kernels/native/target_values.hpp"

namespace aureole::native {

namespace {

template <class T>
struct BceChunk {
    LossSums sums;
    Index channels, valid_pixels;
    double positive_weight;
    T const* logits;
    TargetValues targets;
    CountedLabels counted;
    double* partial;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index /*begin*/, Index /*end*/) const {
        using A = Accumulation<T>;
        Index const pixel_end = sums.last_pixel(row) < valid_pixels ? sums.last_pixel(row) : valid_pixels;
        double loss = 0;
        for (Index i = sums.first_pixel(row) * channels; i < pixel_end * channels; ++i) {
            double const z = static_cast<double>(A(logits[i])), t = targets[i];
            if (!counted.counts(t)) { continue; }
            double const away = z < 0 ? -z : z;
            double const softplus = ::log1p(static_cast<double>(exponential(A(-away)))) + (z < 0 ? away : 0.0);
            loss += (1 - t) * z + (1 + (positive_weight - 1) * t) * softplus;
        }
        partial[row] = loss;
    }
};

struct FinishBce {
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

/// weight / (number of elements that count).
double factor_of(BceWithLogitsAttributes const& attributes, RunContext const& context, ValidSamples const& valid,
                 TensorSpec const& x) {
    auto const all = static_cast<double>(valid.global * x.global.elements_per_sample());
    return attributes.loss.weight * inverse_count(context.counted_labels, all);
}

template <class T>
class BceWithLogitsKernel : public Kernel {
  public:
    explicit BceWithLogitsKernel(KernelRequest const& request)
        : attributes_(request.as<BceWithLogits>().attributes()), x_(request.inputs[0]) {
        sums_ = {x_.local().n, x_.local().pixels_per_sample(), 1};
    }
    [[nodiscard]] std::size_t workspace_bytes() const override { return sums_.bytes(); }

    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        ValidSamples const valid(context, x_);
        for_rows("aureole::bce_with_logits::chunks", sums_.samples * sums_.chunks(), 1,
                 BceChunk<T>{sums_, x_.local().c, valid.local * sums_.pixels, attributes_.positive_weight,
                             inputs[0].as<T>(), TargetValues(inputs[1]),
                             CountedLabels(attributes_.loss.ignore_label, inputs[1].dtype), sums_.partial(workspace)});
        sums_.add_up(workspace);
        for_rows("aureole::bce_with_logits::finish", 1, 1,
                 FinishBce{sums_, factor_of(attributes_, context, valid, x_), sums_.grouped(workspace),
                           outputs[0].as<double>()});
    }

  private:
    BceWithLogitsAttributes attributes_;
    TensorSpec x_;
    LossSums sums_;
};

/// With s the sigmoid of z: dz = (1 - t) - (1 + (p - 1) t) (1 - s), written as s - t for p = 1.
template <class T>
struct BceGradient {
    using A = Accumulation<T>;
    A positive_weight, factor;
    Index valid;
    T const* logits;
    TargetValues targets;
    CountedLabels counted;
    T* dlogits;

    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        for (Index i = begin; i < end; ++i) {
            double const target = targets[i];
            A const s = logistic(A(logits[i])), t = A(target);
            A const gradient = (s - t) - (positive_weight - A(1)) * t * (A(1) - s);
            dlogits[i] = T(i < valid && counted.counts(target) ? factor * gradient : A(0));
        }
    }
};

template <class T>
class BceWithLogitsInputGradientKernel : public Kernel {
  public:
    explicit BceWithLogitsInputGradientKernel(KernelRequest const& request)
        : attributes_(request.as<BceWithLogitsInputGradient>().attributes()), x_(request.inputs[0]) {}

    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* /*workspace*/) const override {
        using A = Accumulation<T>;
        ValidSamples const valid(context, x_);
        double const factor = attributes_.loss.gradient_scale * factor_of(attributes_, context, valid, x_);
        Shape const local = x_.local();
        for_elements(
            "aureole::bce_with_logits::input_gradient", local.volume(),
            BceGradient<T>{A(attributes_.positive_weight), A(factor), valid.local * local.elements_per_sample(),
                           inputs[0].as<T>(), TargetValues(inputs[1]),
                           CountedLabels(attributes_.loss.ignore_label, inputs[1].dtype), outputs[0].as<T>()});
    }

  private:
    BceWithLogitsAttributes attributes_;
    TensorSpec x_;
};

}  // namespace

std::unique_ptr<Kernel> make_bce_with_logits(KernelRequest const& request, std::string& refusal) {
    return make_by_type<BceWithLogitsKernel>(request, request.inputs[0].dtype, refusal);
}

std::unique_ptr<Kernel> make_bce_with_logits_input_gradient(KernelRequest const& request, std::string& refusal) {
    return make_by_type<BceWithLogitsInputGradientKernel>(request, request.inputs[0].dtype, refusal);
}

}  // namespace aureole::native
