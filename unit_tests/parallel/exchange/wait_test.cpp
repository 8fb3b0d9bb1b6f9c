// A rank that waits in vain says for whom.
#include "parallel/grid/wait.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"
#include "parallel/grid/comm.hpp"

namespace aureole::test {
namespace {

/// Restores the limit: other tests may wait.
struct Limit {
    explicit Limit(double seconds) { set_wait_limit(seconds); }
    ~Limit() { set_wait_limit(0); }
    Limit(Limit const&) = delete;
    Limit& operator=(Limit const&) = delete;
};

TEST(Wait, NamesTheRankThatDoesNotAnswer) {
    Comm const comm = Comm::world();
    if (comm.size() == 1) { GTEST_SKIP() << "nobody to wait for"; }
    int const last = comm.size() - 1;
    int got = 0, given = 7;
    if (comm.rank() == 0) {
        MPI_Request request = MPI_REQUEST_NULL;
        MPI_Irecv(&got, 1, MPI_INT, last, 0, comm.get(), &request);
        int const peer = last;
        try {
            Limit const limit(0.2);
            wait_all({&request, 1}, comm.get(), {&peer, 1});
            ADD_FAILURE() << "nothing was sent";
        } catch (Error const& error) {
            std::string const text = error.what();
            EXPECT_NE(text.find("rank " + std::to_string(last)), std::string::npos) << text;
            EXPECT_NE(text.find("parallel.timeout"), std::string::npos) << text;
        }
        comm.barrier();
        wait_all({&request, 1}, comm.get(), {&peer, 1});
        EXPECT_EQ(got, given);
    } else {
        comm.barrier();
        if (comm.rank() == last) { MPI_Send(&given, 1, MPI_INT, 0, 0, comm.get()); }
    }
}

TEST(Wait, EndsWithinTheLimitWhenAllAnswer) {
    Comm const comm = Comm::world();
    Limit const limit(60);
    double sum = comm.rank();
    comm.sum(&sum, 1);
    EXPECT_EQ(sum, comm.size() * (comm.size() - 1) / 2);
}

}  // namespace
}  // namespace aureole::test
