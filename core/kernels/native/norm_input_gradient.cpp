#include "core/kernels/native/norm_gradient.hpp"

#include "core/kernels/native/dispatch.hpp"
#include "core/kernels/native/norm.hpp"
#include "core/kernels/native/round_row.hpp"

namespace aureole::native {

namespace {

/// dx = scale * dz + slope * (x - mean) + offset and, if the residual's gradient is asked for, dz. Every element is
/// read before it is written, so that dx may be dy and dz may be dy2.
template <class T, class F, bool addends, bool with_dz>
struct InputGradientRows {
    using A = Accumulation<T>;
    using Piece = GradientPiece<T, F, addends>;
    NormGeometry g;
    F activation;
    NormVectors<A> vectors;
    GradientInputs<T> in;
    NormTensor<T> dx, dz;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        for_pieces(g, row, begin, end, *this);
    }
    KOKKOS_INLINE_FUNCTION void columns(Index segment, Index chunk, Index column, Index count) const {
        Index const first = g.chunk_begin(segment, chunk), size = g.chunk_begin(segment, chunk + 1) - first;
        GradientChunk<T> const here(in, first);
        T* const to = dx.at(first);
        T* const to_dz = with_dz ? dz.at(first) : nullptr;
        for (Index element = column; element < size; element += g.width) {
            write({here, vectors, activation, segment, element, column}, columns_left(element, size, count),
                  vectors(segment, vectors.slope) + column, vectors(segment, vectors.offset) + column, to + element,
                  with_dz ? to_dz + element : nullptr);
        }
    }
    KOKKOS_INLINE_FUNCTION static void write(Piece const& row, Index n, A const* __restrict slope,
                                             A const* __restrict offset, T* __restrict to, T* __restrict to_dz) {
        if constexpr (rounds_rows<T>) {
            A x_row[norm_piece], z_row[norm_piece];
            for (Index i = 0; i < n; ++i) {
                A const d = row.centered(i), z = row.dz(i, d);
                x_row[i] = row.scale[i] * z + slope[i] * d + offset[i];
                if constexpr (with_dz) { z_row[i] = z; }
            }
            round_row(x_row, to, n);
            if constexpr (with_dz) { round_row(z_row, to_dz, n); }
        } else {
            for (Index i = 0; i < n; ++i) {
                A const d = row.centered(i), z = row.dz(i, d);
                to[i] = T(row.scale[i] * z + slope[i] * d + offset[i]);
                if constexpr (with_dz) { to_dz[i] = T(z); }
            }
        }
    }
};

template <class T>
class NormInputGradientKernel : public NormGradientKernel<T> {
    using Base = NormGradientKernel<T>;
    using A = typename Base::A;
    using Base::attributes_, Base::g_;

  public:
    explicit NormInputGradientKernel(KernelRequest const& request)
        : Base(request.as<NormInputGradient>().attributes(), request, NormGeometry::Pass::elementwise),
          dx_(Lines::of(request.outputs[0])),
          dz_(request.outputs.size() > 1 ? Lines::of(request.outputs[1]) : Lines{}) {}

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        A const *s1 = nullptr, *s2 = nullptr;
        if (!attributes_.norm.fixed_statistics) {
            s1 = inputs[attributes_.sums()].template as<A>();
            s2 = inputs[attributes_.sums() + 1].template as<A>();
        }
        this->write_vectors(inputs, s1, s2, workspace);
        auto const in = this->gradient_inputs(inputs, workspace);
        NormTensor<T> const dx{outputs[0].as<T>(), dx_};
        visit_activation(attributes_.norm.activation, [&](auto const& activation) {
            using F = std::decay_t<decltype(activation)>;
            auto const launch = [&](auto addends, auto with_dz) {
                for_rows("aureole::norm::input_gradient", g_.all_chunks(), g_.width,
                         InputGradientRows<T, F, addends.value, with_dz.value>{
                             g_,
                             activation,
                             this->vectors(workspace),
                             in,
                             dx,
                             {with_dz.value ? outputs[1].as<T>() : nullptr, dz_}});
            };
            if (in.has_residual) {
                launch(std::true_type{}, std::true_type{});
            } else if (in.has_dy2) {
                launch(std::true_type{}, std::false_type{});
            } else {
                launch(std::false_type{}, std::false_type{});
            }
        });
    }

  private:
    Lines dx_, dz_;
};

}  // namespace

std::unique_ptr<Kernel> make_norm_input_gradient(KernelRequest const& request, std::string& refusal) {
    return make_by_type<NormInputGradientKernel>(request, request.inputs[0].dtype, refusal);
}

}  // namespace aureole::native
