#pragma once
#include <cstddef>

namespace aureole {

/// Alignment of every block in an arena.
inline constexpr std::size_t arena_alignment = 64;
[[nodiscard]] constexpr std::size_t align_up(std::size_t bytes) {
    return (bytes + arena_alignment - 1) / arena_alignment * arena_alignment;
}

/// Bytes that a block takes with a red zone in front and one behind; a block of no bytes takes none.
[[nodiscard]] constexpr std::size_t block_bytes(std::size_t bytes, std::size_t zone) {
    return bytes == 0 ? 0 : zone + align_up(bytes) + zone;
}

}  // namespace aureole
