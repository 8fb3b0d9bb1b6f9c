#include "core/kernels/native/activation_functions.hpp"
#include "core/kernels/native/dispatch.hpp"
#include "core/kernels/native/norm.hpp"
#include "core/kernels/native/norm_geometry.hpp"
#include "core/kernels/native/round_row.hpp"

namespace aureole::native {

namespace {

/// y = f((x - mean) * scale + shift + residual). Subtracting the mean first keeps f32 exact for |mean| >> deviation.
template <class T, class F>
struct NormalizeRows {
    using A = Accumulation<T>;
    NormGeometry g;
    F activation;
    NormVectors<A> vectors;
    NormTensor<T const> x, residual;  // residual: or a wide row of zeros
    bool has_residual;
    NormTensor<T> y;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        for_pieces(g, row, begin, end, *this);
    }
    KOKKOS_INLINE_FUNCTION void columns(Index segment, Index chunk, Index column, Index count) const {
        Index const first = g.chunk_begin(segment, chunk), size = g.chunk_begin(segment, chunk + 1) - first;
        T const* const from = x.at(first);
        T const* const addend = has_residual ? residual.at(first) : residual.data;
        T* const to = y.at(first);
        for (Index element = column; element < size; element += g.width) {
            piece(columns_left(element, size, count), vectors(segment, vectors.mean) + column,
                  vectors(segment, vectors.scale) + column, vectors(segment, vectors.shift) + column, from + element,
                  addend + (has_residual ? element : column), to + element);
        }
    }
    KOKKOS_INLINE_FUNCTION void piece(Index n, A const* __restrict mean, A const* __restrict scale,
                                      A const* __restrict shift, T const* __restrict from, T const* __restrict addend,
                                      T* __restrict to) const {
        if constexpr (rounds_rows<T>) {
            A row[norm_piece];
            for (Index i = 0; i < n; ++i) { row[i] = value(A(from[i]), mean[i], scale[i], shift[i], A(addend[i])); }
            round_row(row, to, n);
        } else {
            for (Index i = 0; i < n; ++i) { to[i] = T(value(A(from[i]), mean[i], scale[i], shift[i], A(addend[i]))); }
        }
    }
    KOKKOS_INLINE_FUNCTION A value(A from, A mean, A scale, A shift, A addend) const {
        return activation.value((from - mean) * scale + shift + addend);
    }
};

template <class T>
class NormalizeKernel : public Kernel {
    using A = Accumulation<T>;

  public:
    explicit NormalizeKernel(KernelRequest const& request)
        : attributes_(request.as<Normalize>().attributes()),
          statistics_(attributes_.residual ? 2 : 1),
          x_(Lines::of(request.inputs[0])),
          residual_(attributes_.residual ? Lines::of(request.inputs[1]) : Lines{}),
          y_(Lines::of(request.outputs[0])),
          g_(NormGeometry::of(request.inputs[0], request.inputs[statistics_], NormGeometry::Pass::elementwise,
                              !all_dense(request))),
          place_(NormPlacement::of(request.inputs[0], request.inputs[statistics_])) {
        vectors_ = workspace_.add<A>(g_.segments * NormVectors<A>::count * g_.width);
        zeros_ = workspace_.add<T>(g_.width);
    }
    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        NormVectors<A> const vectors{reinterpret_cast<A*>(workspace + vectors_), g_.width};
        auto* zeros = reinterpret_cast<T*>(workspace + zeros_);
        A const *gamma = nullptr, *beta = nullptr;
        if (attributes_.affine) {
            gamma = inputs[statistics_ + 2].as<A>();
            beta = inputs[statistics_ + 3].as<A>();
        }
        for_rows("aureole::norm::vectors", g_.segments, g_.width,
                 WriteNormVectors<T>{g_, place_, inputs[statistics_].as<A>(), inputs[statistics_ + 1].as<A>(), gamma,
                                     beta, nullptr, nullptr, vectors, zeros});
        T const* residual = attributes_.residual ? inputs[1].as<T>() : zeros;
        visit_activation(attributes_.activation, [&](auto const& activation) {
            using F = std::decay_t<decltype(activation)>;
            for_rows("aureole::norm::normalize", g_.all_chunks(), g_.width,
                     NormalizeRows<T, F>{g_,
                                         activation,
                                         vectors,
                                         {inputs[0].as<T>(), x_},
                                         {residual, residual_},
                                         attributes_.residual,
                                         {outputs[0].as<T>(), y_}});
        });
    }

  private:
    NormAttributes attributes_;
    std::size_t statistics_;  ///< index of the mean among the inputs
    Lines x_, residual_, y_;
    NormGeometry g_;
    NormPlacement place_;
    WorkspaceLayout workspace_;
    std::size_t vectors_, zeros_;
};

}  // namespace

std::unique_ptr<Kernel> make_normalize(KernelRequest const& request, std::string& refusal) {
    return make_by_type<NormalizeKernel>(request, request.inputs[0].dtype, refusal);
}

}  // namespace aureole::native
