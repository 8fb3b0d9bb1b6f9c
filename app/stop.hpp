#pragma once
#include <optional>
#include <string>

#include "io/deck/deck.hpp"
#include "parallel/grid/comm.hpp"

namespace aureole {

/// Why a run is to end before its last step.
struct Stop {
    enum class Kind : std::uint8_t { time, file, signal };
    Kind kind = Kind::time;
    int signal = 0;      ///< of Kind::signal
    std::string reason;  ///< "train.wall_time", "SIGUSR1", "the file 'runs/a/stop'"

    /// Whether the same deck is to be started again, to go on: not if a person has asked for the end.
    [[nodiscard]] bool run_again() const;
};

/// Signals that end a run after its step: SIGUSR1, SIGUSR2 and SIGXCPU, as batch systems send them before the time is
/// over. From here on they are kept until StopRequests looks; the rest (SIGTERM, SIGINT, SIGHUP) from StopRequests on,
/// since before it nothing can be lost. Those that are ignored at the start (nohup) stay so.
void catch_early_signals();

/// What asks a run to end: signals, a file `stop` in the folder of the run, the end of the batch job
/// (SLURM_JOB_END_TIME), train.wall_time, which counts from the start of the process. A second SIGINT ends the process
/// at once.
class StopRequests {
  public:
    StopRequests(Deck const& deck, Comm const* comm);

    /// What asks any rank to stop, as all agree; all ranks call. `needed`: seconds until the run could stop at the next
    /// occasion, with its state on the disk.
    [[nodiscard]] std::optional<Stop> look(double needed);

    /// Seconds from the start of the process after which it is to be over, if there is a limit.
    [[nodiscard]] std::optional<double> limit() const { return limit_; }

  private:
    Comm const* comm_;
    std::string file_;
    std::optional<double> limit_;
    bool limit_is_of_job_ = false;
    double last_look_at_file_ = -1;

    [[nodiscard]] bool file_asks();
};

/// Seconds since the system started this process.
[[nodiscard]] double seconds_of_process();

}  // namespace aureole
