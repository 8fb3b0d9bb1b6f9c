#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "core/tensor/memory_guard.hpp"
#include "core/tensor/tensor.hpp"

namespace aureole {

/// The one allocation of a rank in the execution space's memory. Tensors are planned offsets into it.
class Arena {
  public:
    enum class Guard : bool { off, on };
    explicit Arena(std::size_t bytes, Guard guard = Guard::off);
    ~Arena();
    Arena(Arena&&) noexcept;
    Arena& operator=(Arena&&) noexcept;

    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    /// Address of a planned offset; the whole tensor must lie inside.
    [[nodiscard]] Tensor tensor(std::size_t offset, DType dtype, Shape const& shape) const;
    [[nodiscard]] std::byte* at(std::size_t offset) const;
    /// Watches the blocks of the arena; none where it is not guarded.
    [[nodiscard]] MemoryGuard* guard() const { return guard_.get(); }

  private:
    struct Storage;
    std::unique_ptr<Storage> storage_;
    std::size_t bytes_;
    std::unique_ptr<MemoryGuard> guard_;
};

/// Copies a whole tensor to host memory of the same type, after everything launched before has finished.
void copy_to_host(Tensor const& from, void* to);
/// Copies from host memory of the same type.
void copy_to_device(void const* from, Tensor const& to);
/// Fills with zero bytes.
void zero(Tensor const& tensor);
/// Waits until every kernel launched so far has finished; `reason` labels the fence.
void fence(char const* reason);

/// A tensor of any floating or integer type as doubles, and back (rounding to the tensor's type).
[[nodiscard]] std::vector<double> read_values(Tensor const& from);
void write_values(std::vector<double> const& values, Tensor const& to);
/// The same from floats, without a detour over doubles: network input.
void write_values(float const* values, Tensor const& to);
void write_values(std::int32_t const* values, Tensor const& to);

}  // namespace aureole
