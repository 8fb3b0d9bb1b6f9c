#pragma once
#include "core/kernels/launch.hpp"

#if defined(__AVX512BF16__) && defined(__AVX512BW__) && defined(__AVX512VL__) && !defined(__CUDA_ARCH__)
#include <immintrin.h>
#define AUREOLE_HAS_BF16_ROUNDING 1
#endif

namespace aureole::native {

/// Whether a loop over results of type T is better written to a row of floats first and then rounded by round_row: the
/// processor's instruction rounds 16 values at once, where the portable code of BFloat16 takes a dozen.
template <class T>
inline constexpr bool rounds_rows = false;
template <>
inline constexpr bool rounds_rows<BFloat16> = runs_on_host;

/// to[i] = from[i] rounded to nearest, ties to even. (The instruction takes numbers below 2^-126 as zero.)
inline void round_row(float const* __restrict from, BFloat16* __restrict to, Index n) {
    Index i = 0;
#ifdef AUREOLE_HAS_BF16_ROUNDING
    for (; i + 16 <= n; i += 16) {
        auto const rounded = reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(_mm512_loadu_ps(from + i)));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), rounded);
    }
#endif
    for (; i < n; ++i) { to[i] = BFloat16(from[i]); }
}

/// to[i] = value(i) for i in [begin, end), through rows of floats that stay in the first-level cache.
template <class Value>
void for_row_blocks(Index begin, Index end, BFloat16* __restrict to, Value const& value) {
    constexpr Index block = 512;
    float row[block];
    for (Index first = begin; first < end; first += block) {
        Index const n = end - first < block ? end - first : block;
        for (Index i = 0; i < n; ++i) { row[i] = value(first + i); }
        round_row(row, to + first, n);
    }
}

}  // namespace aureole::native
