#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

struct XXH3_state_s;

namespace aureole {

/// XXH3 (64 bits, no seed) of bytes that come piece by piece.
class Checksum {
  public:
    Checksum();
    ~Checksum();
    Checksum(Checksum const&) = delete;
    Checksum& operator=(Checksum const&) = delete;
    void add(std::span<std::byte const> bytes);
    [[nodiscard]] std::uint64_t value() const;

  private:
    ::XXH3_state_s* state_;
};

[[nodiscard]] std::uint64_t checksum_of(std::span<std::byte const> bytes);

}  // namespace aureole
