#include "core/kernels/native/activation.hpp"

#include "core/kernels/alike.hpp"
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
    KOKKOS_INLINE_FUNCTION void operator()(Index const* at, Index count) const {
        using A = Accumulation<T>;
        T const* __restrict const from = x + at[1];
        T* __restrict const to = y + at[0];
        if constexpr (rounds_rows<T>) {
            for_row_blocks(0, count, to, [&](Index i) { return activation.value(A(from[i])); });
        } else {
            for (Index i = 0; i < count; ++i) { to[i] = T(activation.value(A(from[i]))); }
        }
    }
};

/// dx = dy * f'(x); dx may be dy.
template <class T, class F>
struct ApplyDerivative {
    F activation;
    T const *dy, *x;
    T* dx;
    KOKKOS_INLINE_FUNCTION void operator()(Index const* at, Index count) const {
        using A = Accumulation<T>;
        T const* __restrict const from = dy + at[1];
        T const* __restrict const values = x + at[2];
        T* __restrict const to = dx + at[0];
        if constexpr (rounds_rows<T>) {
            for_row_blocks(0, count, to, [&](Index i) { return A(from[i]) * activation.derivative(A(values[i])); });
        } else {
            for (Index i = 0; i < count; ++i) { to[i] = T(A(from[i]) * activation.derivative(A(values[i]))); }
        }
    }
};

template <class T>
class ActivationKernel : public Kernel {
  public:
    explicit ActivationKernel(KernelRequest const& request)
        : attributes_(request.as<Activation>().attributes()), all_({&request.outputs[0], &request.inputs[0]}) {}
    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* /*workspace*/) const override {
        visit_activation(attributes_, [&](auto const& activation) {
            using F = std::decay_t<decltype(activation)>;
            all_.run("aureole::activation::forward", Apply<T, F>{activation, inputs[0].as<T>(), outputs[0].as<T>()});
        });
    }

  private:
    ActivationAttributes attributes_;
    Alike<2> all_;  ///< y, x
};

template <class T>
class ActivationInputGradientKernel : public Kernel {
  public:
    explicit ActivationInputGradientKernel(KernelRequest const& request)
        : attributes_(request.as<ActivationInputGradient>().attributes()),
          all_({&request.outputs[0], &request.inputs[0], &request.inputs[1]}) {}
    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* /*workspace*/) const override {
        visit_activation(attributes_, [&](auto const& activation) {
            using F = std::decay_t<decltype(activation)>;
            all_.run("aureole::activation::input_gradient",
                     ApplyDerivative<T, F>{activation, inputs[0].as<T>(), inputs[1].as<T>(), outputs[0].as<T>()});
        });
    }

  private:
    ActivationAttributes attributes_;
    Alike<3> all_;  ///< dx, dy, x
};

}  // namespace

std::unique_ptr<Kernel> make_activation(KernelRequest const& request, std::string& refusal) {
    return make_by_type<ActivationKernel>(request, request.inputs[0].dtype, refusal);
}

std::unique_ptr<Kernel> make_activation_input_gradient(KernelRequest const& request, std::string& refusal) {
    return make_by_type<ActivationInputGradientKernel>(request, request.inputs[1].dtype, refusal);
}

}  // namespace aureole::native
