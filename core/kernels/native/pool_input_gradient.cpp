#include "core/kernels/native/pool.hpp"

#include "core/kernels/native/dispatch.hpp"
#include "core/kernels/native/pixels.hpp"
#include "core/kernels/native/pool_axis.hpp"
#include "core/ops/pool.hpp"

namespace aureole::native {

namespace {

/// Calls visit(tap, d, h, w of the output) for the windows that hold a position of the input.
template <class Visit>
KOKKOS_INLINE_FUNCTION void for_holders(PoolAxis const* axis, Index d, Index h, Index w, Visit& visit) {
    Index const id = axis[0].lo + d, ih = axis[1].lo + h, iw = axis[2].lo + w;
    for (Index od = axis[0].first_output(id); od <= axis[0].last_output(id); ++od) {
        Index const t = axis[0].offset(id, od);
        if (t < 0) { continue; }
        for (Index oh = axis[1].first_output(ih); oh <= axis[1].last_output(ih); ++oh) {
            Index const r = axis[1].offset(ih, oh);
            if (r < 0) { continue; }
            for (Index ow = axis[2].first_output(iw); ow <= axis[2].last_output(iw); ++ow) {
                Index const s = axis[2].offset(iw, ow);
                if (s >= 0) { visit((t * axis[1].size + r) * axis[2].size + s, od, oh, ow); }
            }
        }
    }
}

template <class T, class I>
struct MaxPoolInputGradient {
    using A = Accumulation<T>;
    T* dx;
    T const* dy;
    I const* index;
    Place out, in, index_in;
    PoolAxis axis[3];

    template <int Width>
    struct Sum {
        MaxPoolInputGradient const& pool;
        Index n, c;
        alignas(vector_alignment<A>(Width)) A sum[Width];

        KOKKOS_INLINE_FUNCTION void operator()(Index tap, Index d, Index h, Index w) {
            T const* gradient = pool.dy + pool.in.at(n, d, h, w) + c;
            I const* chosen = pool.index + pool.index_in.at(n, d, h, w) + c;
            I const here = static_cast<I>(tap);
#pragma omp simd
            for (int i = 0; i < Width; ++i) { sum[i] += chosen[i] == here ? static_cast<A>(gradient[i]) : A(0); }
        }
    };
    struct Pixel {
        MaxPoolInputGradient const& pool;
        Index n, d, h, w;

        template <int Width>
        KOKKOS_INLINE_FUNCTION void compute(Index c) const {
            Sum<Width> sum{pool, n, c, {}};
            for_holders(pool.axis, d, h, w, sum);
            T* result = pool.dx + pool.out.at(n, d, h, w) + c;
            for (int i = 0; i < Width; ++i) { result[i] = static_cast<T>(sum.sum[i]); }
        }
    };
    KOKKOS_INLINE_FUNCTION void operator()(Index n, Index d, Index h, Index w, Index begin, Index end) const {
        for_channel_blocks(Pixel{*this, n, d, h, w}, begin, end);
    }
};

template <class T>
struct AveragePoolInputGradient {
    using A = Accumulation<T>;
    T* dx;
    T const* dy;
    Place out, in;
    PoolAxis axis[3];
    bool count_padding;

    template <int Width>
    struct Sum {
        AveragePoolInputGradient const& pool;
        Index n, c;
        alignas(vector_alignment<A>(Width)) A sum[Width];

        KOKKOS_INLINE_FUNCTION void operator()(Index /*tap*/, Index d, Index h, Index w) {
            PoolAxis const* axis = pool.axis;
            Index const count = pool.count_padding ? axis[0].size * axis[1].size * axis[2].size
                                                   : axis[0].inside(d) * axis[1].inside(h) * axis[2].inside(w);
            T const* gradient = pool.dy + pool.in.at(n, d, h, w) + c;
            A const share = A(1) / static_cast<A>(count);
#pragma omp simd
            for (int i = 0; i < Width; ++i) { sum[i] += static_cast<A>(gradient[i]) * share; }
        }
    };
    struct Pixel {
        AveragePoolInputGradient const& pool;
        Index n, d, h, w;

        template <int Width>
        KOKKOS_INLINE_FUNCTION void compute(Index c) const {
            Sum<Width> sum{pool, n, c, {}};
            for_holders(pool.axis, d, h, w, sum);
            T* result = pool.dx + pool.out.at(n, d, h, w) + c;
            for (int i = 0; i < Width; ++i) { result[i] = static_cast<T>(sum.sum[i]); }
        }
    };
    KOKKOS_INLINE_FUNCTION void operator()(Index n, Index d, Index h, Index w, Index begin, Index end) const {
        for_channel_blocks(Pixel{*this, n, d, h, w}, begin, end);
    }
};

template <class T>
class PoolInputGradientKernel : public Kernel {
  public:
    explicit PoolInputGradientKernel(KernelRequest const& request)
        : attributes_(request.as<PoolInputGradient>().attributes()), inputs_(request.inputs), dx_(request.outputs[0]) {}

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* /*workspace*/) const override {
        if (attributes_.kind == PoolKind::average) {
            AveragePoolInputGradient<T> pool{
                outputs[0].as<T>(),       inputs[0].as<T>(), local_place(dx_), global_place(inputs_[0], dx_), {},
                attributes_.count_padding};
            set_axes(pool, axes());
            for_pixels("aureole::pool::average_input_gradient", dx_.local(), pool);
        } else if (inputs[1].dtype == DType::u8) {
            maximum<std::uint8_t>(outputs, inputs);
        } else {
            maximum<std::int32_t>(outputs, inputs);
        }
    }

  private:
    template <class I>
    void maximum(std::span<Tensor const> outputs, std::span<Tensor const> inputs) const {
        MaxPoolInputGradient<T, I> pool{outputs[0].as<T>(),
                                        inputs[0].as<T>(),
                                        inputs[1].as<I>(),
                                        local_place(dx_),
                                        global_place(inputs_[0], dx_),
                                        global_place(inputs_[1], dx_),
                                        {}};
        set_axes(pool, axes());
        for_pixels("aureole::pool::max_input_gradient", dx_.local(), pool);
    }
    [[nodiscard]] PoolAxes axes() const {
        return pool_axes(attributes_.window, dx_.global, inputs_[0].global, dx_.box);
    }

    PoolAttributes attributes_;
    std::vector<TensorSpec> inputs_;
    TensorSpec dx_;
};

}  // namespace

std::unique_ptr<Kernel> make_pool_input_gradient(KernelRequest const& request, std::string& refusal) {
    return make_by_type<PoolInputGradientKernel>(request, request.outputs[0].dtype, refusal);
}

}  // namespace aureole::native
