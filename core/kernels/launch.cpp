#include "core/kernels/launch.hpp"

#if AUREOLE_THREAD_SERIAL_KOKKOS
#include <omp.h>
#endif

namespace aureole {

int host_threads() {
#if AUREOLE_THREAD_SERIAL_KOKKOS
    return omp_get_max_threads();
#else
    return 1;
#endif
}

}  // namespace aureole
