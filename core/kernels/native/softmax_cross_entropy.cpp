#include "core/ops/softmax_cross_entropy.hpp"

#include "core/kernels/native/dispatch.hpp"
#include "core/kernels/native/loss_sums.hpp"
#include "core/kernels/native/losses.hpp"
#include "core/kernels/native/softmax.hpp"

namespace aureole::native {

namespace {

/// What the kernels need of the attributes.
struct Targets {
    explicit Targets(SoftmaxCrossEntropyAttributes const& attributes)
        : ignores(attributes.ignore_index.has_value()),
          ignored(attributes.ignore_index.value_or(0)),
          smoothing(attributes.label_smoothing) {}
    bool ignores;
    Index ignored;
    double smoothing;

    [[nodiscard]] KOKKOS_INLINE_FUNCTION bool counts(Index label) const { return !ignores || label != ignored; }
};

enum Column : std::uint8_t { loss_column, count_column, column_count };

/// Loss and number of the pixels of a chunk.
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
        double loss = 0, count = 0;
        for (Index pixel = sums.first_pixel(row); pixel < end && pixel < valid_pixels; ++pixel) {
            Index const label = labels[pixel];
            if (!targets.counts(label)) { continue; }
            loss += of_pixel(logits + pixel * classes, label);
            count += 1;
        }
        partial[row * column_count + loss_column] = loss;
        partial[row * column_count + count_column] = count;
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
    double weight;
    double count;  ///< of positions; negative: as counted
    double const* grouped;
    double *loss, *counted;

    KOKKOS_INLINE_FUNCTION void operator()(Index /*row*/, Index /*begin*/, Index /*end*/) const {
        double total = 0, n = 0;
        for (Index sample = 0; sample < sums.samples; ++sample) {
            total += sum_of_sample(sums, grouped, sample, loss_column);
            n += sum_of_sample(sums, grouped, sample, count_column);
        }
        double const positions = count < 0 ? n : count;
        *loss = positions > 0 ? weight * total / positions : 0.0;
        if (counted != nullptr) { *counted = n; }
    }
};

template <class T>
class SoftmaxCrossEntropyKernel : public Kernel {
  public:
    explicit SoftmaxCrossEntropyKernel(KernelRequest const& request)
        : attributes_(request.as<SoftmaxCrossEntropy>().attributes()), x_(request.inputs[0]) {
        Shape const local = x_.local();
        sums_ = {local.n, local.pixels_per_sample(), column_count};
    }
    [[nodiscard]] std::size_t workspace_bytes() const override { return sums_.bytes(); }

    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        ValidSamples const valid(context, x_);
        bool const counted = attributes_.ignore_index.has_value();
        for_rows("aureole::softmax_cross_entropy::chunks", sums_.samples * sums_.chunks(), 1,
                 SoftmaxChunk<T>{sums_, Targets(attributes_), x_.local().c, valid.local * sums_.pixels,
                                 inputs[0].as<T>(), inputs[1].as<std::int32_t>(), sums_.partial(workspace)});
        sums_.add_up(workspace);
        auto const positions = static_cast<double>(valid.global * x_.global.pixels_per_sample());
        for_rows("aureole::softmax_cross_entropy::finish", 1, 1,
                 FinishSoftmax{sums_, attributes_.loss.weight, counted ? -1 : positions, sums_.grouped(workspace),
                               outputs[0].as<double>(), counted ? outputs[1].as<double>() : nullptr});
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
    double scale;         ///< weight * gradient_scale, over the number of positions unless they are counted
    double const* count;  ///< null: not counted
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
        A const factor = A(count == nullptr ? scale : scale / *count);
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
        bool const counted = attributes_.ignore_index.has_value();
        auto const positions = static_cast<double>(valid.global * x_.global.pixels_per_sample());
        double const scale = attributes_.loss.weight * attributes_.loss.gradient_scale;
        for_rows("aureole::softmax_cross_entropy::input_gradient", x_.local().pixels(), 1,
                 SoftmaxGradient<T>{Targets(attributes_), x_.local().c, valid.local * x_.local().pixels_per_sample(),
                                    counted ? scale : scale / positions, counted ? inputs[2].as<double>() : nullptr,
                                    inputs[0].as<T>(), inputs[1].as<std::int32_t>(), outputs[0].as<T>()});
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
