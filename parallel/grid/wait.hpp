#pragma once
#include <mpi.h>

#include <optional>
#include <span>
#include <string_view>

#include "parallel/grid/comm.hpp"

namespace aureole {

/// Seconds after which a wait for other ranks is given up; 0: never. One for the process: a rank that hangs stops all.
/// Time in which the whole process was stopped (a suspended job) does not count.
void set_wait_limit(double seconds);

/// What this process does, for the errors of waits that are given up: "waited 600 s for rank 3 in <activity>". One
/// within another replaces it until its end. The text must live as long as the object.
class Activity {
  public:
    explicit Activity(std::string_view text);
    ~Activity();
    Activity(Activity const&) = delete;
    Activity& operator=(Activity const&) = delete;
    [[nodiscard]] static std::string_view current();

  private:
    std::string_view before_;
};

/// Waits for all requests on a communicator, of which request i is with rank peers[i]; no peers: with all ranks. Throws
/// Error(internal) after the limit, naming the ranks that are waited for, by their number among all ranks.
void wait_all(std::span<MPI_Request> requests, MPI_Comm comm, std::span<int const> peers);

/// While it lives, ranks that wait long tell each other that they do (so that the one that does not is known), a rank
/// that works on something long tells those that wait for it, and a rank that fails does not leave the others waiting.
/// All ranks create it and end it. One at a time.
class WaitMessages {
  public:
    explicit WaitMessages(Comm const& all);
    ~WaitMessages();
    WaitMessages(WaitMessages const&) = delete;
    WaitMessages& operator=(WaitMessages const&) = delete;

    /// This rank is at work on what others may have to wait long for, such as writing a checkpoint: their time begins
    /// anew. To be called again and again; few calls send anything.
    static void tell_of_work();
    /// This rank ends the job: the others end as soon as they wait.
    static void tell_of_failure();

  private:
    std::optional<Comm> comm_;
};

}  // namespace aureole
