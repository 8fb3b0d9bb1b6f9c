#pragma once
#include <cstdio>

#include "core/error.hpp"
#include "core/kernels/backend_info.hpp"

namespace aureole::test {

/// Exit code of a test program whose kernels cannot run on this machine, after saying why; 0 where they can.
[[nodiscard]] inline int missing_backend() {
    try {
        require_backend();
    } catch (Error const& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return static_cast<int>(error.code());
    }
    return 0;
}

}  // namespace aureole::test
