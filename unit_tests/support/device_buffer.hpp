#pragma once
#include "core/tensor/arena.hpp"
#include "unit_tests/support/operator_harness.hpp"

namespace aureole::test {

/// Memory in the execution space, between red zones, that a test fills from and reads back to host tensors.
class DeviceBuffer {
  public:
    explicit DeviceBuffer(std::size_t bytes);
    DeviceBuffer(TensorSpec const& spec) : DeviceBuffer(spec.bytes()) { shape_ = spec.local(), dtype_ = spec.dtype; }
    [[nodiscard]] std::byte* data() const { return arena_.at(red_zone); }
    [[nodiscard]] Tensor tensor() const { return {data(), dtype_, shape_}; }
    /// Nobody has written in front of it or behind it; `by`: what ran last.
    void expect_intact(std::string const& by) const;
    void upload(HostTensor const& from) const;
    [[nodiscard]] HostTensor download() const;

  private:
    Arena arena_;
    Shape shape_;
    DType dtype_ = DType::u8;
};

/// An arena all of whose bytes are `fill`, 0xFF being NaN in every floating-point type; guarded where the environment
/// asks for it, as programs are.
[[nodiscard]] Arena filled_arena(std::size_t bytes, std::byte fill = std::byte{0xFF});

}  // namespace aureole::test
