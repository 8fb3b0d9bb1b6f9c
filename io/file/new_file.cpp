#include "io/file/new_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/error.hpp"

namespace aureole {

namespace fs = std::filesystem;

namespace {

/// The file that a name stands for; the name itself if there is none yet.
std::string target_of(std::string const& path) {
    std::error_code error;
    if (!fs::is_symlink(path, error)) { return path; }
    fs::path const target = fs::canonical(path, error);
    require(!error, ExitCode::data_error, "'{}' is a link whose target is gone ({}): remove the link, or mend it", path,
            error.message());
    return target.string();
}

void create_folder_of(std::string const& path) {
    fs::path const folder = fs::path(path).parent_path();
    std::error_code error;
    if (!folder.empty()) { fs::create_directories(folder, error); }
    require(!error, ExitCode::data_error, "cannot create the folder '{}' ({}): choose another, or mend its permissions",
            folder.string(), error.message());
}

/// The nearest folder above a file that exists must take new entries.
void require_folder_of(std::string const& path) {
    fs::path nearest = fs::absolute(path).parent_path();
    std::error_code error;
    while (!fs::exists(nearest, error) && nearest.has_relative_path()) { nearest = nearest.parent_path(); }
    require(fs::is_directory(nearest, error), ExitCode::data_error,
            "'{}' cannot be written (cannot create the folder '{}', which is a file): choose another folder", path,
            nearest.string());
    require(::access(nearest.c_str(), W_OK | X_OK) == 0, ExitCode::data_error,
            "'{}' cannot be written (folder '{}': {}): choose another, or mend its permissions", path, nearest.string(),
            std::strerror(errno));
}

std::string temporary_of(std::string const& path) { return path + ".part"; }

bool is_same(fs::path const& a, fs::path const& b) {
    std::error_code error;
    return fs::equivalent(a, b, error) && !error;
}

bool is_in(fs::path const& file, fs::path const& source) {
    std::error_code error;
    if (is_same(file, source)) { return true; }
    if (!fs::is_directory(source, error)) { return false; }
    constexpr int deepest = 8;  // links can form cycles
    auto const options =
        fs::directory_options::skip_permission_denied | fs::directory_options::follow_directory_symlink;
    fs::recursive_directory_iterator entry(source, options, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        if (is_same(file, entry->path())) { return true; }
        if (entry.depth() >= deepest) { entry.disable_recursion_pending(); }
    }
    return false;
}

}  // namespace

void require_output(std::string const& path) {
    require(!path.empty() && path.back() != '/', ExitCode::data_error, "'{}' names no file: give a file to write",
            path);
    std::error_code error;
    fs::file_status const status = fs::status(target_of(path), error);
    bool const free = status.type() == fs::file_type::not_found || status.type() == fs::file_type::regular;
    require(free, ExitCode::data_error,
            "'{}' is {}, which a result must not replace: give the name of a new file, or of a regular one", path,
            status.type() == fs::file_type::directory ? "a folder"
            : error                                   ? error.message()
                                                      : "a device or a pipe");
    require_folder_of(target_of(path));
}

void require_apart(std::string const& path, std::vector<std::string> const& sources) {
    std::string const target = target_of(path);
    for (std::string const& written : {target, temporary_of(target)}) {
        std::error_code error;
        if (!fs::exists(written, error)) { continue; }
        for (std::string const& source : sources) {
            require(!is_in(written, source), ExitCode::data_error,
                    "'{}' cannot be written ('{}' is read for it, or lies in a folder that is): give another name",
                    written == target ? path : written, source);
        }
    }
}

NewFile::NewFile(std::string path) : path_(std::move(path)) {
    require_output(path_);
    path_ = target_of(path_);
    temporary_ = temporary_of(path_);
    require_output(temporary_);
    create_folder_of(path_);
}

NewFile::~NewFile() {
    if (!committed_) { std::remove(temporary_.c_str()); }
}

void NewFile::commit() {
    Descriptor file(temporary_, O_RDONLY);
    sync_file(file, temporary_);
    file.close(temporary_);
    require(std::rename(temporary_.c_str(), path_.c_str()) == 0, ExitCode::data_error,
            "cannot rename '{}' to '{}' ({}): check the permissions of the folder", temporary_, path_,
            std::strerror(errno));
    committed_ = true;
    sync_folder(fs::path(path_).parent_path().string());
}

void write_file(std::string const& path, std::string_view content) {
    NewFile file(path);
    Descriptor descriptor(file.temporary(), O_WRONLY | O_CREAT | O_TRUNC);
    write_at(descriptor, std::as_bytes(std::span(content)), 0, path);
    descriptor.close(path);
    file.commit();
}

std::string read_file(std::string const& path) {
    std::error_code error;
    if (!fs::exists(path, error)) { return ""; }
    std::ifstream file(path);
    std::ostringstream content;
    if (fs::file_size(path, error) > 0) { content << file.rdbuf(); }
    require(file.good() && content.good() && !error, ExitCode::data_error,
            "cannot read '{}': check its permissions and the disk, or set output.folder to another", path);
    return content.str();
}

void write_at(Descriptor const& file, std::span<std::byte const> bytes, std::int64_t offset, std::string const& path) {
    while (!bytes.empty()) {
        ::ssize_t const written = ::pwrite(file.number(), bytes.data(), bytes.size(), offset);
        if (written < 0 && errno == EINTR) { continue; }
        require(written > 0, ExitCode::data_error, "cannot write '{}' ({}): make room, or choose another folder", path,
                std::strerror(written == 0 ? ENOSPC : errno));
        bytes = bytes.subspan(static_cast<std::size_t>(written));
        offset += written;
    }
}

void sync_file(Descriptor const& file, std::string const& path) {
    int status = -1;
    do { status = ::fsync(file.number()); } while (status != 0 && errno == EINTR);
    require(status == 0, ExitCode::data_error,
            "what was written to '{}' has not reached the disk (fsync: {}): check the disk and its free space", path,
            std::strerror(errno));
}

void sync_folder(std::string const& folder) {
    std::string const path = folder.empty() ? "." : folder;
    Descriptor const file(path, O_RDONLY | O_DIRECTORY);
    if (::fsync(file.number()) == 0 || errno == EINVAL || errno == ENOTSUP) { return; }
    fail(ExitCode::data_error,
         "the names in '{}' have not reached the disk (fsync: {}): check the disk and its free space", path,
         std::strerror(errno));
}

}  // namespace aureole
