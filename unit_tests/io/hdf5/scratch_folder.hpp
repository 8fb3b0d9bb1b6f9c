#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "core/error.hpp"

namespace aureole::testing {

/// A folder for the files of one test, outside the source tree; gone when the test ends.
class ScratchFolder {
  public:
    ScratchFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "aureole-test-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) { fail(ExitCode::internal, "cannot create the folder {}", pattern); }
        path_ = pattern;
    }
    ScratchFolder(ScratchFolder const&) = delete;
    ScratchFolder& operator=(ScratchFolder const&) = delete;
    ~ScratchFolder() {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
    }
    [[nodiscard]] std::string file(std::string const& name) const { return (path_ / name).string(); }
    [[nodiscard]] std::filesystem::path const& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

/// Expects work() to throw an Error of this code whose message holds all the words.
template <class Work>
void expect_error(ExitCode code, std::initializer_list<std::string> words, Work work) {
    try {
        work();
    } catch (Error const& error) {
        std::string const message = error.what();
        EXPECT_EQ(error.code(), code) << message;
        for (std::string const& word : words) {
            EXPECT_NE(message.find(word), std::string::npos) << "'" << word << "' is missing in: " << message;
        }
        return;
    }
    ADD_FAILURE() << "no error was thrown";
}

}  // namespace aureole::testing
