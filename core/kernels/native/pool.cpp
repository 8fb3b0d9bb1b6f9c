#include "core/kernels/native/pool.hpp"

#include <cmath>

#include "core/kernels/native/dispatch.hpp"
#include "core/kernels/native/pixels.hpp"
#include "core/kernels/native/pool_axis.hpp"
#include "core/ops/pool.hpp"

namespace aureole::native {

namespace {

/// Calls visit(tap, offset of the pixel in x) for the positions of a window that exist, in scan order.
template <class Visit>
KOKKOS_INLINE_FUNCTION void for_window(PoolAxis const* axis, Place const& in, Index n, Index d, Index h, Index w,
                                       Visit& visit) {
    Index const at_d = (axis[0].lo + d) * axis[0].stride - axis[0].pad;
    Index const at_h = (axis[1].lo + h) * axis[1].stride - axis[1].pad;
    Index const at_w = (axis[2].lo + w) * axis[2].stride - axis[2].pad;
    for (Index t = 0; t < axis[0].size; ++t) {
        Index const id = at_d + t * axis[0].dilation;
        if (id < 0 || id >= axis[0].input_extent) { continue; }
        for (Index r = 0; r < axis[1].size; ++r) {
            Index const ih = at_h + r * axis[1].dilation;
            if (ih < 0 || ih >= axis[1].input_extent) { continue; }
            for (Index s = 0; s < axis[2].size; ++s) {
                Index const iw = at_w + s * axis[2].dilation;
                if (iw < 0 || iw >= axis[2].input_extent) { continue; }
                visit((t * axis[1].size + r) * axis[2].size + s, in.at(n, id, ih, iw));
            }
        }
    }
}

template <class T, class A, int Width>
struct MaximumOf {
    T const* x;
    alignas(vector_alignment<A>(Width)) A best[Width];
    alignas(vector_alignment<std::int32_t>(Width)) std::int32_t index[Width];  ///< negative: nothing was seen yet

    KOKKOS_INLINE_FUNCTION void operator()(Index tap, Index offset) {
        T const* values = x + offset;
        auto const here = static_cast<std::int32_t>(tap);
#pragma omp simd
        for (int i = 0; i < Width; ++i) {
            A const value = static_cast<A>(values[i]);
            // a NaN is kept: nothing is greater
            bool const take = (value > best[i]) | (value != value) | (index[i] < 0);
            best[i] = take ? value : best[i];
            index[i] = take ? here : index[i];
        }
    }
};

template <class T, class I>
struct MaxPool {
    using A = Accumulation<T>;
    T* y;
    I* index;
    T const* x;
    Place out, index_out, in;
    PoolAxis axis[3];

    struct Pixel {
        MaxPool const& pool;
        Index n, d, h, w;

        template <int Width>
        KOKKOS_INLINE_FUNCTION void compute(Index c) const {
            MaximumOf<T, A, Width> maximum;
            maximum.x = pool.x + c;
            for (int i = 0; i < Width; ++i) { maximum.best[i] = -A(INFINITY), maximum.index[i] = -1; }
            for_window(pool.axis, pool.in, n, d, h, w, maximum);
            T* const best = pool.y + pool.out.at(n, d, h, w) + c;
            I* const chosen = pool.index + pool.index_out.at(n, d, h, w) + c;
            for (int i = 0; i < Width; ++i) {
                best[i] = static_cast<T>(maximum.best[i]);
                chosen[i] = static_cast<I>(maximum.index[i]);
            }
        }
    };
    KOKKOS_INLINE_FUNCTION void operator()(Index n, Index d, Index h, Index w, Index begin, Index end) const {
        for_channel_blocks(Pixel{*this, n, d, h, w}, begin, end);
    }
};

template <class T, class A, int Width>
struct SumOf {
    T const* x;
    alignas(vector_alignment<A>(Width)) A sum[Width];
    Index count = 0;

    KOKKOS_INLINE_FUNCTION void operator()(Index /*tap*/, Index offset) {
        T const* values = x + offset;
#pragma omp simd
        for (int i = 0; i < Width; ++i) { sum[i] += static_cast<A>(values[i]); }
        ++count;
    }
};

template <class T>
struct AveragePool {
    using A = Accumulation<T>;
    T* y;
    T const* x;
    Place out, in;
    PoolAxis axis[3];
    bool count_padding;

    struct Pixel {
        AveragePool const& pool;
        Index n, d, h, w;

        template <int Width>
        KOKKOS_INLINE_FUNCTION void compute(Index c) const {
            SumOf<T, A, Width> sum{pool.x + c, {}};
            for_window(pool.axis, pool.in, n, d, h, w, sum);
            Index const volume = pool.axis[0].size * pool.axis[1].size * pool.axis[2].size;
            Index const count = pool.count_padding ? volume : (sum.count > 0 ? sum.count : 1);
            Index const at = pool.out.at(n, d, h, w) + c;
            for (int i = 0; i < Width; ++i) { pool.y[at + i] = static_cast<T>(sum.sum[i] / static_cast<A>(count)); }
        }
    };
    KOKKOS_INLINE_FUNCTION void operator()(Index n, Index d, Index h, Index w, Index begin, Index end) const {
        for_channel_blocks(Pixel{*this, n, d, h, w}, begin, end);
    }
};

template <class T>
class PoolKernel : public Kernel {
  public:
    explicit PoolKernel(KernelRequest const& request)
        : attributes_(request.as<Pool>().attributes()),
          x_(request.inputs[0]),
          y_(request.outputs[0]),
          index_(request.outputs.back()) {}

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* /*workspace*/) const override {
        if (attributes_.kind == PoolKind::average) {
            AveragePool<T> pool{outputs[0].as<T>(),       inputs[0].as<T>(), local_place(y_), global_place(x_, y_), {},
                                attributes_.count_padding};
            set_axes(pool, axes());
            for_pixels("aureole::pool::average", y_.local(), pool);
        } else if (outputs[1].dtype == DType::u8) {
            maximum<std::uint8_t>(outputs, inputs);
        } else {
            maximum<std::int32_t>(outputs, inputs);
        }
    }

  private:
    template <class I>
    void maximum(std::span<Tensor const> outputs, std::span<Tensor const> inputs) const {
        MaxPool<T, I> pool{outputs[0].as<T>(),
                           outputs[1].as<I>(),
                           inputs[0].as<T>(),
                           local_place(y_),
                           local_place(index_),
                           global_place(x_, y_),
                           {}};
        set_axes(pool, axes());
        for_pixels("aureole::pool::max", y_.local(), pool);
    }
    [[nodiscard]] PoolAxes axes() const { return pool_axes(attributes_.window, x_.global, y_.global, y_.box); }

    PoolAttributes attributes_;
    TensorSpec x_, y_, index_;  ///< index_: of a maximum
};

}  // namespace

std::unique_ptr<Kernel> make_pool(KernelRequest const& request, std::string& refusal) {
    return make_by_type<PoolKernel>(request, request.outputs[0].dtype, refusal);
}

}  // namespace aureole::native
