#include "core/kernels/native/layer_norm.hpp"

#include "core/kernels/launch.hpp"
#include "core/kernels/native/dispatch.hpp"
#include "core/kernels/native/norm_geometry.hpp"
#include "core/kernels/native/round_row.hpp"
#include "core/ops/layer_norm.hpp"

namespace aureole::native {

namespace {

/// Sum of value(i) over [0, count) in 16 interleaved sums, which the compiler turns into vectors.
template <class A, class Value>
KOKKOS_INLINE_FUNCTION A sum_row(Index count, Value const& value) {
    constexpr int lanes = 16;
    A lane[lanes];
    for (int k = 0; k < lanes; ++k) { lane[k] = A(0); }
    Index i = 0;
    for (; i + lanes <= count; i += lanes) {
        for (int k = 0; k < lanes; ++k) { lane[k] += value(i + k); }
    }
    A rest = A(0);
    for (; i < count; ++i) { rest += value(i); }
    for (int width = lanes / 2; width > 0; width /= 2) {
        for (int k = 0; k < width; ++k) { lane[k] += lane[k + width]; }
    }
    return lane[0] + rest;
}

/// On the host: a reduction over a row of channels, then the element-wise pass over it while it is in the cache.
template <class Reduce, class Map>
struct ReduceThenMap {
    Reduce reduce;
    Map map;
    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        reduce(row, begin, end);
        map(row, begin, end);
    }
};

/// Runs reduce for every row and then map for every element. A device takes two launches, one thread per row in the
/// first and per element in the second.
template <class Reduce, class Map>
void for_reduced_rows(char const* label, Index rows, Index columns, Reduce const& reduce, Map const& map) {
    if constexpr (runs_on_host) {
        for_rows(label, rows, columns, ReduceThenMap<Reduce, Map>{reduce, map});
    } else {
        for_rows("aureole::layer_norm::reduce", rows, 1, reduce);
        for_rows(label, rows, columns, map);
    }
}

/// Mean and inverse deviation of a row, in two passes so that nothing cancels.
template <class T>
struct RowMoments {
    using A = Accumulation<T>;
    Index channels;
    double epsilon;
    T const* x;
    A *mean, *inv_std;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index /*begin*/, Index /*end*/) const {
        T const* __restrict const from = x + row * channels;
        auto const count = A(channels);
        A const center = sum_row<A>(channels, [=](Index i) { return A(from[i]); }) / count;
        A const variance = sum_row<A>(channels,
                                      [=](Index i) {
                                          A const d = A(from[i]) - center;
                                          return d * d;
                                      }) /
                           count;
        mean[row] = center;
        inv_std[row] = A(1.0 / ::sqrt(static_cast<double>(variance) + epsilon));
    }
};

/// y = gamma * (x - mean) * inv_std + beta.
template <class T>
struct NormalizeRow {
    using A = Accumulation<T>;
    Index channels;
    T const* x;
    A const *mean, *inv_std, *gamma, *beta;
    T* y;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        T const* __restrict const from = x + row * channels;
        A const* __restrict const scale = gamma;
        A const* __restrict const shift = beta;
        T* __restrict const to = y + row * channels;
        A const m = mean[row], s = inv_std[row];
        if constexpr (rounds_rows<T>) {
            for_row_blocks(begin, end, to, [=](Index i) { return (A(from[i]) - m) * s * scale[i] + shift[i]; });
        } else {
            for (Index i = begin; i < end; ++i) { to[i] = T((A(from[i]) - m) * s * scale[i] + shift[i]); }
        }
    }
};

/// Means over the channels of g = gamma * dy and of g * xhat.
template <class T>
struct RowGradientMeans {
    using A = Accumulation<T>;
    Index channels;
    T const *dy, *x;
    A const *mean, *inv_std, *gamma;
    A* means;  // (row, 2)

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index /*begin*/, Index /*end*/) const {
        T const* __restrict const from = dy + row * channels;
        T const* __restrict const at = x + row * channels;
        A const* __restrict const scale = gamma;
        A const m = mean[row];
        auto const count = A(channels);
        means[2 * row] = sum_row<A>(channels, [=](Index i) { return scale[i] * A(from[i]); }) / count;
        means[2 * row + 1] = sum_row<A>(channels, [=](Index i) { return scale[i] * A(from[i]) * (A(at[i]) - m); }) *
                             inv_std[row] / count;
    }
};

