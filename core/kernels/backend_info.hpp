#pragma once
#include <string>
#include <utility>
#include <vector>

namespace aureole {

/// Name and version of what the kernels run on: Kokkos and its execution space, oneDNN and its instruction set,
/// threads. Works before Kokkos is initialised and on machines without a device.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> backend_info();

}  // namespace aureole
