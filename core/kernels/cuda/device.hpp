#pragma once
#include <string>
#include <vector>

namespace aureole::cuda {

/// Devices that this process may use, a line of text each: name, compute capability, memory, free memory. Works before
/// Kokkos is initialised; empty where there is no driver or no device.
[[nodiscard]] std::vector<std::string> describe_devices();

/// Throws Error(bad_deck) that says what is missing: the driver, a new enough driver, or a device.
void require_device();

}  // namespace aureole::cuda