/// dx = inv_std * (g - mean(g) - xhat * mean(g * xhat)). Every element is read before it is written: dx may be dy.
template <class T>
struct RowInputGradient {
    using A = Accumulation<T>;
    Index channels;
    T const *dy, *x;
    A const *mean, *inv_std, *gamma, *means;
    T* dx;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        T const* __restrict const from = dy + row * channels;
        T const* __restrict const at = x + row * channels;
        A const* __restrict const scale = gamma;
        T* __restrict const to = dx + row * channels;
        A const m = mean[row], s = inv_std[row], offset = means[2 * row], slope = means[2 * row + 1] * s;
        if constexpr (rounds_rows<T>) {
            for_row_blocks(begin, end, to,
                           [=](Index i) { return s * (scale[i] * A(from[i]) - offset - (A(at[i]) - m) * slope); });
        } else {
            for (Index i = begin; i < end; ++i) {
                to[i] = T(s * (scale[i] * A(from[i]) - offset - (A(at[i]) - m) * slope));
            }
        }
    }
};

/// How the weight gradient parts the rows: chunks that depend on the shape only, so that the sums do not depend on the
/// number of threads.
struct RowChunks {
    static constexpr Index least_rows = 64, most_chunks = 512;
    Index rows, channels;
    [[nodiscard]] KOKKOS_INLINE_FUNCTION Index count() const {
        Index const chunks = (rows + least_rows - 1) / least_rows;
        return chunks < most_chunks ? chunks : most_chunks;
    }
    [[nodiscard]] KOKKOS_INLINE_FUNCTION Index begin(Index chunk) const { return rows * chunk / count(); }
};

/// Sums of dy * xhat and of dy over the rows of a chunk: short runs in the accumulation type, then in double.
template <class T>
struct ChunkWeightSums {
    using A = Accumulation<T>;
    static constexpr Index run = 64, piece = runs_on_host ? 128 : 1;  // a device thread has one column
    RowChunks chunks;
    T const *dy, *x;
    A const *mean, *inv_std;
    double *dgamma, *dbeta;  // (chunk, channel)

    KOKKOS_INLINE_FUNCTION void operator()(Index chunk, Index begin, Index end) const {
        for (Index column = begin; column < end; column += piece) {
            columns(chunk, column, end - column < piece ? end - column : piece);
        }
    }
    KOKKOS_INLINE_FUNCTION void columns(Index chunk, Index column, Index count) const {
        double* __restrict const to_gamma = dgamma + chunk * chunks.channels + column;
        double* __restrict const to_beta = dbeta + chunk * chunks.channels + column;
        for (Index i = 0; i < count; ++i) { to_gamma[i] = to_beta[i] = 0; }
        Index const last = chunks.begin(chunk + 1);
        for (Index first = chunks.begin(chunk); first < last; first += run) {
            A s[piece], p[piece];
            for (Index i = 0; i < count; ++i) { s[i] = p[i] = A(0); }
            Index const stop = first + run < last ? first + run : last;
            for (Index row = first; row < stop; ++row) { add(row, column, count, s, p); }
            for (Index i = 0; i < count; ++i) {
                to_gamma[i] += static_cast<double>(p[i]);
                to_beta[i] += static_cast<double>(s[i]);
            }
        }
    }
    KOKKOS_INLINE_FUNCTION void add(Index row, Index column, Index count, A* __restrict s, A* __restrict p) const {
        T const* __restrict const from = dy + row * chunks.channels + column;
        T const* __restrict const at = x + row * chunks.channels + column;
        A const m = mean[row], deviation = inv_std[row];
        for (Index i = 0; i < count; ++i) {
            A const g = A(from[i]);
            s[i] += g;
            p[i] += g * ((A(at[i]) - m) * deviation);
        }
    }
};

template <class A>
struct FinishWeightSums {
    RowChunks chunks;
    bool accumulate;
    double const *gamma_sums, *beta_sums;  // (chunk, channel)
    A *dgamma, *dbeta;

    KOKKOS_INLINE_FUNCTION void operator()(Index /*row*/, Index begin, Index end) const {
        for (Index c = begin; c < end; ++c) {
            double g = accumulate ? static_cast<double>(dgamma[c]) : 0.0;
            double b = accumulate ? static_cast<double>(dbeta[c]) : 0.0;
            for (Index chunk = 0; chunk < chunks.count(); ++chunk) {
                g += gamma_sums[chunk * chunks.channels + c];
                b += beta_sums[chunk * chunks.channels + c];
            }
            dgamma[c] = A(g);
            dbeta[c] = A(b);
        }
    }
};

template <class T>
class LayerNormKernel : public Kernel {
    using A = Accumulation<T>;

