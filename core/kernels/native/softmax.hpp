#pragma once
#include "core/kernels/native/activation_functions.hpp"

namespace aureole::native {

/// Softmax over the channels of one pixel, with the largest logit subtracted so that nothing overflows.
template <class T>
struct PixelSoftmax {
    using A = Accumulation<T>;
    T const* logits;  ///< of this pixel
    Index classes;
    A largest, sum, inverse;  ///< sum of exp(z - largest) and 1 / sum

    KOKKOS_INLINE_FUNCTION PixelSoftmax(T const* z, Index c)
        : logits(z), classes(c), largest(A(z[0])), sum(0), inverse(0) {
        for (Index k = 1; k < c; ++k) { largest = A(z[k]) > largest ? A(z[k]) : largest; }
        for (Index k = 0; k < c; ++k) { sum += exponential(A(z[k]) - largest); }
        inverse = A(1) / sum;
    }
    [[nodiscard]] KOKKOS_INLINE_FUNCTION A probability(Index k) const {
        return exponential(A(logits[k]) - largest) * inverse;
    }
    /// -log(probability(k))
    [[nodiscard]] KOKKOS_INLINE_FUNCTION double surprise(Index k) const {
        return ::log(static_cast<double>(sum)) - (static_cast<double>(A(logits[k])) - static_cast<double>(largest));
    }
};

}  // namespace aureole::native
