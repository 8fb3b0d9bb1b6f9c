#pragma once
#include <cmath>

#include "core/kernels/launch.hpp"
#include "core/ops/operator.hpp"

namespace aureole {

// How partial results are combined, in the form in which they travel: see Combine. Every combination gives the same
// bits whichever operand comes first, so that all ranks agree.

/// Compilers may fuse either product with the sum, so that is said, and the operands are put in order.
KOKKOS_INLINE_FUNCTION double weighted_mean(double weight_a, double a, double weight_b, double b) {
    bool const swapped = a > b || (a == b && weight_a > weight_b);
    double const first = swapped ? weight_b * b : weight_a * a;
    double const weight = swapped ? weight_a : weight_b, value = swapped ? a : b;
    return std::fma(weight, value, first) / (weight_a + weight_b);
}

/// b becomes a and b combined.
template <class T>
struct CombineSums {
    static constexpr int group = 1;
    using Number = T;
    KOKKOS_INLINE_FUNCTION static void combine(T const* a, T* b) { b[0] += a[0]; }
};

/// Triples (count, mean, sum of squared deviations): the pairwise update of Chan, Golub and LeVeque (1979).
struct CombineMoments {
    static constexpr int group = 3;
    using Number = double;
    KOKKOS_INLINE_FUNCTION static void combine(double const* a, double* b) {
        double const n = a[0] + b[0];
        if (!(n > 0)) { return; }
        double const distance = a[1] - b[1];
        double const squares = (a[2] + b[2]) + distance * distance * (a[0] * b[0] / n);
        // one of the two means itself where the other has no elements
        double const mean = a[0] == 0 ? b[1] : b[0] == 0 ? a[1] : weighted_mean(a[0], a[1], b[0], b[1]);
        b[0] = n;
        b[1] = mean;
        b[2] = squares;
    }
};

/// Pairs (value, place).
struct CombineMaxima {
    static constexpr int group = 2;
    using Number = double;
    KOKKOS_INLINE_FUNCTION static void combine(double const* a, double* b) {
        bool const a_is_nan = a[0] != a[0], b_is_nan = b[0] != b[0];
        bool const same = a[0] == b[0] || (a_is_nan && b_is_nan);
        bool const take = same ? a[1] < b[1] : a_is_nan || (!b_is_nan && a[0] > b[0]);
        if (take) {
            b[0] = a[0];
            b[1] = a[1];
        }
    }
};

}  // namespace aureole
