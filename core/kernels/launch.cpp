#include "core/kernels/launch.hpp"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace aureole {

int host_threads() {
#if defined(_OPENMP)
    return omp_get_max_threads();
#else
    return 1;
#endif
}

}  // namespace aureole
