#pragma once
#include <cstdint>
#include <string>
#include <utility>

namespace aureole {

/// An open file of the system. Move-only; closed at the end, without a word on failure: see close().
class Descriptor {
  public:
    Descriptor() = default;
    /// Opens with the flags of open(2); data_error with the system's reason.
    Descriptor(std::string const& path, int flags, unsigned mode = 0666);
    ~Descriptor();
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }

    [[nodiscard]] int number() const { return number_; }
    [[nodiscard]] bool is_open() const { return number_ >= 0; }
    /// Some file systems tell of failed writes only here: data_error with `path` and the reason.
    void close(std::string const& path);

  private:
    int number_ = -1;
};

}  // namespace aureole
