#pragma once
#include <cstddef>
#include <string>

namespace aureole::convert {

/// Reads a file from start to end, unpacking it if it is gzipped. Errors name the file.
class GzipInput {
  public:
    explicit GzipInput(std::string const& path);
    GzipInput(GzipInput const&) = delete;
    GzipInput& operator=(GzipInput const&) = delete;
    ~GzipInput();

    /// Fills the buffer, or throws an Error(data_error) that the file is truncated or damaged.
    void read(void* buffer, std::size_t bytes);
    /// True if nothing follows.
    [[nodiscard]] bool at_end();
    [[nodiscard]] std::string const& path() const { return path_; }

  private:
    std::string path_;
    void* file_ = nullptr;
};

}  // namespace aureole::convert
