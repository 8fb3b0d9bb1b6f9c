#include "core/kernels/native/norm_gradient.hpp"

#include "core/kernels/native/dispatch.hpp"
#include "core/kernels/native/norm.hpp"

namespace aureole::native {

namespace {

/// Sums of dz and of dz * (x - mean) over one chunk, column by column.
template <class T, class F, bool addends>
struct ChunkGradientSums {
    using A = Accumulation<T>;
    using Piece = GradientPiece<T, F, addends>;
    NormGeometry g;
    F activation;
    NormVectors<A> vectors;
    GradientInputs<T> in;
    A *sum, *product;  // (segment, chunk, width)

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        for_pieces(g, row, begin, end, *this);
    }
    KOKKOS_INLINE_FUNCTION void columns(Index segment, Index chunk, Index column, Index count) const {
        Index const first = g.chunk_begin(segment, chunk), size = g.chunk_begin(segment, chunk + 1) - first;
        GradientChunk<T> const here(in, first);
        A s[norm_piece], p[norm_piece];
        for (Index i = 0; i < count; ++i) { s[i] = p[i] = A(0); }
        Index element = column;
        if constexpr (sizeof(T) < sizeof(A)) {
            // two wide rows at a time, so that the running sums are loaded and stored less often; in f32 that would win
            // nothing, the loop waits for memory, whose prefetcher prefers a single row
            for (; element + g.width + count <= size; element += 2 * g.width) {
                add_two({here, vectors, activation, segment, element, column},
                        {here, vectors, activation, segment, element + g.width, column}, count, s, p);
            }
        }
        for (; element < size; element += g.width) {
            add({here, vectors, activation, segment, element, column}, columns_left(element, size, count), s, p);
        }
        Index const to = (segment * g.chunks + chunk) * g.width + column;
        for (Index i = 0; i < count; ++i) {
            sum[to + i] = s[i];
            product[to + i] = p[i];
        }
    }
    KOKKOS_INLINE_FUNCTION static void add(Piece const& row, Index n, A* __restrict s, A* __restrict p) {
        for (Index i = 0; i < n; ++i) {
            A const d = row.centered(i), dz = row.dz(i, d);
            s[i] += dz;
            p[i] += dz * d;
        }
    }
    KOKKOS_INLINE_FUNCTION static void add_two(Piece const& a, Piece const& b, Index n, A* __restrict s,
                                               A* __restrict p) {
        for (Index i = 0; i < n; ++i) {
            A const d = a.centered(i), e = b.centered(i);
            A const dz = a.dz(i, d), ez = b.dz(i, e);
            s[i] += dz + ez;
            p[i] += dz * d + ez * e;
        }
    }
};

/// Adds up the chunks f, f + folds, ... of a segment and the copies of a channel in a wide row, in double.
template <class A>
struct FoldGradientSums {
    NormGeometry g;
    Index folds;
    A const *sum, *product;         // (segment, chunk, width)
    double *total, *total_product;  // (segment, fold, channel)

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        Index const segment = row / folds, fold = row - segment * folds;
        double* const to = total + row * g.channels;
        double* const to_product = total_product + row * g.channels;
        for (Index c = begin; c < end; ++c) { to[c] = to_product[c] = 0; }
        for (Index chunk = fold; chunk < g.chunks; chunk += folds) {
            Index const from = (segment * g.chunks + chunk) * g.width;
            for (Index j = 0; j < g.width; j += g.channels) {
                for (Index c = begin; c < end; ++c) {
                    to[c] += static_cast<double>(sum[from + j + c]);
                    to_product[c] += static_cast<double>(product[from + j + c]);
                }
            }
        }
    }
};

/// Totals of one channel of one segment.
template <class A>
struct ChannelSums {
    NormGeometry g;
    NormPlacement place;
    Index folds;
    double const *total, *total_product;  // (segment, fold, channel)
    A const* inv_std;

    KOKKOS_INLINE_FUNCTION double of(double const* from, Index segment, Index channel) const {
        double s = 0;
        for (Index f = 0; f < folds; ++f) { s += from[(segment * folds + f) * g.channels + channel]; }
        return s;
    }
    [[nodiscard]] KOKKOS_INLINE_FUNCTION double dz(Index segment, Index channel) const {
        return of(total, segment, channel);
    }
    [[nodiscard]] KOKKOS_INLINE_FUNCTION double dz_xhat(Index segment, Index channel) const {
        return of(total_product, segment, channel) * static_cast<double>(inv_std[place.statistic(g, segment, channel)]);
    }
};

/// s1 and s2 of every segment and group; on a tile the tile's share of the means.
template <class A>
struct FinishMeans {
    ChannelSums<A> sums;
    NormPlacement results;
    A const* gamma;
    A *s1, *s2;

