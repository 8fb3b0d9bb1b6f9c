#include "io/file/link.hpp"

#include <cerrno>
#include <filesystem>

namespace aureole {

namespace fs = std::filesystem;

std::string describe_dangling_link(std::string const& path) {
    int const reason = errno;
    std::string text;
    fs::path way;
    for (fs::path const& part : fs::path(path)) {
        way /= part;
        std::error_code error;
        if (!fs::is_symlink(fs::symlink_status(way, error))) { continue; }
        bool const leads = fs::exists(way, error);
        bool const is_known = !error || error == std::errc::too_many_symbolic_link_levels;
        if (leads || !is_known) { continue; }
        text = fmt::format("'{}' is a link to '{}', whose target is gone", way.string(),
                           fs::read_symlink(way, error).string());
        break;
    }
    errno = reason;
    return text;
}

void require_link_target(std::string const& path, ExitCode code) {
    std::string const link = describe_dangling_link(path);
    require(link.empty(), code, "'{}' cannot be opened ({}): mend the link, or name another file", path, link);
}

}  // namespace aureole
