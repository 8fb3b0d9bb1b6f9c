#pragma once

namespace aureole {

/// Threads that share a row loop on the host. Distributions ship Kokkos with its Serial back end only; then the loop is
/// shared by OpenMP here, so that kernels use the cores all the same.
[[nodiscard]] int host_threads();

}  // namespace aureole
