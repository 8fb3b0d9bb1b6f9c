#pragma once
#include "core/kernels/native/activation_functions.hpp"
#include "core/kernels/native/norm_geometry.hpp"

/// What the two backward kernels of normalisation share.
namespace aureole::native {

/// The tensors from which dz = (dy + dy2) * f'(z) is computed. Absent terms are a wide row of zeros; without either of
/// them `addends` is false and they are not read at all.
template <class T>
struct GradientInputs {
    NormTensor<T const> x, dy, dy2, residual;
    bool has_dy2, has_residual;
};

/// The same from the first element of a chunk on.
template <class T>
struct GradientChunk {
    T const *x, *dy, *dy2, *residual;
    bool has_dy2, has_residual;

    KOKKOS_INLINE_FUNCTION GradientChunk(GradientInputs<T> const& in, Index first)
        : x(in.x.at(first)),
          dy(in.dy.at(first)),
          dy2(in.has_dy2 ? in.dy2.at(first) : in.dy2.data),
          residual(in.has_residual ? in.residual.at(first) : in.residual.data),
          has_dy2(in.has_dy2),
          has_residual(in.has_residual) {}
};

/// One piece of a wide row: the inputs and the per-channel factors from its first column on.
template <class T, class F, bool addends>
struct GradientPiece {
    using A = Accumulation<T>;
    T const* __restrict x;
    T const* __restrict dy;
    T const* __restrict dy2;
    T const* __restrict residual;
    A const* __restrict mean;
    A const* __restrict scale;
    A const* __restrict shift;
    F activation;

    KOKKOS_INLINE_FUNCTION GradientPiece(GradientChunk<T> const& in, NormVectors<A> const& vectors, F const& f,
                                         Index segment, Index element, Index column)
        : x(in.x + element),
          dy(in.dy + element),
          dy2(in.dy2 + (in.has_dy2 ? element : column)),
          residual(in.residual + (in.has_residual ? element : column)),
          mean(vectors(segment, vectors.mean) + column),
          scale(vectors(segment, vectors.scale) + column),
          shift(vectors(segment, vectors.shift) + column),
          activation(f) {}
    [[nodiscard]] KOKKOS_INLINE_FUNCTION A centered(Index i) const { return A(x[i]) - mean[i]; }
    /// dz; z is recomputed, which for Identity the compiler drops.
    [[nodiscard]] KOKKOS_INLINE_FUNCTION A dz(Index i, A from_mean) const {
        A const z = from_mean * scale[i] + shift[i];
        if constexpr (addends) {
            return (A(dy[i]) + A(dy2[i])) * activation.derivative(z + A(residual[i]));
        } else {
            return A(dy[i]) * activation.derivative(z);
        }
    }
};

/// What both kernels have in common: the geometry, the per-channel vectors, where each input is.
template <class T>
class NormGradientKernel : public Kernel {
  protected:
    using A = Accumulation<T>;

    NormGradientKernel(NormGradientAttributes const& attributes, KernelRequest const& request, NormGeometry::Pass pass)
        : attributes_(attributes),
          lines_(lines_of(attributes, request)),
          g_(NormGeometry::of(request.inputs[attributes.x()], request.inputs[attributes.mean()], pass,
                              !all_dense(request))),
          place_(NormPlacement::of(request.inputs[attributes.x()], request.inputs[attributes.mean()])) {
        vectors_ = workspace_.add<A>(g_.segments * NormVectors<A>::count * g_.width);
        zeros_ = workspace_.add<T>(g_.width);
    }
    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    [[nodiscard]] A const* gamma(std::span<Tensor const> inputs) const {
        return attributes_.norm.affine ? inputs[attributes_.gamma()].as<A>() : nullptr;
    }
    [[nodiscard]] NormVectors<A> vectors(std::byte* workspace) const {
        return {reinterpret_cast<A*>(workspace + vectors_), g_.width};
    }
    void write_vectors(std::span<Tensor const> inputs, A const* s1, A const* s2, std::byte* workspace) const {
        A const* beta = attributes_.norm.affine ? inputs[attributes_.gamma() + 1].as<A>() : nullptr;
        for_rows("aureole::norm::vectors", g_.segments, g_.width,
                 WriteNormVectors<T>{g_, place_, inputs[attributes_.mean()].as<A>(),
                                     inputs[attributes_.mean() + 1].as<A>(), gamma(inputs), beta, s1, s2,
                                     vectors(workspace), reinterpret_cast<T*>(workspace + zeros_)});
    }
    [[nodiscard]] GradientInputs<T> gradient_inputs(std::span<Tensor const> inputs, std::byte* workspace) const {
        auto const* zeros = reinterpret_cast<T const*>(workspace + zeros_);
        bool const dy2 = attributes_.second_gradient, residual = attributes_.residual();
        return {{inputs[attributes_.x()].as<T>(), lines_.x},
                {inputs[0].as<T>(), lines_.dy},
                {dy2 ? inputs[1].as<T>() : zeros, lines_.dy2},
                {residual ? inputs[attributes_.x() + 1].as<T>() : zeros, lines_.residual},
                dy2,
                residual};
    }

    struct InputLines {
        Lines x, dy, dy2, residual;
    };

    NormGradientAttributes attributes_;
    InputLines lines_;
    NormGeometry g_;
    NormPlacement place_;
    WorkspaceLayout workspace_;

  private:
    std::size_t vectors_, zeros_;

    static InputLines lines_of(NormGradientAttributes const& attributes, KernelRequest const& request) {
        auto const& inputs = request.inputs;
        std::size_t const x = attributes.x();
        return {Lines::of(inputs[x]), Lines::of(inputs[0]), attributes.second_gradient ? Lines::of(inputs[1]) : Lines{},
                attributes.residual() ? Lines::of(inputs[x + 1]) : Lines{}};
    }
};

}  // namespace aureole::native
