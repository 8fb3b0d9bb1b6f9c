#include "parallel/grid/wait.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "parallel/grid/comm.hpp"

namespace aureole {

namespace {

/// Tests between two looks at the clock.
constexpr int tests_per_look = 256;

double& limit() {
    static double seconds = 0;
    return seconds;
}

/// Persistent requests that are done, and are not asked for any more, count as done.
std::string open_peers(std::span<MPI_Request> requests, std::span<int const> peers) {
    std::set<int> open;
    for (std::size_t i = 0; i < peers.size(); ++i) {
        int done = 0;
        MPI_Request_get_status(requests[i], &done, MPI_STATUS_IGNORE);
        if (done == 0) { open.insert(peers[i]); }
    }
    return open.empty() ? "the other ranks"
                        : fmt::format("rank{} {}", open.size() == 1 ? "" : "s", fmt::join(open, ", "));
}

}  // namespace

void set_wait_limit(double seconds) { limit() = seconds; }

void wait_all(std::span<MPI_Request> requests, std::span<int const> peers) {
    auto const count = static_cast<int>(requests.size());
    if (limit() <= 0) {
        check_mpi(MPI_Waitall(count, requests.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
        return;
    }
    auto const begin = Clock::now();
    for (int done = 0, tests = 1; done == 0; ++tests) {
        check_mpi(MPI_Testall(count, requests.data(), &done, MPI_STATUSES_IGNORE), "MPI_Testall");
        if (done != 0 || tests % tests_per_look != 0) { continue; }
        double const waited = seconds_since(begin);
        if (waited < limit()) { continue; }
        fail(ExitCode::internal,
             "waited {:.0f} s for {} (dead, hung, or much slower): see what these ranks do, or raise parallel.timeout",
             waited, open_peers(requests, peers));
    }
}

}  // namespace aureole
