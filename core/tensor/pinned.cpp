#include "core/tensor/pinned.hpp"

#include <Kokkos_Core.hpp>

namespace aureole {

namespace {

#if defined(KOKKOS_ENABLE_CUDA)
using PinnedSpace = Kokkos::CudaHostPinnedSpace;
#else
using PinnedSpace = Kokkos::HostSpace;
#endif

}  // namespace

struct PinnedMemory::Storage {
    using Bytes = Kokkos::View<std::byte*, PinnedSpace>;
    Bytes view;
};

PinnedMemory::PinnedMemory(std::size_t bytes)
    : storage_(std::make_unique<Storage>(
          Storage{Storage::Bytes(Kokkos::view_alloc("aureole::pinned", Kokkos::WithoutInitializing), bytes)})) {}

PinnedMemory::~PinnedMemory() = default;
PinnedMemory::PinnedMemory(PinnedMemory&&) noexcept = default;
PinnedMemory& PinnedMemory::operator=(PinnedMemory&&) noexcept = default;

std::byte* PinnedMemory::data() const { return storage_->view.data(); }

}  // namespace aureole
