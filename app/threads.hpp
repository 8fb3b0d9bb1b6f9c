#pragma once
#include <memory>
#include <string>

#include "core/clock.hpp"
#include "parallel/grid/comm.hpp"

namespace aureole {

/// Threads of this process: what OMP_NUM_THREADS says, or the cores that it may use (its affinity mask, and the quota
/// of its cgroup), shared evenly with those ranks of this machine that may use some of them too.
struct ThreadChoice {
    int threads = 1;
    int cores = 1;          ///< that this process may use
    int sharing = 1;        ///< ranks of this machine with one of them, this one included
    bool is_given = false;  ///< by OMP_NUM_THREADS
    /// Threads of the ranks that share, above their cores: they wait for each other most of the time.
    bool oversubscribed = false;

    /// "2 threads (of 8 cores, which 4 ranks share)"
    [[nodiscard]] std::string text() const;
};

/// Chooses and sets the number of threads; before the first parallel loop. All ranks call.
[[nodiscard]] ThreadChoice choose_threads(Comm const* comm);

/// How long threads spin at the end of a parallel loop before they sleep. GCC's OpenMP spins for milliseconds, which is
/// best where a core belongs to a thread, and wastes what the others need where other processes use it too. Which is
/// faster is tried, from step to step, while the system keeps threads waiting for a core. It decides nothing but time:
/// the number of threads stays. Left alone if OMP_WAIT_POLICY or GOMP_SPINCOUNT is set, or there is one thread.
class ThreadWaits {
  public:
    explicit ThreadWaits(int threads);
    ~ThreadWaits();
    ThreadWaits(ThreadWaits const&) = delete;
    ThreadWaits& operator=(ThreadWaits const&) = delete;

    /// Time of the last step. What has changed, as a line for the user; empty if nothing.
    [[nodiscard]] std::string step_done(double seconds);

  private:
    class SleepingTeam;
    struct Window {
        double seconds = 0;
        int steps = 0;
        Clock::time_point begin = Clock::now();
        double delay = 0;  ///< of this thread, at the begin
    };
    bool can_change_ = false;
    std::unique_ptr<SleepingTeam> sleeping_team_;  ///< while waits are short
    Window window_;
    double long_waits_ = 0;  ///< mean time of a step, in the window before waits became short
    bool is_first_ = true, is_trial_ = false;
    double hold_ = 0;  ///< seconds until the next trial
    double pause_ = 10;
    Clock::time_point held_since_ = Clock::now();

    void begin_window();
};

}  // namespace aureole
