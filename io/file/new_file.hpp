#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file/descriptor.hpp"

namespace aureole {

/// Throws Error(data_error) unless `path` names a regular file, or nothing yet: never a folder, a device, a pipe, a
/// link whose target is gone. Its folder must be one that can be written, or be made in one.
void require_output(std::string const& path);

/// Throws Error(data_error) if writing `path` by a NewFile would replace one of the files that are read for it, by any
/// name or link. Of folders all files in them count; what does not exist is left out.
void require_apart(std::string const& path, std::vector<std::string> const& sources);

/// A file that is written under a temporary name beside its own, "<path>.part", and gets its name when it is whole:
/// whatever fails, at any instant, under the name is the old file or the new one. Its folder is created. A link is
/// followed: its target is what is replaced. Failures are Error(data_error) with the system's reason.
class NewFile {
  public:
    explicit NewFile(std::string path);
    /// Not committed: something failed, and the half file is removed.
    ~NewFile();
    NewFile(NewFile const&) = delete;
    NewFile& operator=(NewFile const&) = delete;

    [[nodiscard]] std::string const& path() const { return path_; }
    /// What to write into; whoever writes creates it.
    [[nodiscard]] std::string const& temporary() const { return temporary_; }
    /// The data reach the disk, then the name, then the folder that has it. What was written must have been closed.
    void commit();

  private:
    std::string path_, temporary_;
    bool committed_ = false;
};

/// A NewFile of this content.
void write_file(std::string const& path, std::string_view content);
/// All of a regular file; empty if there is none. One that cannot be read is an Error(data_error).
[[nodiscard]] std::string read_file(std::string const& path);

/// Writes all bytes at an offset, over interruptions and short writes. `path` is for messages.
void write_at(Descriptor const& file, std::span<std::byte const> bytes, std::int64_t offset, std::string const& path);

/// Waits until what a file or a folder holds has reached the disk. File systems that know no such thing for folders
/// (EINVAL, ENOTSUP) are taken as they are.
void sync_file(Descriptor const& file, std::string const& path);
void sync_folder(std::string const& folder);

}  // namespace aureole
