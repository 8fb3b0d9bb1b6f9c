#pragma once
#include "app/command_line.hpp"
#include "core/error.hpp"

namespace aureole {

// One file per verb; each returns the exit code of the process and throws Error on failure.

[[nodiscard]] ExitCode run_verb(Command const& command);
[[nodiscard]] ExitCode check_verb(Command const& command);
[[nodiscard]] ExitCode info_verb(Command const& command);
[[nodiscard]] ExitCode convert_verb(Command const& command);

}  // namespace aureole
