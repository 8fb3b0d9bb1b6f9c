#include <gtest/gtest.h>

#include <Kokkos_Core.hpp>

#include "parallel/grid/comm.hpp"

int main(int argc, char** argv) {
    aureole::Environment const mpi(&argc, &argv);
    int failed = 1;
    {
        Kokkos::ScopeGuard const kokkos(argc, argv);
        ::testing::InitGoogleTest(&argc, argv);
        failed = RUN_ALL_TESTS();
    }
    return failed;
}
