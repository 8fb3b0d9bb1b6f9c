#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace aureole {

// What the program tells its user goes through here: whole lines reach the system at once, in their order over both
// streams, and nothing throws. A reader that goes away, or a full disk behind a stream, is no fault of a computation.

/// Before anything else in main: a closed standard stream becomes the null device, so that no file of the run gets its
/// number and then its lines; and writing to a reader that went away, or to a file that may not grow, is an error of
/// that write, not the end of the process.
void prepare_console();

/// From now on a reader that does not read is left behind after a moment, and what was meant for it is lost: a run that
/// is to end must not wait for it. May be called from a signal handler.
void do_not_wait_for_readers() noexcept;

/// Writes to the standard output. See output_failure().
void print_output(std::string_view text) noexcept;
/// Writes to the standard error.
void print_error(std::string_view text) noexcept;

/// The standard output, for what was asked for.
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
    print_output(fmt::format(format, std::forward<Args>(args)...));
}

/// "aureole: <message>" as a line of the standard error, for what the user should know beside it.
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
    print_error("aureole: " + fmt::format(format, std::forward<Args>(args)...) + "\n");
}

/// Why the first of the writes to the standard output that failed has failed; empty if all is written.
[[nodiscard]] std::string output_failure();

}  // namespace aureole
