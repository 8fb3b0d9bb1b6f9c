#include "core/tensor/arena.hpp"

#include <sys/mman.h>

#include <Kokkos_Core.hpp>
#include <cstring>

#include "core/kernels/launch.hpp"
#include "core/tensor/lines.hpp"

namespace aureole {

namespace {

using Space = Execution::memory_space;
using Bytes = Kokkos::View<std::byte*, Space>;
using UnmanagedBytes = Kokkos::View<std::byte*, Space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
using HostBytes = Kokkos::View<std::byte*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
using ConstHostBytes = Kokkos::View<std::byte const*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

/// Calls visit(bytes of the tensor in its memory, offset of them in a dense tensor) for every run of neighbours.
template <class Visit>
void for_runs(Tensor const& tensor, Visit const& visit) {
#if AUREOLE_EMULATE_DEVICE
    EmulatedAccess const access;
#endif
    auto* const data = static_cast<std::byte*>(tensor.data);
    Lines const lines = Lines::of(tensor.shape, tensor.strides());
    if (lines.dense) {
        visit(UnmanagedBytes(data, tensor.bytes()), std::size_t{0});
        return;
    }
    std::size_t const element = size_of(tensor.dtype), bytes = static_cast<std::size_t>(lines.length) * element;
    for (Index line = 0; line < lines.count; ++line) {
        visit(UnmanagedBytes(data + static_cast<std::size_t>(lines.begin(line)) * element, bytes),
              static_cast<std::size_t>(line) * bytes);
    }
}

template <class Stored, class Given>
void convert(Given const* values, std::size_t count, std::vector<std::byte>& out) {
    out.resize(count * sizeof(Stored));
    for (std::size_t i = 0; i < count; ++i) {
        auto const value = static_cast<Stored>(values[i]);
        std::memcpy(out.data() + i * sizeof(Stored), &value, sizeof(Stored));
    }
}

template <class Given>
void write_as(Given const* values, Tensor const& to) {
    auto const count = static_cast<std::size_t>(to.shape.volume());
    if (to.dtype == dtype_of<Given>) {
        copy_to_device(values, to);
        return;
    }
    std::vector<std::byte> bytes;
    switch (to.dtype) {
        case DType::f64: convert<double>(values, count, bytes); break;
        case DType::f32: convert<float>(values, count, bytes); break;
        case DType::bf16: {
            std::vector<float> const rounded(values, values + count);
            convert<BFloat16>(rounded.data(), count, bytes);
            break;
        }
        case DType::i32: convert<std::int32_t>(values, count, bytes); break;
        case DType::u8: convert<std::uint8_t>(values, count, bytes); break;
    }
    copy_to_device(bytes.data(), to);
}

template <class Stored>
std::vector<double> decode(std::vector<std::byte> const& bytes) {
    std::vector<double> values(bytes.size() / sizeof(Stored));
    for (std::size_t i = 0; i < values.size(); ++i) {
        Stored value;
        std::memcpy(&value, bytes.data() + i * sizeof(Stored), sizeof(Stored));
        values[i] = static_cast<double>(value);
    }
    return values;
}

}  // namespace

#if AUREOLE_EMULATE_DEVICE
struct Arena::Storage {
    EmulatedMemory memory;
    std::byte* begin;
};

Arena::Arena(std::size_t bytes, Guard guard)
    : storage_(std::make_unique<Storage>(Storage{EmulatedMemory(bytes), nullptr})), bytes_(bytes) {
    storage_->begin = storage_->memory.data();
    if (guard == Guard::on) { guard_ = std::make_unique<MemoryGuard>(storage_->begin); }
}
#else
struct Arena::Storage {
    Bytes view;
    std::byte* begin;  ///< aligned to a large page
};

Arena::Arena(std::size_t bytes, Guard guard) : storage_(std::make_unique<Storage>()), bytes_(bytes) {
    // Large pages: a step touches the whole arena, and page faults and TLB misses would be seen in memory-bound
    // kernels.
    constexpr std::size_t large_page = std::size_t{2} << 20U;
    std::size_t const slack = runs_on_host ? large_page : 256;
    try {
        storage_->view = Bytes(Kokkos::view_alloc("aureole::arena", Kokkos::WithoutInitializing), bytes + slack);
    } catch (std::exception const&) {  // a failure of Kokkos is a std::runtime_error or a std::bad_alloc
        fail(ExitCode::does_not_fit,
             "the arena of {} bytes cannot be allocated (the machine has no room for it): use more ranks, smaller "
             "micro-batches, memory.recompute, or a machine with more memory",
             bytes);
    }
    auto const address = reinterpret_cast<std::uintptr_t>(storage_->view.data());
    storage_->begin = storage_->view.data() + ((address + slack - 1) / slack * slack - address);
    if (runs_on_host && bytes >= large_page) { madvise(storage_->begin, bytes, MADV_HUGEPAGE); }
    if (guard == Guard::on) { guard_ = std::make_unique<MemoryGuard>(storage_->begin); }
}
#endif

Arena::~Arena() = default;
Arena::Arena(Arena&&) noexcept = default;
Arena& Arena::operator=(Arena&&) noexcept = default;

std::byte* Arena::at(std::size_t offset) const {
    require(offset <= bytes_, "arena: offset {} is beyond its {} bytes", offset, bytes_);
    return storage_->begin + offset;
}

Tensor Arena::tensor(std::size_t offset, DType dtype, Shape const& shape) const {
    Tensor const result{at(offset), dtype, shape};
    require(offset + result.bytes() <= bytes_, "arena: a tensor of {} bytes at {} exceeds its {} bytes", result.bytes(),
            offset, bytes_);
    return result;
}

void copy_to_host(Tensor const& from, void* to) {
    fence("before a copy to the host");
    for_runs(from, [to](UnmanagedBytes const& run, std::size_t offset) {
        Kokkos::deep_copy(HostBytes(static_cast<std::byte*>(to) + offset, run.size()), run);
    });
}

void copy_to_device(void const* from, Tensor const& to) {
    for_runs(to, [from](UnmanagedBytes const& run, std::size_t offset) {
        Kokkos::deep_copy(run, ConstHostBytes(static_cast<std::byte const*>(from) + offset, run.size()));
    });
}

void zero(Tensor const& tensor) {
    for_runs(tensor, [](UnmanagedBytes const& run, std::size_t /*offset*/) { Kokkos::deep_copy(run, std::byte{0}); });
}

void fence(char const* reason) { fence_instance(Execution(), reason); }

std::vector<double> read_values(Tensor const& from) {
    std::vector<std::byte> bytes(from.bytes());
    copy_to_host(from, bytes.data());
    switch (from.dtype) {
        case DType::f64: return decode<double>(bytes);
        case DType::f32: return decode<float>(bytes);
        case DType::bf16: return decode<BFloat16>(bytes);
        case DType::i32: return decode<std::int32_t>(bytes);
        case DType::u8: return decode<std::uint8_t>(bytes);
    }
    return {};
}

void write_values(std::vector<double> const& values, Tensor const& to) {
    require(static_cast<Index>(values.size()) == to.shape.volume(), "write_values: {} values for a tensor {}",
            values.size(), to_string(to.shape));
    write_as(values.data(), to);
}

void write_values(float const* values, Tensor const& to) { write_as(values, to); }
void write_values(std::int32_t const* values, Tensor const& to) { write_as(values, to); }

}  // namespace aureole
