#include <gtest/gtest.h>

#include <Kokkos_Core.hpp>

#include "unit_tests/support/backend.hpp"
#include "unit_tests/support/host_reference.hpp"

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    if (int const code = aureole::test::missing_backend(); code != 0) { return code; }
    Kokkos::ScopeGuard const kokkos(argc, argv);
    int const failed = RUN_ALL_TESTS();
    return aureole::test::finish_host_reference() ? failed : 1;
}
