#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace aureole::fuzz {

/// A file in memory for readers that take a name. One for all inputs.
class MemoryFile {
  public:
    MemoryFile() : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
        if (descriptor_ < 0) { std::abort(); }
    }
    MemoryFile(MemoryFile const&) = delete;
    MemoryFile& operator=(MemoryFile const&) = delete;
    ~MemoryFile() { close(descriptor_); }

    /// Replaces what the file holds.
    void write(std::uint8_t const* data, std::size_t size) const {
        bool const written = ftruncate(descriptor_, 0) == 0 && lseek(descriptor_, 0, SEEK_SET) == 0 &&
                             ::write(descriptor_, data, size) == static_cast<ssize_t>(size);
        if (!written) { std::abort(); }
    }
    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

  private:
    int descriptor_;
};

}  // namespace aureole::fuzz
