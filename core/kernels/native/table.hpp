#pragma once
#include <vector>

#include "core/kernels/kernel.hpp"

namespace aureole::native {

/// The Kokkos kernels: one row for every operator kind, every dtype, every execution space.
[[nodiscard]] std::vector<Implementation> const& implementations();

}  // namespace aureole::native
