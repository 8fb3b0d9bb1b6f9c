#include "core/kernels/native/dispatch.hpp"
#include "core/kernels/native/norm.hpp"
#include "core/kernels/native/norm_geometry.hpp"

namespace aureole::native {

namespace {

/// Sums of x - k and (x - k)^2 over one chunk, column by column; k is the first value of the column in the chunk, so
/// that nothing cancels however far the mean is from zero.
template <class T>
struct ChunkMoments {
    using A = Accumulation<T>;
    NormGeometry g;
    T const* x;
    A *sum, *square;  // (chunk, width)

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        for_pieces(g, row, begin, end, *this);
    }
    KOKKOS_INLINE_FUNCTION void columns(Index segment, Index chunk, Index column, Index count) const {
        Index const first = g.chunk_begin(segment, chunk), last = g.chunk_begin(segment, chunk + 1);
        A k[norm_piece], s[norm_piece], q[norm_piece];
        Index const present = columns_left(first + column, last, count);
        for (Index i = 0; i < count; ++i) { s[i] = q[i] = k[i] = A(0); }
        for (Index i = 0; i < present; ++i) { k[i] = A(x[first + column + i]); }
        // four wide rows at a time: the running sums are loaded and stored less often
        Index element = first + column;
        for (; element + 3 * g.width + count <= last; element += 4 * g.width) {
            T const* __restrict const from = x + element;
            for (Index i = 0; i < count; ++i) {
                A const a = A(from[i]) - k[i], b = A(from[i + g.width]) - k[i];
                A const c = A(from[i + 2 * g.width]) - k[i], d = A(from[i + 3 * g.width]) - k[i];
                s[i] += (a + b) + (c + d);
                q[i] += (a * a + b * b) + (c * c + d * d);
            }
        }
        for (; element < last; element += g.width) {
            T const* __restrict const from = x + element;
            Index const n = columns_left(element, last, count);
            for (Index i = 0; i < n; ++i) {
                A const d = A(from[i]) - k[i];
                s[i] += d;
                q[i] += d * d;
            }
        }
        Index const to = (segment * g.chunks + chunk) * g.width + column;
        for (Index i = 0; i < count; ++i) {
            sum[to + i] = s[i];
            square[to + i] = q[i];
        }
    }
};

/// Adds up the chunks f, f + folds, ... of a segment and the copies of a channel in a wide row, in double, as sums of
/// x - K and (x - K)^2 with K the first value of the channel in the segment.
template <class T>
struct FoldMoments {
    using A = Accumulation<T>;
    NormGeometry g;
    Index folds;
    T const* x;
    A const *sum, *square;         // (segment, chunk, width)
    double *total, *total_square;  // (segment, fold, channel)

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        Index const segment = row / folds, fold = row - segment * folds;
        double* const to = total + row * g.channels;
        double* const to_square = total_square + row * g.channels;
        for (Index c = begin; c < end; ++c) { to[c] = to_square[c] = 0; }
        T const* const reference = x + g.segment_begin(segment);
        for (Index chunk = fold; chunk < g.chunks; chunk += folds) {
            Index const first = g.chunk_begin(segment, chunk), size = g.chunk_begin(segment, chunk + 1) - first;
            Index const full = size / g.width, tail = size - full * g.width;
            Index const from = (segment * g.chunks + chunk) * g.width;
            Index const filled = full > 0 ? g.width : tail;
            for (Index j = 0; j < filled; j += g.channels) {
                auto const n = static_cast<double>(full + (j < tail ? 1 : 0));
                add(begin, end, n, x + first + j, reference, sum + from + j, square + from + j, to, to_square);
            }
        }
    }
    KOKKOS_INLINE_FUNCTION static void add(Index begin, Index end, double n, T const* __restrict k,
                                           T const* __restrict reference, A const* __restrict s, A const* __restrict q,
                                           double* __restrict to, double* __restrict to_square) {
        for (Index c = begin; c < end; ++c) {
            double const shift = static_cast<double>(A(k[c])) - static_cast<double>(A(reference[c]));
            to[c] += n * shift + static_cast<double>(s[c]);
            to_square[c] += static_cast<double>(q[c]) + shift * (2.0 * static_cast<double>(s[c]) + n * shift);
        }
    }
};

/// Count, mean and sum of squared deviations of every group of channels, from the sums over the local elements.
template <class T>
struct FinishMoments {
    using A = Accumulation<T>;
    NormGeometry g;
    NormPlacement place;
    Index folds;
    T const* x;
    double const *total, *total_square;  // (segment, fold, channel)
    double* moments;                     // (statistic, 3)

