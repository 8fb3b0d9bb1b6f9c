#pragma once
#include <string>
#include <vector>

#include "io/convert/convert.hpp"
#include "io/convert/image.hpp"

namespace aureole::convert {

/// What is wrong with the samples of a conversion, told together at its end: who mends one file wants to know of all.
class SampleFaults {
  public:
    explicit SampleFaults(Damaged rule) : rule_(rule) {}

    /// Runs the work on a sample; false if it ended with an Error(data_error), which is noted.
    template <class Work>
    bool attempt(Work work) {
        try {
            work();
            return true;
        } catch (DamagedImage const& error) { damaged_.emplace_back(error.what()); } catch (Error const& error) {
            if (error.code() != ExitCode::data_error) { throw; }
            others_.emplace_back(error.what());
        }
        return false;
    }
    /// Whether the conversion is to fail.
    [[nodiscard]] bool are_fatal() const { return !others_.empty() || (rule_ == Damaged::refuse && !damaged_.empty()); }
    /// Throws an Error(data_error) with the first of them and their number, if they are to be.
    void require_none() const;
    /// The samples of the damaged images that were noted are left out; from here on they are errors.
    void skip_noted();
    [[nodiscard]] std::vector<std::string> const& skipped() const { return skipped_; }

  private:
    Damaged rule_;
    std::vector<std::string> damaged_, others_, skipped_;
};

/// At most `most` lines, each behind two blanks, and how many there are more.
[[nodiscard]] std::string indented_list(std::vector<std::string> const& lines, std::size_t most);

}  // namespace aureole::convert
