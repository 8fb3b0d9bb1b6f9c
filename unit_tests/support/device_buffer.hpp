#pragma once
#include <Kokkos_Core.hpp>

#include "core/kernels/launch.hpp"
#include "unit_tests/support/operator_harness.hpp"

namespace aureole::test {

/// Memory in the execution space that a test fills from and reads back to host tensors.
class DeviceBuffer {
  public:
    explicit DeviceBuffer(std::size_t bytes) : view_("aureole::test::buffer", std::max<std::size_t>(bytes, 64) + 64) {}
    DeviceBuffer(TensorSpec const& spec) : DeviceBuffer(spec.bytes()) { shape_ = spec.local(), dtype_ = spec.dtype; }
    [[nodiscard]] std::byte* data() const {
        auto const address = reinterpret_cast<std::uintptr_t>(view_.data());
        return reinterpret_cast<std::byte*>((address + 63) / 64 * 64);
    }
    [[nodiscard]] Tensor tensor() const { return {data(), dtype_, shape_}; }
    void upload(HostTensor const& from) const;
    [[nodiscard]] HostTensor download() const;

  private:
    Kokkos::View<std::byte*, Execution::memory_space> view_;
    Shape shape_;
    DType dtype_ = DType::u8;
};

}  // namespace aureole::test
