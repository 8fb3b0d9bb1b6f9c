#pragma once
#include <cstddef>
#include <new>

namespace aureole {

/// Thrown by the program's operator new: a std::bad_alloc that knows how many bytes were asked for.
class AllocationFailure : public std::bad_alloc {
  public:
    explicit AllocationFailure(std::size_t bytes) : bytes_(bytes) {}
    [[nodiscard]] char const* what() const noexcept override { return "out of memory"; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  private:
    std::size_t bytes_;
};

}  // namespace aureole
