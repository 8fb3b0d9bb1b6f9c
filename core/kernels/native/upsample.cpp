#include "core/kernels/native/upsample.hpp"

#include "core/kernels/native/conv_geometry.hpp"
#include "core/kernels/native/dispatch.hpp"
#include "core/kernels/native/pixels.hpp"
#include "core/ops/upsample.hpp"

namespace aureole::native {

namespace {

/// What a small pixel is made of along one axis: (1 - weight) * lower + weight * upper; one neighbour if weight is 0.
struct Neighbours {
    Index lower, upper;
    double weight;

    /// Weight of large pixel i.
    [[nodiscard]] KOKKOS_INLINE_FUNCTION double of(Index i) const {
        return (i == lower ? 1 - weight : 0.0) + (i == upper ? weight : 0.0);
    }
};

struct UpsampleAxis {
    Index scale, extent;  ///< extent: of the large pixels, global
    bool linear;
    Index first, size;  ///< large pixel i is in the small pixels i * scale + first ... + size - 1
    Index lo;           ///< of the tensor whose pixels are walked

    /// Neighbours of the global small position o. Positions are kept as whole multiples of 1 / (2 scale), so that the
    /// weight is exactly 0 where only one pixel counts and the other may not be here.
    [[nodiscard]] KOKKOS_INLINE_FUNCTION Neighbours at(Index o) const {
        if (!linear) { return {o / scale, o / scale, 0.0}; }
        Index const position = 2 * o + 1 - scale;
        if (position <= 0) { return {0, 0, 0.0}; }
        Index const lower = position / (2 * scale), rest = position - lower * 2 * scale;
        if (rest == 0 || lower + 1 >= extent) { return {lower, lower, 0.0}; }
        return {lower, lower + 1, static_cast<double>(rest) / static_cast<double>(2 * scale)};
    }
    [[nodiscard]] KOKKOS_INLINE_FUNCTION Index begin(Index i) const {
        return i * scale + first < 0 ? 0 : i * scale + first;
    }
    [[nodiscard]] KOKKOS_INLINE_FUNCTION Index end(Index i) const {
        return i * scale + first + size < extent * scale ? i * scale + first + size : extent * scale;
    }
};

/// y of one pixel: up to eight neighbours.
template <class T>
struct UpsampleForward {
    using A = Accumulation<T>;
    T* y;
    T const* x;
    Place out, in;
    UpsampleAxis axis[3];

    struct Pixel {
        T const* source[8];
        A weight[8];
        int count;
        T* result;

        template <int Width>
        KOKKOS_INLINE_FUNCTION void compute(Index c) const {
            alignas(vector_alignment<A>(Width)) A sum[Width];
            for (int i = 0; i < Width; ++i) { sum[i] = static_cast<A>(source[0][c + i]) * weight[0]; }
            for (int k = 1; k < count; ++k) {
                T const* values = source[k] + c;
#pragma omp simd
                for (int i = 0; i < Width; ++i) { sum[i] += static_cast<A>(values[i]) * weight[k]; }
            }
            for (int i = 0; i < Width; ++i) { result[c + i] = static_cast<T>(sum[i]); }
        }
    };
    KOKKOS_INLINE_FUNCTION void operator()(Index n, Index d, Index h, Index w, Index begin, Index end) const {
        Neighbours const nd = axis[0].at(axis[0].lo + d), nh = axis[1].at(axis[1].lo + h),
                         nw = axis[2].at(axis[2].lo + w);
        Pixel pixel{};
        pixel.result = y + out.at(n, d, h, w);
        for (int corner = 0; corner < 8; ++corner) {
            bool const ud = (corner & 4) != 0, uh = (corner & 2) != 0, uw = (corner & 1) != 0;
            double const weight =
                (ud ? nd.weight : 1 - nd.weight) * (uh ? nh.weight : 1 - nh.weight) * (uw ? nw.weight : 1 - nw.weight);
            if (weight == 0) { continue; }
            pixel.source[pixel.count] =
                x + in.at(n, ud ? nd.upper : nd.lower, uh ? nh.upper : nh.lower, uw ? nw.upper : nw.lower);
            pixel.weight[pixel.count++] = static_cast<A>(weight);
        }
        for_channel_blocks(pixel, begin, end);
    }
};

/// dx of one pixel: all small pixels that were made of it.
template <class T>
struct UpsampleBackward {
    using A = Accumulation<T>;
    T* dx;
    T const* dy;
    Place out, in;
    UpsampleAxis axis[3];

