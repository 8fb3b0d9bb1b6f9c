#include "core/kernels/native/global_pool.hpp"

#include "core/kernels/launch.hpp"
#include "core/kernels/native/dispatch.hpp"
#include "core/ops/global_pool.hpp"

namespace aureole::native {

namespace {

/// Chunks of one sample's local pixels; they depend on the shape only.
struct SampleChunks {
    Index samples, pixels, channels;  ///< local
    Index chunk_pixels, chunks;

    static SampleChunks of(Shape const& x) {
        SampleChunks c{x.n, x.pixels_per_sample(), x.c, 0, 0};
        c.chunk_pixels = std::max<Index>(64, (c.pixels + 255) / 256);
        c.chunks = (c.pixels + c.chunk_pixels - 1) / c.chunk_pixels;
        return c;
    }
    [[nodiscard]] KOKKOS_INLINE_FUNCTION Index last(Index first) const {
        return first + chunk_pixels < pixels ? first + chunk_pixels : pixels;
    }
    [[nodiscard]] std::size_t partial_bytes(std::size_t each) const {
        return (static_cast<std::size_t>(samples * chunks * channels) * each + 63) / 64 * 64;
    }
};

/// Flat position in the global sample of a local pixel.
struct GlobalPosition {
    Index local_h, local_w, global_h, global_w, lo_d, lo_h, lo_w;

    static GlobalPosition of(TensorSpec const& x) {
        auto const& lo = x.box.lo;
        return {x.local().h, x.local().w, x.global.h, x.global.w, lo[1], lo[2], lo[3]};
    }
    [[nodiscard]] KOKKOS_INLINE_FUNCTION std::int32_t operator()(Index pixel) const {
        Index const w = pixel % local_w, h = pixel / local_w % local_h, d = pixel / (local_w * local_h);
        return static_cast<std::int32_t>(((lo_d + d) * global_h + lo_h + h) * global_w + lo_w + w);
    }
};

/// partial[sample][chunk][c] = sum of x over the chunk.
template <class T>
struct PartialSums {
    double* partial;
    T const* x;
    SampleChunks split;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        Index const sample = row / split.chunks, first = (row - sample * split.chunks) * split.chunk_pixels;
        double* __restrict sums = partial + row * split.channels;
        for (Index c = begin; c < end; ++c) { sums[c] = 0; }
        for (Index pixel = first; pixel < split.last(first); ++pixel) {
            T const* __restrict values = x + (sample * split.pixels + pixel) * split.channels;
            for (Index c = begin; c < end; ++c) {
                sums[c] += static_cast<double>(static_cast<Accumulation<T>>(values[c]));
            }
        }
    }
};

template <class T>
struct CombineMeans {
    T* y;
    double const* partial;
    SampleChunks split;
    double share;  ///< 1 / global pixels of a sample

    KOKKOS_INLINE_FUNCTION void operator()(Index sample, Index begin, Index end) const {
        for (Index c = begin; c < end; ++c) {
            double sum = 0;
            for (Index chunk = 0; chunk < split.chunks; ++chunk) {
                sum += partial[(sample * split.chunks + chunk) * split.channels + c];
            }
            y[sample * split.channels + c] = static_cast<T>(static_cast<Accumulation<T>>(sum * share));
        }
    }
};

/// The later value is taken if it is greater or not a number, as in PyTorch.
template <class A>
KOKKOS_INLINE_FUNCTION bool takes_over(A value, A best) {
    return value > best || value != value;
}

/// best, index [sample][chunk][c] = maximum of x over the chunk and its global position.
template <class T>
struct PartialMaxima {
    using A = Accumulation<T>;
    A* best;
    std::int32_t* index;
    T const* x;
    SampleChunks split;
    GlobalPosition position;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        Index const sample = row / split.chunks, first = (row - sample * split.chunks) * split.chunk_pixels;
        A* __restrict most = best + row * split.channels;
        std::int32_t* __restrict where = index + row * split.channels;
        for (Index pixel = first; pixel < split.last(first); ++pixel) {
            T const* __restrict values = x + (sample * split.pixels + pixel) * split.channels;
            std::int32_t const here = position(pixel);
            if (pixel == first) {
                for (Index c = begin; c < end; ++c) { most[c] = static_cast<A>(values[c]), where[c] = here; }
                continue;
            }
            for (Index c = begin; c < end; ++c) {
                A const value = static_cast<A>(values[c]);
                bool const take = takes_over(value, most[c]);
                most[c] = take ? value : most[c];
                where[c] = take ? here : where[c];
            }
        }
    }
};

template <class T>
struct CombineMaxima {
    using A = Accumulation<T>;
    T* y;
    std::int32_t* index;
    A const* best;
    std::int32_t const* where;
    SampleChunks split;

