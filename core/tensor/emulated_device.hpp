#pragma once
#include <cstddef>

// A stand-in for a device where there is none (the CMake option AUREOLE_EMULATE_DEVICE, for tests): kernels take the
// form that they have on a device, on the host's threads, and the memory of tensors is closed to all code but kernels
// and copies. Host code that touches a tensor ends the process here, as it would on a device.

namespace aureole {

/// Memory of the emulated device, on pages of its own.
class EmulatedMemory {
  public:
    explicit EmulatedMemory(std::size_t bytes);
    ~EmulatedMemory();
    EmulatedMemory(EmulatedMemory&& other) noexcept;
    EmulatedMemory(EmulatedMemory const&) = delete;
    EmulatedMemory& operator=(EmulatedMemory const&) = delete;
    EmulatedMemory& operator=(EmulatedMemory&&) = delete;
    [[nodiscard]] std::byte* data() const { return data_; }

  private:
    std::byte* data_;
    std::size_t bytes_;
};

/// Opens all emulated memory while it lives: a kernel or a copy. May nest; one thread launches.
class EmulatedAccess {
  public:
    EmulatedAccess();
    ~EmulatedAccess();
    EmulatedAccess(EmulatedAccess const&) = delete;
    EmulatedAccess& operator=(EmulatedAccess const&) = delete;
};

}  // namespace aureole
