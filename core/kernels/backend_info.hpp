#pragma once
#include <string>
#include <utility>
#include <vector>

namespace aureole {

/// Name and version of what the kernels run on: Kokkos and its execution space, oneDNN and its instruction set,
/// threads, devices. Works before Kokkos is initialised and on machines without a device.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> backend_info();

/// Throws Error(bad_deck) where this build's kernels cannot run because the machine lacks the device. Called before
/// Kokkos is initialised, which would end the process.
void require_backend();

}  // namespace aureole
