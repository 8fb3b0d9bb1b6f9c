#pragma once
#include <Kokkos_Core.hpp>

#include "core/config.hpp"
#include "core/kernels/host_threads.hpp"
#include "core/tensor/dtype.hpp"
#if AUREOLE_EMULATE_DEVICE
#include "core/tensor/emulated_device.hpp"
#endif

namespace aureole {

using Execution = Kokkos::DefaultExecutionSpace;
inline constexpr bool runs_on_host =
    !AUREOLE_EMULATE_DEVICE && Kokkos::SpaceAccessibility<Execution, Kokkos::HostSpace>::accessible;

/// Labelled fence of one instance; Kokkos 3 knows no label.
template <class Instance>
void fence_instance(Instance const& instance, char const* reason) {
    if constexpr (requires { instance.fence(reason); }) {
        instance.fence(reason);
    } else {
        instance.fence();
    }
}

namespace detail {

/// One device thread per element: the row's column range has length one, so neighbours in c are neighbours in memory.
template <class Functor>
struct PerElement {
    Functor functor;
    Index columns;
    KOKKOS_INLINE_FUNCTION void operator()(Index i) const {
        Index const row = i / columns, column = i - row * columns;
        functor(row, column, column + 1);
    }
};

template <class Functor>
struct PerRow {
    Functor functor;
    Index columns;
    KOKKOS_INLINE_FUNCTION void operator()(Index row) const { functor(row, Index{0}, columns); }
};

}  // namespace detail

/// Runs functor(row, begin, end) so that every column in [0, columns) of every row in [0, rows) is visited once.
///
/// On the host a call gets a whole row, [0, columns), which the compiler vectorises; on a device every thread gets one
/// column. The functor must not care how columns are grouped. Rows run in parallel, in no order.
template <class Functor>
void for_rows(char const* label, Index rows, Index columns, Functor const& functor) {
    if (rows <= 0 || columns <= 0) { return; }
    if constexpr (!runs_on_host) {
#if AUREOLE_EMULATE_DEVICE
        EmulatedAccess const access;
#endif
        Kokkos::parallel_for(label, Kokkos::RangePolicy<Execution, Kokkos::IndexType<Index>>(0, rows * columns),
                             detail::PerElement<Functor>{functor, columns});
    } else {
#if AUREOLE_THREAD_SERIAL_KOKKOS
        std::uint64_t id = 0;
        if (Kokkos::Profiling::profileLibraryLoaded()) { Kokkos::Profiling::beginParallelFor(label, 0, &id); }
        int const threads = rows * columns < 4096 ? 1 : host_threads();
#pragma omp parallel for schedule(static) num_threads(threads)
        for (Index row = 0; row < rows; ++row) { functor(row, Index{0}, columns); }
        if (Kokkos::Profiling::profileLibraryLoaded()) { Kokkos::Profiling::endParallelFor(id); }
#else
        Kokkos::parallel_for(
            label, Kokkos::RangePolicy<Execution, Kokkos::IndexType<Index>, Kokkos::Schedule<Kokkos::Static>>(0, rows),
            detail::PerRow<Functor>{functor, columns});
#endif
    }
}

/// Flat form for element-wise work without rows: functor(begin, end) over [0, count). The host gets fixed blocks of
/// `block` elements, a device single elements.
template <class Functor>
struct FlatBlocks {
    Functor functor;
    Index count, block;
    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        Index const first = row * block + begin;
        Index const last = row * block + end < count ? row * block + end : count;
        if (first < last) { functor(first, last); }
    }
};

template <class Functor>
void for_elements(char const* label, Index count, Functor const& functor) {
    constexpr Index block = 4096;
    for_rows(label, (count + block - 1) / block, block, FlatBlocks<Functor>{functor, count, block});
}

}  // namespace aureole