    KOKKOS_INLINE_FUNCTION double folded(double const* from, Index segment, Index channel) const {
        double s = 0;
        for (Index f = 0; f < folds; ++f) { s += from[(segment * folds + f) * g.channels + channel]; }
        return s;
    }
    KOKKOS_INLINE_FUNCTION void operator()(Index segment, Index begin, Index end) const {
        Index const size = g.segment_end(segment) - g.segment_begin(segment);
        auto const pixels = static_cast<double>(size / g.channels);
        T const* const reference = x + g.segment_begin(segment);
        Index const per_group = place.channels / place.groups;
        for (Index group = begin; group < end; ++group) {
            // channels of the group that are held here
            Index const from = (group + place.first_group) * per_group - place.first_channel;
            Index const c0 = from > 0 ? from : 0, c1 = from + per_group < g.channels ? from + per_group : g.channels;
            double const n = pixels * static_cast<double>(c1 - c0);
            double center = 0;
            for (Index c = c0; c < c1; ++c) {
                center += pixels * static_cast<double>(A(reference[c])) + folded(total, segment, c);
            }
            center /= n;
            double squares = 0;
            for (Index c = c0; c < c1; ++c) {
                double const shift = center - static_cast<double>(A(reference[c]));
                squares +=
                    folded(total_square, segment, c) - 2.0 * shift * folded(total, segment, c) + pixels * shift * shift;
            }
            double* const to = moments + 3 * place.statistic(g, segment, c0);
            to[0] = n;
            to[1] = center;
            to[2] = squares > 0 ? squares : (squares == squares ? 0.0 : squares);  // NaN stays
        }
    }
};

/// Mean and 1 / sqrt(variance + epsilon) of every statistic.
template <class A>
struct FromMoments {
    double epsilon;
    double const* moments;
    A *mean, *inv_std;

    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        for (Index i = begin; i < end; ++i) {
            mean[i] = A(moments[3 * i + 1]);
            inv_std[i] = A(1.0 / ::sqrt(moments[3 * i + 2] / moments[3 * i] + epsilon));
        }
    }
};

/// running = (1 - momentum) * running + momentum * (mean over the rows of this batch's statistic), with the unbiased
/// variance.
template <class A>
struct UpdateRunning {
    Index rows, channels;
    double momentum;
    double const* moments;  // (row, channel, 3)
    A *running_mean, *running_variance;

    KOKKOS_INLINE_FUNCTION void operator()(Index /*row*/, Index begin, Index end) const {
        for (Index c = begin; c < end; ++c) {
            double m = 0, v = 0;
            for (Index row = 0; row < rows; ++row) {
                double const* const of = moments + 3 * (row * channels + c);
                m += of[1];
                v += of[2] / (of[0] > 1 ? of[0] - 1 : 1);
            }
            double const weight = momentum / static_cast<double>(rows);
            running_mean[c] = A((1.0 - momentum) * static_cast<double>(running_mean[c]) + weight * m);
            running_variance[c] = A((1.0 - momentum) * static_cast<double>(running_variance[c]) + weight * v);
        }
    }
};

/// The sums of a local tensor, in chunks, as moments.
template <class T>
class Moments {
    using A = Accumulation<T>;

  public:
    /// `statistics` is the shape (s, 1, 1, 1, g) as held locally.
    Moments(TensorSpec const& x, TensorSpec const& statistics)
        : g_(NormGeometry::of(x, statistics, NormGeometry::Pass::sums)), place_(NormPlacement::of(x, statistics)) {
        Index const folded = g_.segments * g_.folds() * g_.channels;
        sum_ = workspace_.add<A>(g_.all_chunks() * g_.width);
        square_ = workspace_.add<A>(g_.all_chunks() * g_.width);
        total_ = workspace_.add<double>(folded);
        total_square_ = workspace_.add<double>(folded);
    }
    [[nodiscard]] std::size_t workspace_bytes() const { return workspace_.bytes(); }

    void run(T const* x, double* moments, std::byte* workspace) const {
        auto* sum = reinterpret_cast<A*>(workspace + sum_);
        auto* square = reinterpret_cast<A*>(workspace + square_);
        auto* total = reinterpret_cast<double*>(workspace + total_);
        auto* total_square = reinterpret_cast<double*>(workspace + total_square_);
        Index const folds = g_.folds();
        for_rows("aureole::norm::chunk_moments", g_.all_chunks(), g_.width, ChunkMoments<T>{g_, x, sum, square});
        for_rows("aureole::norm::fold_moments", g_.segments * folds, g_.channels,
                 FoldMoments<T>{g_, folds, x, sum, square, total, total_square});
        for_rows("aureole::norm::finish_moments", g_.segments, place_.local_groups,
                 FinishMoments<T>{g_, place_, folds, x, total, total_square, moments});
    }

  private:
    NormGeometry g_;
    NormPlacement place_;
    WorkspaceLayout workspace_;
    std::size_t sum_, square_, total_, total_square_;
};

/// Statistics, and running statistics if there are any, from moments.
template <class A>
void finish_statistics(NormAttributes const& attributes, Shape const& statistics, double const* moments, A* mean,
                       A* inv_std, A* running_mean, A* running_variance) {
    for_elements("aureole::norm::from_moments", statistics.volume(),
                 FromMoments<A>{attributes.epsilon, moments, mean, inv_std});
    if (running_mean == nullptr) { return; }
    for_rows(
        "aureole::norm::update_running", 1, statistics.c,
        UpdateRunning<A>{statistics.n, statistics.c, attributes.momentum, moments, running_mean, running_variance});
}

