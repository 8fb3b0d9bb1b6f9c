#include "parallel/exchange/reduction.hpp"

#include "parallel/grid/comm.hpp"

namespace aureole {

void Reduction::proceed() {
    int done = 0;
    check_mpi(MPI_Test(&request_, &done, MPI_STATUS_IGNORE), "MPI_Test");
}

}  // namespace aureole
