#pragma once
#include <cstdint>
#include <utility>

namespace aureole::hdf5 {

/// Owns one identifier of the HDF5 library (file, dataset, type, ...) and releases it.
class Handle {
  public:
    Handle() = default;
    explicit Handle(std::int64_t id) : id_(id) {}
    Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(id_, other.id_);
        return *this;
    }
    Handle(Handle const&) = delete;
    Handle& operator=(Handle const&) = delete;
    ~Handle() { release(); }

    [[nodiscard]] std::int64_t id() const { return id_; }
    [[nodiscard]] bool valid() const { return id_ >= 0; }
    void release() noexcept;
    /// Hands the identifier over to who releases it, and looks whether that went well.
    [[nodiscard]] std::int64_t take() { return std::exchange(id_, -1); }

  private:
    std::int64_t id_ = -1;
};

}  // namespace aureole::hdf5
