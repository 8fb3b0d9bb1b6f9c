#pragma once
#include "app/command_line.hpp"
#include "core/error.hpp"
#include "parallel/grid/comm.hpp"

namespace aureole {

// One file per verb; each returns the exit code of the process and throws Error on failure.

/// `comm`: all processes that a launcher started; none for a process of its own.
[[nodiscard]] ExitCode run_verb(Command const& command, Comm const* comm);
[[nodiscard]] ExitCode verify_verb(Command const& command, Comm const* comm);
[[nodiscard]] ExitCode plan_verb(Command const& command);
[[nodiscard]] ExitCode check_verb(Command const& command);
[[nodiscard]] ExitCode info_verb(Command const& command);
[[nodiscard]] ExitCode convert_verb(Command const& command);

}  // namespace aureole
