#include "core/tensor/emulated_device.hpp"

#include <sys/mman.h>

#include <map>
#include <mutex>
#include <new>

namespace aureole {

namespace {

struct Device {
    std::mutex mutex;
    std::map<std::byte*, std::size_t> memory;
    int open = 0;  ///< accesses under way
};

Device& device() {
    static Device all;
    return all;
}

void protect(Device const& all, int protection) {
    for (auto const& [data, bytes] : all.memory) { mprotect(data, bytes, protection); }
}

}  // namespace

EmulatedMemory::EmulatedMemory(std::size_t bytes) : data_(nullptr), bytes_(bytes == 0 ? 1 : bytes) {
    std::scoped_lock const lock(device().mutex);
    int const protection = device().open > 0 ? PROT_READ | PROT_WRITE : PROT_NONE;
    void* const mapped = mmap(nullptr, bytes_, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) { throw std::bad_alloc(); }
    data_ = static_cast<std::byte*>(mapped);
    device().memory.emplace(data_, bytes_);
}

EmulatedMemory::EmulatedMemory(EmulatedMemory&& other) noexcept : data_(other.data_), bytes_(other.bytes_) {
    other.data_ = nullptr;
}

EmulatedMemory::~EmulatedMemory() {
    if (data_ == nullptr) { return; }
    std::scoped_lock const lock(device().mutex);
    device().memory.erase(data_);
    munmap(data_, bytes_);
}

EmulatedAccess::EmulatedAccess() {
    std::scoped_lock const lock(device().mutex);
    if (device().open++ == 0) { protect(device(), PROT_READ | PROT_WRITE); }
}

EmulatedAccess::~EmulatedAccess() {
    std::scoped_lock const lock(device().mutex);
    if (--device().open == 0) { protect(device(), PROT_NONE); }
}

}  // namespace aureole
