#include "io/log/console.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

namespace aureole {

namespace {

std::atomic<int> output_error = 0;  ///< errno of the first write to the standard output that failed

std::atomic<bool> waits_for_readers = true;

/// Until a stream takes a part of PIPE_BUF bytes without blocking; false: its reader is left behind.
bool wait_for_room(int stream) noexcept {
    constexpr int interval = 100;  // milliseconds
    constexpr int patience = 10;   // intervals
    for (int waited = 0; waits_for_readers || waited < patience; ++waited) {
        ::pollfd room{stream, POLLOUT, 0};
        int const ready = ::poll(&room, 1, interval);
        if (ready > 0 || (ready < 0 && errno != EINTR)) { return true; }  // the write tells of errors
    }
    return false;
}

/// Writes all, over interruptions, short writes and terminals that do not wait. 0, or the errno of what failed.
int write_all(int stream, std::string_view text) noexcept {
    while (!text.empty()) {
        if (!wait_for_room(stream)) { return EAGAIN; }
        ::ssize_t const written = ::write(stream, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
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

void do_not_wait_for_readers() noexcept { waits_for_readers = false; }

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
