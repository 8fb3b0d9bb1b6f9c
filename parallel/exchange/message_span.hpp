#pragma once
#include <optional>

#include "core/tensor/pinned.hpp"
#include "core/tensor/tensor.hpp"

namespace aureole {

/// How messages leave the memory of a device.
enum class Transport : std::uint8_t {
    automatic,  ///< direct where MPI says that it takes a device's memory, and on a host
    direct,     ///< MPI is given the device's memory
    staged,     ///< by way of pinned host memory
};

/// One for the process. Spans that were made before keep theirs.
void set_transport(Transport transport);
/// Direct or staged.
[[nodiscard]] Transport transport();

/// Bytes that MPI sends from or receives into: the memory itself, or a copy of it in pinned host memory.
class MessageSpan {
  public:
    MessageSpan() = default;
    MessageSpan(std::byte* memory, std::size_t bytes);

    /// What MPI is to be given.
    [[nodiscard]] std::byte* address() const;
    /// Before MPI reads it; every kernel has been launched that writes it. Waits for them only if it copies.
    void to_mpi() const;
    /// After MPI has written it.
    void from_mpi() const;

  private:
    Tensor span_;
    std::optional<PinnedMemory> staged_;
};

}  // namespace aureole
