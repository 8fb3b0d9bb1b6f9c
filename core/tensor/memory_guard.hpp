#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <string>

namespace aureole {

/// Bytes of the red zone in front of a guarded block, and of the one behind it beyond what aligns its end.
inline constexpr std::size_t red_zone = 256;

/// Whether the environment asks for guarded memory where nothing else says so: AUREOLE_MEMORY_GUARD=1. Tests set it.
[[nodiscard]] bool guard_by_default();

/// Watches the red zones around the blocks of an arena that are in use: memory that belongs to nobody and holds a
/// pattern. Whatever writes beyond its block changes the pattern, and is named by the next check.
class MemoryGuard {
  public:
    enum class Contents : unsigned char {
        kept,  ///< written before the block is opened
        nan,   ///< bytes of 0xFF, so that what is read before it is written shows
    };
    /// All of an arena; offsets count from `begin`.
    explicit MemoryGuard(std::byte* begin) : begin_(begin) {}

    /// A block comes into use: paints its red zones. That they meet another block in use is a defect of the memory
    /// plan, and an error.
    void open(std::size_t offset, std::size_t bytes, std::string const& name, Contents contents);
    /// The same for a block that stays in use; may be said again.
    void keep(std::size_t offset, std::size_t bytes, std::string const& name);
    /// The block at this offset is no longer in use.
    void close(std::size_t offset);
    /// Whether the red zones of all blocks in use hold their pattern. If not, an error that names `by`, what ran since
    /// the last check. Waits for the device.
    void check(std::function<std::string()> const& by) const;

  private:
    struct Block {
        std::size_t bytes = 0;
        std::string name;
    };
    std::byte* begin_;
    std::map<std::size_t, Block> blocks_;  ///< in use, by offset

    void expect_free(std::size_t offset, std::size_t bytes, std::string const& name) const;
    [[noreturn]] void report(std::size_t changed, std::string const& by) const;
};

}  // namespace aureole
