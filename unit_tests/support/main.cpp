#include <gtest/gtest.h>

#include <Kokkos_Core.hpp>
#include <cstdio>

#include "core/error.hpp"
#include "core/kernels/backend_info.hpp"
#include "unit_tests/support/host_reference.hpp"

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    try {
        aureole::require_backend();
    } catch (aureole::Error const& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return static_cast<int>(error.code());
    }
    Kokkos::ScopeGuard const kokkos(argc, argv);
    int const failed = RUN_ALL_TESTS();
    return aureole::test::finish_host_reference() ? failed : 1;
}
