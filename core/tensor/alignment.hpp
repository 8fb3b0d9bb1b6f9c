#pragma once
#include <cstddef>

namespace aureole {

/// Alignment of every block in an arena.
inline constexpr std::size_t arena_alignment = 64;
[[nodiscard]] constexpr std::size_t align_up(std::size_t bytes) {
    return (bytes + arena_alignment - 1) / arena_alignment * arena_alignment;
}

/// Bytes from the beginning of a block to its data: the red zone in front; a block of no bytes has none.
[[nodiscard]] constexpr std::size_t zone_before(std::size_t bytes, std::size_t zone) { return bytes == 0 ? 0 : zone; }
/// Bytes that a block takes with a red zone in front and one behind; a block of no bytes takes none.
[[nodiscard]] constexpr std::size_t block_bytes(std::size_t bytes, std::size_t zone) {
    return align_up(bytes) + 2 * zone_before(bytes, zone);
}

}  // namespace aureole
