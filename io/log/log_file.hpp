#pragma once
#include <string>

#include "core/tensor/dtype.hpp"
#include "io/file/descriptor.hpp"

namespace aureole {

/// A text file that only grows: every line is one write of the whole line, so that a process that is killed leaves
/// whole lines. A line that cannot be written is lost: that is told at once with the reason, and once more when lines
/// are written again.
class LogFile {
  public:
    /// Opens for appending, and creates the file; data_error if that cannot be.
    explicit LogFile(std::string path);
    /// `line`: with its end.
    void append(std::string const& line);
    /// Waits until the lines have reached the disk; if they cannot, that is told once.
    void sync();
    /// Lines that are missing from the file.
    [[nodiscard]] Index lost() const { return lost_; }

  private:
    /// 0, or the errno of what failed: then nothing of the line is left in the file.
    [[nodiscard]] int write_line(std::string const& line);

    std::string path_;
    Descriptor file_;
    Index lost_ = 0, lost_in_a_row_ = 0;
    bool told_of_sync_ = false;
    bool torn_ = false;  ///< the file ends with a half line that could not be taken back
};

}  // namespace aureole