    struct Pixel {
        UpsampleBackward const& all;
        Index n, d, h, w;

        template <int Width>
        KOKKOS_INLINE_FUNCTION void compute(Index c) const {
            UpsampleAxis const* axis = all.axis;
            Index const id = axis[0].lo + d, ih = axis[1].lo + h, iw = axis[2].lo + w;
            alignas(vector_alignment<A>(Width)) A sum[Width];
            for (int i = 0; i < Width; ++i) { sum[i] = A(0); }
            for (Index od = axis[0].begin(id); od < axis[0].end(id); ++od) {
                double const weight_d = axis[0].at(od).of(id);
                for (Index oh = axis[1].begin(ih); oh < axis[1].end(ih); ++oh) {
                    double const weight_dh = weight_d * axis[1].at(oh).of(ih);
                    for (Index ow = axis[2].begin(iw); ow < axis[2].end(iw); ++ow) {
                        A const weight = static_cast<A>(weight_dh * axis[2].at(ow).of(iw));
                        T const* values = all.dy + all.in.at(n, od, oh, ow) + c;
#pragma omp simd
                        for (int i = 0; i < Width; ++i) { sum[i] += static_cast<A>(values[i]) * weight; }
                    }
                }
            }
            T* result = all.dx + all.out.at(n, d, h, w) + c;
            for (int i = 0; i < Width; ++i) { result[i] = static_cast<T>(sum[i]); }
        }
    };
    KOKKOS_INLINE_FUNCTION void operator()(Index n, Index d, Index h, Index w, Index begin, Index end) const {
        for_channel_blocks(Pixel{*this, n, d, h, w}, begin, end);
    }
};

/// Runs one of the two functors, which have the same members, from `in` to `out`.
template <class T, template <class> class Functor>
class UpsampleKernel : public Kernel {
  public:
    UpsampleKernel(char const* label, UpsampleAttributes const& attributes, KernelRequest const& request,
                   TensorSpec const& large)
        : label_(label), in_(request.inputs[0]), out_(request.outputs[0]) {
        Windows const windows = upsample_windows(attributes);
        for (std::size_t i = 0; i < 3; ++i) {
            axis_[i] = {attributes.scale[i],
                        large.global.extents()[i + 1],
                        attributes.mode == UpsampleMode::linear,
                        -windows[i].pad_lo,
                        windows[i].size,
                        out_.box.lo[i + 1]};
        }
    }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* /*workspace*/) const override {
        Functor<T> functor{outputs[0].as<T>(), inputs[0].as<T>(), local_place(out_), global_place(in_, out_), {}};
        for (int i = 0; i < 3; ++i) { functor.axis[i] = axis_[static_cast<std::size_t>(i)]; }
        for_pixels(label_, out_.local(), functor);
    }

  private:
    char const* label_;
    TensorSpec in_, out_;
    std::array<UpsampleAxis, 3> axis_{};
};

template <class T>
class Forward : public UpsampleKernel<T, UpsampleForward> {
  public:
    explicit Forward(KernelRequest const& request)
        : UpsampleKernel<T, UpsampleForward>("aureole::upsample::forward", request.as<Upsample>().attributes(), request,
                                             request.inputs[0]) {}
};

template <class T>
class InputGradient : public UpsampleKernel<T, UpsampleBackward> {
  public:
    explicit InputGradient(KernelRequest const& request)
        : UpsampleKernel<T, UpsampleBackward>("aureole::upsample::input_gradient",
                                              request.as<UpsampleInputGradient>().attributes(), request,
                                              request.outputs[0]) {}
};

}  // namespace

std::unique_ptr<Kernel> make_upsample(KernelRequest const& request, std::string& refusal) {
    return make_by_type<Forward>(request, request.outputs[0].dtype, refusal);
}

std::unique_ptr<Kernel> make_upsample_input_gradient(KernelRequest const& request, std::string& refusal) {
    return make_by_type<InputGradient>(request, request.outputs[0].dtype, refusal);
}

}  // namespace aureole::native
