#include "io/log/console.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace aureole {

namespace {

std::atomic<int> output_error = 0;  ///< errno of the first write to the standard output that failed

/// Writes all, over interruptions, short writes and terminals that do not wait. 0, or the errno of what failed.
int write_all(int stream, std::string_view text) noexcept {
    while (!text.empty()) {
        ::ssize_t const written = ::write(stream, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            ::pollfd room{stream, POLLOUT, 0};
            ::poll(&room, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

bool is_closed(int stream) { return ::fcntl(stream, F_GETFD) < 0 && errno == EBADF; }

}  // namespace

void prepare_console() {
    // the lowest free number is given out, so each of them becomes its own; the null device is not to be written there,
    // so that an output that goes nowhere is known to be lost
    for (int const stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (is_closed(stream)) { static_cast<void>(::open("/dev/null", O_RDONLY)); }
    }
    for (int const number : {SIGPIPE, SIGXFSZ}) { static_cast<void>(std::signal(number, SIG_IGN)); }
}

void print_output(std::string_view text) noexcept {
    int const error = write_all(STDOUT_FILENO, text);
    int none = 0;
    if (error != 0) { output_error.compare_exchange_strong(none, error); }
}

void print_error(std::string_view text) noexcept { static_cast<void>(write_all(STDERR_FILENO, text)); }

std::string output_failure() {
    int const error = output_error;
    return error == 0 ? "" : std::strerror(error);
}

}  // namespace aureole