template <class T>
class NormStatisticsKernel : public Kernel {
    using A = Accumulation<T>;

  public:
    explicit NormStatisticsKernel(KernelRequest const& request)
        : attributes_(request.as<NormStatistics>().attributes()),
          running_(request.as<NormStatistics>().keeps_running()),
          statistics_(request.outputs[0].local()),
          sums_(request.inputs[0], request.outputs[0]) {
        sums_workspace_ = workspace_.add<std::byte>(static_cast<Index>(sums_.workspace_bytes()));
        moments_ = workspace_.add<double>(3 * statistics_.volume());
    }
    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        auto* const moments = reinterpret_cast<double*>(workspace + moments_);
        sums_.run(inputs[0].as<T>(), moments, workspace + sums_workspace_);
        finish_statistics<A>(attributes_, statistics_, moments, outputs[0].as<A>(), outputs[1].as<A>(),
                             running_ ? inputs[1].as<A>() : nullptr, running_ ? inputs[2].as<A>() : nullptr);
    }

  private:
    NormAttributes attributes_;
    bool running_;
    Shape statistics_;  ///< local
    Moments<T> sums_;
    WorkspaceLayout workspace_;
    std::size_t sums_workspace_, moments_;
};

/// The statistics (s, 1, 1, 1, g) whose moments (s, 1, 1, g, 3) a tensor holds.
TensorSpec statistics_of(TensorSpec const& moments) {
    Shape const& global = moments.global;
    Box const& box = moments.box;
    return {moments.dtype,
            {global.n, 1, 1, 1, global.w},
            {{box.lo[0], 0, 0, 0, box.lo[3]}, {box.hi[0], 1, 1, 1, box.hi[3]}}};
}

template <class T>
class NormMomentsKernel : public Kernel {
  public:
    explicit NormMomentsKernel(KernelRequest const& request)
        : sums_(request.inputs[0], statistics_of(request.outputs[0])) {}
    [[nodiscard]] std::size_t workspace_bytes() const override { return sums_.workspace_bytes(); }
    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        sums_.run(inputs[0].as<T>(), outputs[0].as<double>(), workspace);
    }

  private:
    Moments<T> sums_;
};

template <class A>
class NormFinishKernel : public Kernel {
  public:
    explicit NormFinishKernel(KernelRequest const& request)
        : attributes_(request.as<NormFinish>().attributes()), statistics_(request.outputs[0].local()) {}
    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* /*workspace*/) const override {
        bool const running = inputs.size() == 3;
        finish_statistics<A>(attributes_, statistics_, inputs[0].as<double>(), outputs[0].as<A>(), outputs[1].as<A>(),
                             running ? inputs[1].as<A>() : nullptr, running ? inputs[2].as<A>() : nullptr);
    }

  private:
    NormAttributes attributes_;
    Shape statistics_;
};

template <class A>
struct FromRunning {
    double epsilon;
    A const *running_mean, *running_variance;
    A *mean, *inv_std;
    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        for (Index c = begin; c < end; ++c) {
            mean[c] = running_mean[c];
            inv_std[c] = A(1.0 / ::sqrt(static_cast<double>(running_variance[c]) + epsilon));
        }
    }
};

template <class A>
class RunningStatisticsKernel : public Kernel {
  public:
    explicit RunningStatisticsKernel(KernelRequest const& request)
        : epsilon_(request.as<RunningStatistics>().epsilon()) {}
    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* /*workspace*/) const override {
        for_elements(
            "aureole::norm::from_running", inputs[0].shape.volume(),
            FromRunning<A>{epsilon_, inputs[0].as<A>(), inputs[1].as<A>(), outputs[0].as<A>(), outputs[1].as<A>()});
    }

  private:
    double epsilon_;
};

}  // namespace

std::unique_ptr<Kernel> make_norm_statistics(KernelRequest const& request, std::string& refusal) {
    return make_by_type<NormStatisticsKernel>(request, request.inputs[0].dtype, refusal);
}

std::unique_ptr<Kernel> make_norm_moments(KernelRequest const& request, std::string& refusal) {
    return make_by_type<NormMomentsKernel>(request, request.inputs[0].dtype, refusal);
}

std::unique_ptr<Kernel> make_norm_finish(KernelRequest const& request, std::string& refusal) {
    return make_by_type_unless_bf16<NormFinishKernel>(request, request.outputs[0].dtype, refusal);
}

std::unique_ptr<Kernel> make_running_statistics(KernelRequest const& request, std::string& refusal) {
    return make_by_type_unless_bf16<RunningStatisticsKernel>(request, request.inputs[0].dtype, refusal);
}

}  // namespace aureole::native
