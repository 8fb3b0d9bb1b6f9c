#include "io/convert/gzip_input.hpp"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.hpp"
#include "io/file/link.hpp"

namespace aureole::convert {

GzipInput::GzipInput(std::string const& path) : path_(path) {
    errno = 0;
    file_ = gzopen(path.c_str(), "rb");
    if (file_ == nullptr) { require_link_target(path); }
    require(file_ != nullptr, ExitCode::data_error, "cannot open '{}' ({}): correct the name", path,
            errno == 0 ? "out of memory" : std::strerror(errno));
    gzbuffer(static_cast<gzFile>(file_), 1U << 17U);
}

GzipInput::~GzipInput() { gzclose(static_cast<gzFile>(file_)); }

void GzipInput::read(void* buffer, std::size_t bytes) {
    constexpr std::size_t most = std::size_t{1} << 30U;  // zlib counts in int
    auto* target = static_cast<unsigned char*>(buffer);
    while (bytes > 0) {
        int const got = gzread(static_cast<gzFile>(file_), target, static_cast<unsigned>(std::min(bytes, most)));
        if (got <= 0) {
            int code = Z_OK;
            char const* const text = gzerror(static_cast<gzFile>(file_), &code);
            fail(ExitCode::data_error,
                 "'{}' ends too early ({}): it is truncated or damaged, copy or download it again", path_,
                 code == Z_OK ? "fewer data than its header says" : text);
        }
        target += got;
        bytes -= static_cast<std::size_t>(got);
    }
}

bool GzipInput::at_end() {
    unsigned char byte = 0;
    return gzread(static_cast<gzFile>(file_), &byte, 1) <= 0;
}

}  // namespace aureole::convert
