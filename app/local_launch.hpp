#pragma once
#include "app/command_line.hpp"

namespace aureole {

/// Starts this program again as `command.local` ranks on this machine, by the launcher of the MPI that it was built
/// with, waits for their end and returns the exit code of the launcher. SIGTERM, SIGINT, SIGHUP and the signals of
/// batch systems ask the ranks to end after their step; a second SIGINT ends them at once. The launcher alone would
/// kill them within seconds. Throws Error(bad_deck) if the deck's grid has another number of ranks, or the launcher is
/// not there.
[[nodiscard]] int run_locally(Command const& command, int argc, char const* const* argv);

/// Whether this process is a rank that run_locally() has started.
[[nodiscard]] bool is_started_locally();

}  // namespace aureole
