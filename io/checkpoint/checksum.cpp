#include "io/checkpoint/checksum.hpp"

#include <xxhash.h>

#include <new>

namespace aureole {

Checksum::Checksum() : state_(XXH3_createState()) {
    if (state_ == nullptr) { throw std::bad_alloc(); }
    XXH3_64bits_reset(state_);
}

Checksum::~Checksum() { XXH3_freeState(state_); }

void Checksum::add(std::span<std::byte const> bytes) { XXH3_64bits_update(state_, bytes.data(), bytes.size()); }
std::uint64_t Checksum::value() const { return XXH3_64bits_digest(state_); }

std::uint64_t checksum_of(std::span<std::byte const> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace aureole
