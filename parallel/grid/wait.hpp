#pragma once
#include <mpi.h>

#include <span>

namespace aureole {

/// Seconds after which a wait for other ranks is given up; 0: never. One for the process: a rank that hangs stops all.
void set_wait_limit(double seconds);

/// Waits for all requests, of which request i is with rank peers[i]; no peers: with all ranks. Throws Error(internal)
/// after the limit, naming the ranks that are waited for.
void wait_all(std::span<MPI_Request> requests, std::span<int const> peers);

}  // namespace aureole
