#pragma once
#include <cstddef>
#include <memory>

namespace aureole {

/// Memory of the host that a device copies from and to at full speed: page-locked where there is a device.
class PinnedMemory {
  public:
    explicit PinnedMemory(std::size_t bytes);
    ~PinnedMemory();
    PinnedMemory(PinnedMemory&&) noexcept;
    PinnedMemory& operator=(PinnedMemory&&) noexcept;

    [[nodiscard]] std::byte* data() const;

  private:
    struct Storage;
    std::unique_ptr<Storage> storage_;
};

}  // namespace aureole
