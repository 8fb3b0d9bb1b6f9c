#pragma once
#include "core/tensor/arena.hpp"
#include "unit_tests/support/operator_harness.hpp"

namespace aureole::test {

/// Memory in the execution space that a test fills from and reads back to host tensors.
class DeviceBuffer {
  public:
    explicit DeviceBuffer(std::size_t bytes);
    DeviceBuffer(TensorSpec const& spec) : DeviceBuffer(spec.bytes()) { shape_ = spec.local(), dtype_ = spec.dtype; }
    [[nodiscard]] std::byte* data() const { return arena_.at(0); }
    [[nodiscard]] Tensor tensor() const { return {data(), dtype_, shape_}; }
    void upload(HostTensor const& from) const;
    [[nodiscard]] HostTensor download() const;

  private:
    Arena arena_;
    Shape shape_;
    DType dtype_ = DType::u8;
};

}  // namespace aureole::test
