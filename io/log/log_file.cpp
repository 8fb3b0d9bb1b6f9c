#include "io/log/log_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.hpp"
#include "io/file/new_file.hpp"
#include "io/log/console.hpp"

namespace aureole {

namespace {

/// Takes back the last bytes of a file.
bool take_back(int file, std::int64_t bytes) {
    struct ::stat status {};
    return ::fstat(file, &status) == 0 && ::ftruncate(file, status.st_size - bytes) == 0;
}

}  // namespace

LogFile::LogFile(std::string path) : path_(std::move(path)), file_(path_, O_WRONLY | O_CREAT | O_APPEND) {}

int LogFile::write_line(std::string const& line) {
    std::string const text = torn_ ? "\n" + line : line;
    std::size_t done = 0;
    while (done < text.size()) {
        ::ssize_t const written = ::write(file_.number(), text.data() + done, text.size() - done);
        if (written < 0 && errno == EINTR) { continue; }
        if (written < 0) {
            int const error = errno;
            if (done > 0) { torn_ = !take_back(file_.number(), static_cast<std::int64_t>(done)); }
            return error;
        }
        done += static_cast<std::size_t>(written);
    }
    torn_ = false;
    return 0;
}

void LogFile::sync() {
    try {
        sync_file(file_, path_);
    } catch (Error const& error) {
        if (!std::exchange(told_of_sync_, true)) { warn("{}", error.what()); }
    }
}

void LogFile::append(std::string const& line) {
    int const error = write_line(line);
    if (error != 0) {
        ++lost_;
        if (lost_in_a_row_++ == 0) {
            warn("a line of '{}' could not be written ({}) and is lost: make room; the run goes on", path_,
                 std::strerror(error));
        }
    } else if (lost_in_a_row_ > 0) {
        warn("'{}' is written again: {} lines of it are lost", path_, std::exchange(lost_in_a_row_, 0));
    }
}

}  // namespace aureole
