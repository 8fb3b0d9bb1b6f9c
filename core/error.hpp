#pragma once
#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace aureole {

/// Process exit codes, the same for every verb.
enum class ExitCode : int {
    success = 0,
    differs = 1,       ///< verify: the grid changed the result
    bad_deck = 2,      ///< deck or command line
    does_not_fit = 3,  ///< the plan exceeds a memory limit
    diverged = 4,      ///< loss became NaN or infinite
    stopped = 5,       ///< before the last step, with its state saved; to be started again
    data_error = 6,    ///< a file is missing, malformed or holds bad values, or cannot be written
    internal = 70,     ///< a defect of Aureole
};

/// The one exception type: what went wrong, why, and what to do; `main` turns it into a message and an exit code.
class Error : public std::runtime_error {
  public:
    Error(ExitCode code, std::string const& message) : std::runtime_error(message), code_(code) {}
    [[nodiscard]] ExitCode code() const noexcept { return code_; }

  private:
    ExitCode code_;
};

/// Throws an Error. Grammar of messages: "what is wrong (why): what to do".
template <class... Args>
[[noreturn]] void fail(ExitCode code, fmt::format_string<Args...> format, Args&&... args) {
    throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

/// Always on, at module borders. The message is formatted only on failure.
template <class... Args>
void require(bool condition, ExitCode code, fmt::format_string<Args...> format, Args&&... args) {
    if (!condition) { fail(code, format, std::forward<Args>(args)...); }
}

/// A requirement on the program itself: failing it is a defect of Aureole.
template <class... Args>
void require(bool condition, fmt::format_string<Args...> format, Args&&... args) {
    if (!condition) { fail(ExitCode::internal, format, std::forward<Args>(args)...); }
}

}  // namespace aureole
