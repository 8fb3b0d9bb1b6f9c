#include <gtest/gtest.h>

#include <Kokkos_Core.hpp>
#include <cstdlib>
#include <string_view>

#include "parallel/exchange/message_span.hpp"
#include "parallel/grid/comm.hpp"
#include "unit_tests/support/backend.hpp"

int main(int argc, char** argv) {
    setenv("AUREOLE_MEMORY_GUARD", "1",
           0);  // what writes beyond its memory is named, here and in processes started here
    if (int const code = aureole::test::missing_backend(); code != 0) { return code; }
    aureole::Environment const mpi(&argc, &argv);
    int failed = 1;
    {
        Kokkos::ScopeGuard const kokkos(argc, argv);
        ::testing::InitGoogleTest(&argc, argv);
        // as on a device whose memory MPI does not take
        if (argc > 1 && std::string_view(argv[1]) == "--staged") { aureole::set_transport(aureole::Transport::staged); }
        failed = RUN_ALL_TESTS();
    }
    return failed;
}
