#include <gtest/gtest.h>

#include <Kokkos_Core.hpp>
#include <cstdio>
#include <string_view>

#include "core/error.hpp"
#include "core/kernels/backend_info.hpp"
#include "parallel/exchange/message_span.hpp"
#include "parallel/grid/comm.hpp"

int main(int argc, char** argv) {
    try {
        aureole::require_backend();
    } catch (aureole::Error const& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return static_cast<int>(error.code());
    }
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
