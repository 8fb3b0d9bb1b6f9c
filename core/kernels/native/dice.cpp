#include "core/ops/dice.hpp"

#include "core/kernels/native/dispatch.hpp"
#include "core/kernels/native/loss_sums.hpp"
#include "core/kernels/native/losses.hpp"
#include "core/kernels/native/softmax.hpp"
#include "core/kernels/native/target_values.hpp"

namespace aureole::native {

namespace {

/// Probability and target of class k at a pixel. One channel: sigmoid and the value; several: softmax and one-hot.
template <class T>
struct DicePixels {
    using A = Accumulation<T>;
    Index classes;
    T const* logits;
    TargetValues labels;
    CountedLabels counted;

    [[nodiscard]] KOKKOS_INLINE_FUNCTION bool counts(Index pixel) const { return counted.counts(labels[pixel]); }
    [[nodiscard]] KOKKOS_INLINE_FUNCTION double target(Index pixel, Index k) const {
        double const label = labels[pixel];
        if (classes == 1) { return label; }
        return label == static_cast<double>(k) ? 1.0 : 0.0;
    }
};

/// Rows of the sums: sum(p t), sum(p), sum(t), each for all classes.
enum Row : std::uint8_t { both_row, probability_row, target_row, row_count };

template <class T>
struct DiceChunk {
    LossSums sums;
    DicePixels<T> pixels;
    double* partial;  // (sample, chunk, row, class)

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index /*begin*/, Index /*end*/) const {
        Index const classes = pixels.classes;
        double* const to = partial + row * sums.columns;
        for (Index i = 0; i < sums.columns; ++i) { to[i] = 0; }
        Index const end = sums.last_pixel(row);
        for (Index pixel = sums.first_pixel(row); pixel < end; ++pixel) {
            if (!pixels.counts(pixel)) { continue; }
            T const* const z = pixels.logits + pixel * classes;
            if (classes == 1) {
                add(to, pixel, 0, static_cast<double>(logistic(Accumulation<T>(*z))));
                continue;
            }
            PixelSoftmax<T> const softmax(z, classes);
            for (Index k = 0; k < classes; ++k) { add(to, pixel, k, static_cast<double>(softmax.probability(k))); }
        }
    }
    KOKKOS_INLINE_FUNCTION void add(double* to, Index pixel, Index k, double p) const {
        double const t = pixels.target(pixel, k);
        to[both_row * pixels.classes + k] += p * t;
        to[probability_row * pixels.classes + k] += p;
        to[target_row * pixels.classes + k] += t;
    }
};

/// Sums of a sample over its groups.
struct FinishDiceSums {
    LossSums sums;
    double const* grouped;
    double* totals;  // (sample, row, class)
    KOKKOS_INLINE_FUNCTION void operator()(Index sample, Index begin, Index end) const {
        for (Index i = begin; i < end; ++i) {
            totals[sample * sums.columns + i] = sum_of_sample(sums, grouped, sample, i);
        }
    }
};

/// The sums of one sample, (row, class).
struct SampleSums {
    Index classes;
    double const* of;

