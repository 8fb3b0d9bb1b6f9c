#pragma once
#include <cstdint>
#include <string>

#include "core/error.hpp"

namespace aureole {

/// How a run is, or how it ended: for whoever starts it again, since a launcher's exit code need not be that of its
/// processes.
struct RunStatus {
    enum class State : std::uint8_t {
        running,   ///< or killed, if no process holds the lock of the folder
        finished,  ///< all steps are done
        stopped,   ///< before the last step, with its state saved
        failed
    };
    State state = State::running;
    std::string reason;  ///< why it was stopped, or has failed; one line
    bool run_again = false;
    ExitCode exit_code = ExitCode::success;
    std::int64_t step = 0, steps = 0;  ///< updates done, and wanted
};

/// Replaces the file `status` in a folder: lines "key: value", of YAML and for grep. A failure is a warning.
void write_status(std::string const& folder, RunStatus const& status);

}  // namespace aureole
