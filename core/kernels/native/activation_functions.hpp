#pragma once
#include <Kokkos_Macros.hpp>

#include <bit>
#include <cmath>

#include "core/ops/activation.hpp"

/// Activations and their derivatives as device functions without branches, so that loops over them vectorise. In f64
/// the functions of the standard library are used, in f32 short polynomials with errors of a few units in the last
/// place.
namespace aureole::native {

KOKKOS_INLINE_FUNCTION double exponential(double x) { return ::exp(x); }

/// exp(x) to 2 ulp for x in [-87, 88], clamped outside; NaN stays NaN. x = k ln 2 + r, |r| <= ln 2 / 2, Taylor series
/// in r (remainder below 6e-9). Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits.
KOKKOS_INLINE_FUNCTION float exponential(float x) {
    constexpr float shifter = 12582912.0F;
    float const low = x < -87.0F ? -87.0F : x;
    float const clamped = low > 88.0F ? 88.0F : low;
    float const shifted = clamped * 1.44269504F + shifter;
    float const k = shifted - shifter;
    float const r = (clamped - k * 0.693359375F) + k * 2.12194440e-4F;  // ln 2 in two parts (Cody and Waite)
    float p = 1.0F / 5040.0F;
    p = p * r + 1.0F / 720.0F;
    p = p * r + 1.0F / 120.0F;
    p = p * r + 1.0F / 24.0F;
    p = p * r + 1.0F / 6.0F;
    p = p * r + 0.5F;
    p = p * r + 1.0F;
    p = p * r + 1.0F;
    auto const bits = static_cast<std::uint32_t>(std::bit_cast<std::int32_t>(shifted) - 0x4B400000 + 127);
    return p * std::bit_cast<float>(bits << 23U);
}

template <class A>
KOKKOS_INLINE_FUNCTION A logistic(A x) {
    return A(1) / (A(1) + exponential(-x));
}

struct Identity {
    template <class A>
    KOKKOS_INLINE_FUNCTION A value(A x) const {
        return x;
    }
    template <class A>
    KOKKOS_INLINE_FUNCTION A derivative(A /*x*/) const {
        return A(1);
    }
};

/// max(x, 0); NaN stays NaN. Derivative 0 at 0.
struct Relu {
    template <class A>
    KOKKOS_INLINE_FUNCTION A value(A x) const {
        return x <= A(0) ? A(0) : x;
    }
    template <class A>
    KOKKOS_INLINE_FUNCTION A derivative(A x) const {
        return x > A(0) ? A(1) : A(0);
    }
};

struct LeakyRelu {
    double slope;
    template <class A>
    KOKKOS_INLINE_FUNCTION A value(A x) const {
        return x > A(0) ? x : x * A(slope);
    }
    template <class A>
    KOKKOS_INLINE_FUNCTION A derivative(A x) const {
        return x > A(0) ? A(1) : A(slope);
    }
};

/// x * Phi(x), Phi the normal distribution function; derivative Phi(x) + x * phi(x).
struct GeluErf {
    KOKKOS_INLINE_FUNCTION static double distribution(double x) { return 0.5 + 0.5 * ::erf(x * 0.70710678118654752); }
    /// 1 - Phi(|x|) by formula 7.1.26 of Abramowitz and Stegun, absolute error below 1e-7.
    KOKKOS_INLINE_FUNCTION static float distribution(float x) {
        float const u = (x < 0.0F ? -x : x) * 0.70710678F;
        float const t = 1.0F / (1.0F + 0.3275911F * u);
        float p = 1.061405429F;
        p = p * t - 1.453152027F;
        p = p * t + 1.421413741F;
        p = p * t - 0.284496736F;
        p = p * t + 0.254829592F;
        float const tail = 0.5F * p * t * exponential(-u * u);
        return x < 0.0F ? tail : 1.0F - tail;
    }
    template <class A>
    KOKKOS_INLINE_FUNCTION A value(A x) const {
        return x * distribution(x);
    }
    template <class A>
    KOKKOS_INLINE_FUNCTION A derivative(A x) const {
        return distribution(x) + x * A(0.39894228040143268) * exponential(A(-0.5) * x * x);
    }
};

/// x / 2 * (1 + tanh(u)) = x * logistic(2 u), u = sqrt(2 / pi) * (x + 0.044715 x^3).
struct GeluTanh {
    static constexpr double slope = 1.5957691216057308;  ///< 2 sqrt(2 / pi)
    template <class A>
    KOKKOS_INLINE_FUNCTION A value(A x) const {
        return x * logistic(A(slope) * x * (A(1) + A(0.044715) * x * x));
    }
    template <class A>
    KOKKOS_INLINE_FUNCTION A derivative(A x) const {
        A const s = logistic(A(slope) * x * (A(1) + A(0.044715) * x * x));
        return s + x * s * (A(1) - s) * A(slope) * (A(1) + A(0.134145) * x * x);
    }
};

struct Sigmoid {
    template <class A>
    KOKKOS_INLINE_FUNCTION A value(A x) const {
        return logistic(x);
    }
    template <class A>
    KOKKOS_INLINE_FUNCTION A derivative(A x) const {
        A const s = logistic(x);
        return s * (A(1) - s);
    }
};

/// Calls visitor(f) with the activation function of that kind.
template <class Visitor>
void visit_activation(ActivationAttributes const& attributes, Visitor const& visitor) {
    switch (attributes.kind) {
        case ActivationKind::none: visitor(Identity{}); break;
        case ActivationKind::relu: visitor(Relu{}); break;
        case ActivationKind::leaky_relu: visitor(LeakyRelu{attributes.slope}); break;
        case ActivationKind::gelu_erf: visitor(GeluErf{}); break;
        case ActivationKind::gelu_tanh: visitor(GeluTanh{}); break;
        case ActivationKind::sigmoid: visitor(Sigmoid{}); break;
    }
}

}  // namespace aureole::native
