#include "core/kernels/native/activation.hpp"

#include "core/kernels/launch.hpp"
#include "core/kernels/native/activation_functions.hpp"
#include "core/kernels/native/dispatch.hpp"
#include "core/kernels/native/round_row.hpp"

namespace aureole::native {

namespace {

/// y = f(x); y may be x.
template <class T, class F>
struct Apply {
    F activation;
    T const* x;
    T* y;
    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        using A = Accumulation<T>;
        T const* __restrict const from = x;
        T* __restrict const to = y;
        if constexpr (rounds_rows<T>) {
            for_row_blocks(begin, end, to, [&](Index i) { return activation.value(A(from[i])); });
        } else {
            for (Index i = begin; i < end; ++i) { to[i] = T(activation.value(A(from[i]))); }
        }
    }
};

/// dx = dy * f'(x); dx may be dy.
template <class T, class F>
struct ApplyDerivative {
    F activation;
    T const *dy, *x;
    T* dx;
    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        using A = Accumulation<T>;
        T const* __restrict const from = dy;
        T const* __restrict const at = x;
        T* __restrict const to = dx;
        if constexpr (rounds_rows<T>) {
            for_row_blocks(begin, end, to, [&](Index i) { return A(from[i]) * activation.derivative(A(at[i])); });
        } else {
            for (Index i = begin; i < end; ++i) { to[i] = T(A(from[i]) * activation.derivative(A(at[i]))); }
        }
    }
};

template <class T>
class ActivationKernel : public Kernel {
  public:
    explicit ActivationKernel(KernelRequest const& request) : attributes_(request.as<Activation>().attributes()) {}
    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* /*workspace*/) const override {
        visit_activation(attributes_, [&](auto const& activation) {
            using F = std::decay_t<decltype(activation)>;
            for_elements("aureole::activation::forward", outputs[0].shape.volume(),
                         Apply<T, F>{activation, inputs[0].as<T>(), outputs[0].as<T>()});
        });
    }

  private:
    ActivationAttributes attributes_;
};

template <class T>
class ActivationInputGradientKernel : public Kernel {
  public:
    explicit ActivationInputGradientKernel(KernelRequest const& request)
        : attributes_(request.as<ActivationInputGradient>().attributes()) {}
    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* /*workspace*/) const override {
        visit_activation(attributes_, [&](auto const& activation) {
            using F = std::decay_t<decltype(activation)>;
            for_elements("aureole::activation::input_gradient", outputs[0].shape.volume(),
                         ApplyDerivative<T, F>{activation, inputs[0].as<T>(), inputs[1].as<T>(), outputs[0].as<T>()});
        });
    }

  private:
    ActivationAttributes attributes_;
};

}  // namespace

std::unique_ptr<Kernel> make_activation(KernelRequest const& request, std::string& refusal) {
    return make_by_type<ActivationKernel>(request, request.inputs[0].dtype, refusal);
}

std::unique_ptr<Kernel> make_activation_input_gradient(KernelRequest const& request, std::string& refusal) {
    return make_by_type<ActivationInputGradientKernel>(request, request.inputs[1].dtype, refusal);
}

}  // namespace aureole::native