    [[nodiscard]] KOKKOS_INLINE_FUNCTION double at(Row row, Index k) const { return of[row * classes + k]; }
    /// Whether the sample's mean over classes takes in class k.
    [[nodiscard]] KOKKOS_INLINE_FUNCTION bool has(Index k) const { return classes == 1 || at(target_row, k) > 0; }
    /// 1 / the number of these classes; 0 if there are none.
    [[nodiscard]] KOKKOS_INLINE_FUNCTION double share() const {
        Index count = 0;
        for (Index k = 0; k < classes; ++k) { count += has(k) ? 1 : 0; }
        return count > 0 ? 1 / static_cast<double>(count) : 0;
    }
};

struct FinishDice {
    Index samples, classes;
    double smooth, factor;
    double const* totals;
    double* loss;
    KOKKOS_INLINE_FUNCTION void operator()(Index /*row*/, Index /*begin*/, Index /*end*/) const {
        double sum = 0;
        for (Index sample = 0; sample < samples; ++sample) {
            SampleSums const sums{classes, totals + sample * row_count * classes};
            double const share = sums.share();
            for (Index k = 0; k < classes; ++k) {
                double const all = sums.at(probability_row, k) + sums.at(target_row, k) + smooth;
                bool const counts = sums.has(k) && all > 0;
                sum += counts ? share * (1 - (2 * sums.at(both_row, k) + smooth) / all) : 0;
            }
        }
        *loss = factor * sum;
    }
};

/// Local sums of every sample and class; what computes the loss from them.
template <class T>
class LocalDiceSums {
  public:
    LocalDiceSums(DiceAttributes const& attributes, TensorSpec const& x)
        : ignore_label_(attributes.loss.ignore_label), classes_(x.local().c) {
        sums_ = {x.local().n, x.local().pixels_per_sample(), row_count * x.local().c};
    }
    [[nodiscard]] std::size_t workspace_bytes() const { return sums_.bytes(); }
    void run(Tensor const& logits, Tensor const& labels, double* totals, std::byte* workspace) const {
        for_rows("aureole::dice::chunks", sums_.samples * sums_.chunks(), 1,
                 DiceChunk<T>{sums_,
                              {classes_, logits.as<T>(), TargetValues(labels), {ignore_label_, labels.dtype}},
                              sums_.partial(workspace)});
        sums_.add_up(workspace);
        for_rows("aureole::dice::sums", sums_.samples, sums_.columns,
                 FinishDiceSums{sums_, sums_.grouped(workspace), totals});
    }

  private:
    std::optional<Index> ignore_label_;
    Index classes_;
    LossSums sums_;
};

/// weight / samples that count.
double factor_of(DiceAttributes const& attributes, RunContext const& context, ValidSamples const& valid) {
    return attributes.loss.weight * inverse_count(context.counted_samples, static_cast<double>(valid.global));
}

void finish_dice(DiceAttributes const& attributes, RunContext const& context, TensorSpec const& x, double const* totals,
                 double* loss) {
    ValidSamples const valid(context, x);
    for_rows(
        "aureole::dice::finish", 1, 1,
        FinishDice{valid.local, x.local().c, attributes.smooth, factor_of(attributes, context, valid), totals, loss});
}

template <class T>
class DiceKernel : public Kernel {
  public:
    explicit DiceKernel(KernelRequest const& request)
        : attributes_(request.as<Dice>().attributes()), x_(request.inputs[0]), sums_(attributes_, request.inputs[0]) {}
    [[nodiscard]] std::size_t workspace_bytes() const override { return sums_.workspace_bytes(); }

    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        sums_.run(inputs[0], inputs[1], outputs[1].as<double>(), workspace);
        finish_dice(attributes_, context, x_, outputs[1].as<double>(), outputs[0].as<double>());
    }

  private:
    DiceAttributes attributes_;
    TensorSpec x_;
    LocalDiceSums<T> sums_;
};

template <class T>
class DiceSumsKernel : public Kernel {
  public:
    explicit DiceSumsKernel(KernelRequest const& request)
        : sums_(request.as<DiceSums>().attributes(), request.inputs[0]) {}
    [[nodiscard]] std::size_t workspace_bytes() const override { return sums_.workspace_bytes(); }
    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        sums_.run(inputs[0], inputs[1], outputs[0].as<double>(), workspace);
    }

  private:
    LocalDiceSums<T> sums_;
};

/// The sums (n, 1, 1, 3, c) stand for logits of n samples and c classes.
class DiceFinishKernel : public Kernel {
  public:
    explicit DiceFinishKernel(KernelRequest const& request)
        : attributes_(request.as<DiceFinish>().attributes()), sums_(request.inputs[0]) {}
    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* /*workspace*/) const override {
        finish_dice(attributes_, context, sums_, inputs[0].as<double>(), outputs[0].as<double>());
    }

  private:
    DiceAttributes attributes_;
    TensorSpec sums_;
};

/// d(loss)/dp = base + slope * t of every sample and class. With D = (2 I + s) / (P + T + s): dD/dp = (2 t - D) / (P +
/// T + s).
template <class A>
struct DiceSlopes {
    Index classes;
    double smooth, factor;
    double const* totals;  // (sample, row, class)
    A *base, *slope;       // (sample, class)