    KOKKOS_INLINE_FUNCTION void operator()(Index segment, Index begin, Index end) const {
        NormGeometry const& g = sums.g;
        NormPlacement const& place = sums.place;
        Index const per_group = place.channels / place.groups;
        for (Index group = begin; group < end; ++group) {
            Index const from = (group + place.first_group) * per_group - place.first_channel;
            Index const c0 = from > 0 ? from : 0, c1 = from + per_group < g.channels ? from + per_group : g.channels;
            double a = 0, b = 0;
            for (Index c = c0; c < c1; ++c) {
                double const factor = gamma == nullptr ? 1.0 : static_cast<double>(gamma[c]);
                a += factor * sums.dz(segment, c);
                b += factor * sums.dz_xhat(segment, c);
            }
            Index const to = results.statistic(g, segment, c0);
            s1[to] = A(a / g.elements_per_statistic);
            s2[to] = A(b / g.elements_per_statistic);
        }
    }
};

template <class A>
struct FinishParameters {
    ChannelSums<A> sums;
    bool accumulate;
    A *dgamma, *dbeta;

    KOKKOS_INLINE_FUNCTION void operator()(Index /*row*/, Index begin, Index end) const {
        for (Index c = begin; c < end; ++c) {
            double a = accumulate ? static_cast<double>(dbeta[c]) : 0.0;
            double b = accumulate ? static_cast<double>(dgamma[c]) : 0.0;
            for (Index segment = 0; segment < sums.g.segments; ++segment) {
                a += sums.dz(segment, c);
                b += sums.dz_xhat(segment, c);
            }
            dbeta[c] = A(a);
            dgamma[c] = A(b);
        }
    }
};

template <class T>
class NormReduceKernel : public NormGradientKernel<T> {
    using Base = NormGradientKernel<T>;
    using A = typename Base::A;
    using Base::attributes_, Base::g_, Base::place_, Base::workspace_;

  public:
    explicit NormReduceKernel(KernelRequest const& request)
        : Base(request.as<NormReduce>().attributes(), request, NormGeometry::Pass::sums) {
        Index const folded = g_.segments * g_.folds() * g_.channels;
        sum_ = workspace_.template add<A>(g_.all_chunks() * g_.width);
        product_ = workspace_.template add<A>(g_.all_chunks() * g_.width);
        total_ = workspace_.template add<double>(folded);
        total_product_ = workspace_.template add<double>(folded);
        results_ = NormPlacement::of(request.inputs[attributes_.x()], request.outputs[0]);
    }

    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        auto* sum = reinterpret_cast<A*>(workspace + sum_);
        auto* product = reinterpret_cast<A*>(workspace + product_);
        auto* total = reinterpret_cast<double*>(workspace + total_);
        auto* total_product = reinterpret_cast<double*>(workspace + total_product_);
        this->write_vectors(inputs, nullptr, nullptr, workspace);
        auto const in = this->gradient_inputs(inputs, workspace);
        visit_activation(attributes_.norm.activation, [&](auto const& activation) {
            using F = std::decay_t<decltype(activation)>;
            auto const launch = [&](auto addends) {
                for_rows(
                    "aureole::norm::chunk_gradient_sums", g_.all_chunks(), g_.width,
                    ChunkGradientSums<T, F, addends.value>{g_, activation, this->vectors(workspace), in, sum, product});
            };
            in.has_dy2 || in.has_residual ? launch(std::true_type{}) : launch(std::false_type{});
        });
        Index const folds = g_.folds();
        for_rows("aureole::norm::fold_gradient_sums", g_.segments * folds, g_.channels,
                 FoldGradientSums<A>{g_, folds, sum, product, total, total_product});
        ChannelSums<A> const sums{g_,    place_,        folds,
                                  total, total_product, inputs[attributes_.mean() + 1].template as<A>()};
        std::size_t parameters = 0;
        if (!attributes_.norm.fixed_statistics) {
            parameters = 2;
            for_rows("aureole::norm::finish_means", g_.segments, place_.local_groups,
                     FinishMeans<A>{sums, results_, this->gamma(inputs), outputs[0].as<A>(), outputs[1].as<A>()});
        }
        if (attributes_.norm.affine) {
            for_rows("aureole::norm::finish_parameters", 1, g_.channels,
                     FinishParameters<A>{sums, context.accumulate, outputs[parameters].as<A>(),
                                         outputs[parameters + 1].as<A>()});
        }
    }

  private:
    std::size_t sum_, product_, total_, total_product_;
    NormPlacement results_;  ///< of s1 and s2; not used where there are none
};

/// Every chunk has sums of its own, and none goes beyond a line of a strided tensor: of short lines they would take
/// half as much memory as the tensors.
bool has_too_many_sums(KernelRequest const& request) {
    constexpr Index few_rows = 4, many = Index{1} << 18U;
    NormGradientAttributes const& attributes = request.as<NormReduce>().attributes();
    NormGeometry const g = NormGeometry::of(request.inputs[attributes.x()], request.inputs[attributes.mean()],
                                            NormGeometry::Pass::sums, !all_dense(request));
    return g.line > 0 && g.height < few_rows && g.all_chunks() * g.width > many;
}

}  // namespace

std::unique_ptr<Kernel> make_norm_reduce(KernelRequest const& request, std::string& refusal) {
    if (has_too_many_sums(request)) {
        refusal = "lines of strided tensors are too short";
        return nullptr;
    }
    return make_by_type<NormReduceKernel>(request, request.inputs[0].dtype, refusal);
}

}  // namespace aureole::native
