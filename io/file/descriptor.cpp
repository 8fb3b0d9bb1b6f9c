#include "io/file/descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.hpp"

namespace aureole {

namespace {

int open_file(std::string const& path, int flags, unsigned mode) {
    int number = -1;
    do { number = ::open(path.c_str(), flags | O_CLOEXEC, mode); } while (number < 0 && errno == EINTR);
    require(number >= 0, ExitCode::data_error,
            "cannot {} '{}' ({}): check that its folder exists and what you may do there",
            (flags & O_ACCMODE) == O_RDONLY ? "open" : "write", path, std::strerror(errno));
    return number;
}

}  // namespace

Descriptor::Descriptor(std::string const& path, int flags, unsigned mode) : number_(open_file(path, flags, mode)) {}

Descriptor::~Descriptor() {
    if (is_open()) { ::close(number_); }
}

void Descriptor::close(std::string const& path) {
    int const number = std::exchange(number_, -1);
    // after EINTR the descriptor is closed, on Linux
    require(number < 0 || ::close(number) == 0 || errno == EINTR, ExitCode::data_error,
            "cannot close '{}' ({}): what was written may not have reached the disk; check it, and the free space",
            path, std::strerror(errno));
}

}  // namespace aureole
