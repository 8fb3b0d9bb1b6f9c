#pragma once
#include "core/kernels/kernel.hpp"
#include "core/kernels/launch.hpp"

namespace aureole::native {

/// How losses add up contributions of pixels: chunks of 64 pixels of one sample give partial sums in double, groups of
/// 64 chunks are added up in a second kernel, and what finishes the loss adds up the groups. The order is fixed, so the
/// result is the same for every number of threads.
struct LossSums {
    static constexpr Index chunk_pixels = 64, group_chunks = 64;
    Index samples = 1;  ///< local
    Index pixels = 1;   ///< local, of one sample
    Index columns = 1;  ///< sums per sample

    [[nodiscard]] KOKKOS_INLINE_FUNCTION Index chunks() const { return (pixels + chunk_pixels - 1) / chunk_pixels; }
    [[nodiscard]] KOKKOS_INLINE_FUNCTION Index groups() const { return (chunks() + group_chunks - 1) / group_chunks; }
    [[nodiscard]] std::size_t bytes() const {
        return static_cast<std::size_t>(samples * (chunks() + groups()) * columns) * sizeof(double);
    }
    /// Partial sums (sample, chunk, column) at the beginning of the workspace, then group sums (sample, group, column).
    [[nodiscard]] double* partial(std::byte* workspace) const { return reinterpret_cast<double*>(workspace); }
    [[nodiscard]] double* grouped(std::byte* workspace) const {
        return partial(workspace) + samples * chunks() * columns;
    }
    /// First pixel (counted over all samples) of chunk `row`, and one past its last.
    [[nodiscard]] KOKKOS_INLINE_FUNCTION Index first_pixel(Index row) const {
        return row / chunks() * pixels + row % chunks() * chunk_pixels;
    }
    [[nodiscard]] KOKKOS_INLINE_FUNCTION Index last_pixel(Index row) const {
        Index const end = (row / chunks() + 1) * pixels, last = first_pixel(row) + chunk_pixels;
        return last < end ? last : end;
    }
    /// Runs the second kernel.
    void add_up(std::byte* workspace) const;
};

/// The sum of one column over the groups of one sample.
[[nodiscard]] KOKKOS_INLINE_FUNCTION double sum_of_sample(LossSums const& sums, double const* grouped, Index sample,
                                                          Index column) {
    double total = 0;
    for (Index g = 0; g < sums.groups(); ++g) {
        total += grouped[(sample * sums.groups() + g) * sums.columns + column];
    }
    return total;
}

/// Samples held here that count, see RunContext::valid_samples, and of the whole micro-batch.
struct ValidSamples {
    ValidSamples(RunContext const& context, TensorSpec const& x)
        : global(context.valid_samples < 0 ? x.global.n : std::min(context.valid_samples, x.global.n)),
          local(std::clamp<Index>(global - x.box.lo[0], 0, x.local().n)) {}
    Index global, local;
};

/// 1 / what a loss divides its sum by, see RunContext; 0 if nothing counts. `all`: what it is where the context does
/// not say.
[[nodiscard]] inline double inverse_count(double counted, double all) {
    double const count = counted < 0 ? all : counted;
    return count > 0 ? 1 / count : 0;
}

}  // namespace aureole::native