    KOKKOS_INLINE_FUNCTION void operator()(Index sample, Index begin, Index end) const {
        for (Index c = begin; c < end; ++c) {
            Index const first = sample * split.chunks * split.channels + c;
            A most = best[first];
            std::int32_t here = where[first];
            for (Index chunk = 1; chunk < split.chunks; ++chunk) {
                Index const at = first + chunk * split.channels;
                if (takes_over(best[at], most)) { most = best[at], here = where[at]; }
            }
            y[sample * split.channels + c] = static_cast<T>(most);
            index[sample * split.channels + c] = here;
        }
    }
};

template <class T>
class GlobalPoolKernel : public Kernel {
  public:
    using A = Accumulation<T>;
    explicit GlobalPoolKernel(KernelRequest const& request)
        : pool_(request.as<GlobalPool>().pool()),
          x_(request.inputs[0]),
          split_(SampleChunks::of(request.inputs[0].local())) {}

    [[nodiscard]] std::size_t workspace_bytes() const override {
        return pool_ == PoolKind::average
                   ? split_.partial_bytes(sizeof(double))
                   : split_.partial_bytes(sizeof(A)) + split_.partial_bytes(sizeof(std::int32_t));
    }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        T* const y = outputs[0].as<T>();
        T const* const x = inputs[0].as<T>();
        Index const rows = split_.samples * split_.chunks;
        if (pool_ == PoolKind::average) {
            auto* partial = reinterpret_cast<double*>(workspace);
            double const share = 1.0 / static_cast<double>(x_.global.pixels_per_sample());
            for_rows("aureole::global_pool::partial_sums", rows, split_.channels, PartialSums<T>{partial, x, split_});
            for_rows("aureole::global_pool::average", split_.samples, split_.channels,
                     CombineMeans<T>{y, partial, split_, share});
            return;
        }
        auto* best = reinterpret_cast<A*>(workspace);
        auto* where = reinterpret_cast<std::int32_t*>(workspace + split_.partial_bytes(sizeof(A)));
        for_rows("aureole::global_pool::partial_maxima", rows, split_.channels,
                 PartialMaxima<T>{best, where, x, split_, GlobalPosition::of(x_)});
        for_rows("aureole::global_pool::max", split_.samples, split_.channels,
                 CombineMaxima<T>{y, outputs[1].as<std::int32_t>(), best, where, split_});
    }

  private:
    PoolKind pool_;
    TensorSpec x_;
    SampleChunks split_;
};

template <class T>
struct SpreadMean {
    using A = Accumulation<T>;
    T* dx;
    T const* dy;
    Index pixels, channels;
    A share;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        T* __restrict result = dx + row * channels;
        T const* __restrict gradient = dy + row / pixels * channels;
        for (Index c = begin; c < end; ++c) { result[c] = static_cast<T>(static_cast<A>(gradient[c]) * share); }
    }
};

template <class T>
struct SpreadMaximum {
    T* dx;
    T const* dy;
    std::int32_t const* index;
    Index pixels, channels;
    GlobalPosition position;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        Index const sample = row / pixels;
        std::int32_t const here = position(row - sample * pixels);
        T* __restrict result = dx + row * channels;
        T const* __restrict gradient = dy + sample * channels;
        std::int32_t const* __restrict chosen = index + sample * channels;
        for (Index c = begin; c < end; ++c) { result[c] = chosen[c] == here ? gradient[c] : static_cast<T>(0.0F); }
    }
};

template <class T>
class GlobalPoolInputGradientKernel : public Kernel {
  public:
    explicit GlobalPoolInputGradientKernel(KernelRequest const& request)
        : pool_(request.as<GlobalPoolInputGradient>().pool()), dx_(request.outputs[0]) {}

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* /*workspace*/) const override {
        Shape const local = dx_.local();
        T* const dx = outputs[0].as<T>();
        T const* const dy = inputs[0].as<T>();
        Index const pixels = local.pixels_per_sample();
        if (pool_ == PoolKind::average) {
            auto const share = static_cast<Accumulation<T>>(1.0 / static_cast<double>(dx_.global.pixels_per_sample()));
            for_rows("aureole::global_pool::average_input_gradient", local.pixels(), local.c,
                     SpreadMean<T>{dx, dy, pixels, local.c, share});
        } else {
            for_rows("aureole::global_pool::max_input_gradient", local.pixels(), local.c,
                     SpreadMaximum<T>{dx, dy, inputs[1].as<std::int32_t>(), pixels, local.c, GlobalPosition::of(dx_)});
        }
    }

  private:
    PoolKind pool_;
    TensorSpec dx_;
};

}  // namespace

std::unique_ptr<Kernel> make_global_pool(KernelRequest const& request, std::string& refusal) {
    return make_by_type<GlobalPoolKernel>(request, request.outputs[0].dtype, refusal);
}

std::unique_ptr<Kernel> make_global_pool_input_gradient(KernelRequest const& request, std::string& refusal) {
    return make_by_type<GlobalPoolInputGradientKernel>(request, request.outputs[0].dtype, refusal);
}

}  // namespace aureole::native
