#include <gtest/gtest.h>

#include <Kokkos_Core.hpp>
#include <cstdlib>

#include "unit_tests/support/backend.hpp"
#include "unit_tests/support/host_reference.hpp"

int main(int argc, char** argv) {
    setenv("AUREOLE_MEMORY_GUARD", "1",
           0);  // what writes beyond its memory is named, here and in processes started here
    ::testing::InitGoogleTest(&argc, argv);
    if (int const code = aureole::test::missing_backend(); code != 0) { return code; }
    Kokkos::ScopeGuard const kokkos(argc, argv);
    int const failed = RUN_ALL_TESTS();
    return aureole::test::finish_host_reference() ? failed : 1;
}