  public:
    explicit LayerNormKernel(KernelRequest const& request) : attributes_(request.as<LayerNorm>().attributes()) {}

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* /*workspace*/) const override {
        Shape const& x = inputs[0].shape;
        auto const* from = inputs[0].as<T>();
        auto *mean = outputs[1].as<A>(), *inv_std = outputs[2].as<A>();
        for_reduced_rows(
            "aureole::layer_norm::forward", x.pixels(), x.c,
            RowMoments<T>{x.c, attributes_.epsilon, from, mean, inv_std},
            NormalizeRow<T>{x.c, from, mean, inv_std, inputs[1].as<A>(), inputs[2].as<A>(), outputs[0].as<T>()});
    }

  private:
    LayerNormAttributes attributes_;
};

template <class T>
class LayerNormInputGradientKernel : public Kernel {
    using A = Accumulation<T>;

  public:
    explicit LayerNormInputGradientKernel(KernelRequest const& request) {
        means_ = workspace_.add<A>(2 * request.inputs[1].local().pixels());
    }
    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        Shape const& shape = inputs[1].shape;
        auto const *dy = inputs[0].as<T>(), *x = inputs[1].as<T>();
        auto const *mean = inputs[2].as<A>(), *inv_std = inputs[3].as<A>(), *gamma = inputs[4].as<A>();
        auto* means = reinterpret_cast<A*>(workspace + means_);
        for_reduced_rows("aureole::layer_norm::input_gradient", shape.pixels(), shape.c,
                         RowGradientMeans<T>{shape.c, dy, x, mean, inv_std, gamma, means},
                         RowInputGradient<T>{shape.c, dy, x, mean, inv_std, gamma, means, outputs[0].as<T>()});
    }

  private:
    WorkspaceLayout workspace_;
    std::size_t means_;
};

template <class T>
class LayerNormWeightGradientKernel : public Kernel {
    using A = Accumulation<T>;

  public:
    explicit LayerNormWeightGradientKernel(KernelRequest const& request)
        : chunks_{request.inputs[1].local().pixels(), request.inputs[1].local().c} {
        gamma_sums_ = workspace_.add<double>(chunks_.count() * chunks_.channels);
        beta_sums_ = workspace_.add<double>(chunks_.count() * chunks_.channels);
    }
    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        auto* gamma_sums = reinterpret_cast<double*>(workspace + gamma_sums_);
        auto* beta_sums = reinterpret_cast<double*>(workspace + beta_sums_);
        for_rows("aureole::layer_norm::weight_sums", chunks_.count(), chunks_.channels,
                 ChunkWeightSums<T>{chunks_, inputs[0].as<T>(), inputs[1].as<T>(), inputs[2].as<A>(), inputs[3].as<A>(),
                                    gamma_sums, beta_sums});
        for_rows("aureole::layer_norm::weight_gradient", 1, chunks_.channels,
                 FinishWeightSums<A>{chunks_, context.accumulate, gamma_sums, beta_sums, outputs[0].as<A>(),
                                     outputs[1].as<A>()});
    }

  private:
    RowChunks chunks_;
    WorkspaceLayout workspace_;
    std::size_t gamma_sums_, beta_sums_;
};

/// Whether x holds whole pixels, which is what its access rule asks for.
bool holds_whole_pixels(TensorSpec const& x, TensorSpec const& result, std::string& refusal) {
    if (x.local().c == x.global.c && result.local().c == x.global.c) { return true; }
    refusal = "channels are split";
    return false;
}

}  // namespace

std::unique_ptr<Kernel> make_layer_norm(KernelRequest const& request, std::string& refusal) {
    if (!holds_whole_pixels(request.inputs[0], request.outputs[0], refusal)) { return nullptr; }
    return make_by_type<LayerNormKernel>(request, request.inputs[0].dtype, refusal);
}

std::unique_ptr<Kernel> make_layer_norm_input_gradient(KernelRequest const& request, std::string& refusal) {
    if (!holds_whole_pixels(request.inputs[1], request.outputs[0], refusal)) { return nullptr; }
    return make_by_type<LayerNormInputGradientKernel>(request, request.inputs[1].dtype, refusal);
}

std::unique_ptr<Kernel> make_layer_norm_weight_gradient(KernelRequest const& request, std::string& refusal) {
    if (!holds_whole_pixels(request.inputs[1], request.inputs[0], refusal)) { return nullptr; }
    return make_by_type<LayerNormWeightGradientKernel>(request, request.inputs[1].dtype, refusal);
}

}  // namespace aureole::native