    KOKKOS_INLINE_FUNCTION void operator()(Index sample, Index begin, Index end) const {
        SampleSums const sums{classes, totals + sample * row_count * classes};
        double const by_class = factor * sums.share();
        for (Index k = begin; k < end; ++k) {
            double const all = sums.at(probability_row, k) + sums.at(target_row, k) + smooth;
            bool const counts = sums.has(k) && all > 0;
            double const dice = counts ? (2 * sums.at(both_row, k) + smooth) / all : 0;
            base[sample * classes + k] = A(counts ? by_class * dice / all : 0.0);
            slope[sample * classes + k] = A(counts ? -2 * by_class / all : 0.0);
        }
    }
};

/// dlogits of one pixel.
template <class T>
struct DiceGradient {
    using A = Accumulation<T>;
    DicePixels<T> pixels;
    Index pixels_per_sample, valid_samples;
    A const *base, *slope;  // (sample, class)
    T* dlogits;

    [[nodiscard]] KOKKOS_INLINE_FUNCTION A by_probability(Index sample, Index pixel, Index k) const {
        Index const i = sample * pixels.classes + k;
        return base[i] + slope[i] * A(pixels.target(pixel, k));
    }
    KOKKOS_INLINE_FUNCTION void operator()(Index pixel, Index /*begin*/, Index /*end*/) const {
        Index const classes = pixels.classes, sample = pixel / pixels_per_sample;
        T const* const z = pixels.logits + pixel * classes;
        T* const to = dlogits + pixel * classes;
        if (sample >= valid_samples || !pixels.counts(pixel)) {
            for (Index k = 0; k < classes; ++k) { to[k] = T(A(0)); }
        } else if (classes == 1) {
            A const p = logistic(A(*z));
            *to = T(by_probability(sample, pixel, 0) * p * (A(1) - p));
        } else {
            PixelSoftmax<T> const softmax(z, classes);
            A mean = 0;
            for (Index k = 0; k < classes; ++k) { mean += softmax.probability(k) * by_probability(sample, pixel, k); }
            for (Index k = 0; k < classes; ++k) {
                to[k] = T(softmax.probability(k) * (by_probability(sample, pixel, k) - mean));
            }
        }
    }
};

template <class T>
class DiceInputGradientKernel : public Kernel {
    using A = Accumulation<T>;

  public:
    explicit DiceInputGradientKernel(KernelRequest const& request)
        : attributes_(request.as<DiceInputGradient>().attributes()), x_(request.inputs[0]) {}
    [[nodiscard]] std::size_t workspace_bytes() const override {
        return static_cast<std::size_t>(2 * x_.local().n * x_.local().c) * sizeof(A);
    }

    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        ValidSamples const valid(context, x_);
        Shape const local = x_.local();
        double const factor = attributes_.loss.gradient_scale * factor_of(attributes_, context, valid);
        auto* const base = reinterpret_cast<A*>(workspace);
        A* const slope = base + local.n * local.c;
        for_rows("aureole::dice::slopes", local.n, local.c,
                 DiceSlopes<A>{local.c, attributes_.smooth, factor, inputs[2].as<double>(), base, slope});
        for_rows(
            "aureole::dice::input_gradient", local.pixels(), 1,
            DiceGradient<T>{
                {local.c, inputs[0].as<T>(), TargetValues(inputs[1]), {attributes_.loss.ignore_label, inputs[1].dtype}},
                local.pixels_per_sample(),
                valid.local,
                base,
                slope,
                outputs[0].as<T>()});
    }

  private:
    DiceAttributes attributes_;
    TensorSpec x_;
};

}  // namespace

std::unique_ptr<Kernel> make_dice(KernelRequest const& request, std::string& refusal) {
    return make_by_type<DiceKernel>(request, request.inputs[0].dtype, refusal);
}

std::unique_ptr<Kernel> make_dice_sums(KernelRequest const& request, std::string& refusal) {
    return make_by_type<DiceSumsKernel>(request, request.inputs[0].dtype, refusal);
}

std::unique_ptr<Kernel> make_dice_finish(KernelRequest const& request, std::string& /*refusal*/) {
    return std::make_unique<DiceFinishKernel>(request);
}

std::unique_ptr<Kernel> make_dice_input_gradient(KernelRequest const& request, std::string& refusal) {
    return make_by_type<DiceInputGradientKernel>(request, request.inputs[0].dtype, refusal);
}

}  // namespace aureole::native
