#include "io/file/new_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/error.hpp"
#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole {
namespace {

namespace fs = std::filesystem;
using testing::ScratchFolder;

class NewFiles : public ::testing::Test {
  protected:
    ScratchFolder scratch;
    fs::path const& folder = scratch.path();
    [[nodiscard]] std::string at(char const* name) const { return scratch.file(name); }
};

std::string content_of(std::string const& path) {
    std::ifstream file(path);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

std::string refusal_of(std::string const& path) {
    try {
        write_file(path, "new");
    } catch (Error const& error) {
        EXPECT_EQ(error.code(), ExitCode::data_error);
        return error.what();
    }
    return "";
}

TEST_F(NewFiles, are_written_with_their_folders) {
    write_file(at("a/b/result.txt"), "one");
    EXPECT_EQ(content_of(at("a/b/result.txt")), "one");
    write_file(at("a/b/result.txt"), "two");
    EXPECT_EQ(content_of(at("a/b/result.txt")), "two");
    EXPECT_FALSE(fs::exists(at("a/b/result.txt.part")));
}

TEST_F(NewFiles, that_are_not_committed_leave_the_old_ones) {
    write_file(at("result.txt"), "old");
    {
        NewFile file(at("result.txt"));
        std::ofstream(file.temporary()) << "half";
    }
    EXPECT_EQ(content_of(at("result.txt")), "old");
    EXPECT_FALSE(fs::exists(at("result.txt.part")));
}

TEST_F(NewFiles, replace_the_target_of_a_link) {
    write_file(at("target.txt"), "old");
    fs::create_symlink("target.txt", at("link.txt"));
    write_file(at("link.txt"), "new");
    EXPECT_TRUE(fs::is_symlink(at("link.txt")));
    EXPECT_EQ(content_of(at("target.txt")), "new");
}

TEST_F(NewFiles, replace_nothing_but_regular_files) {
    ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
    fs::create_directory(at("folder"));
    fs::create_symlink("nowhere.txt", at("dangling"));
    fs::create_symlink("pipe", at("device"));  // a real one would be lost if this failed
    EXPECT_NE(refusal_of(at("pipe")).find("a device or a pipe"), std::string::npos);
    EXPECT_NE(refusal_of(at("folder")).find("is a folder"), std::string::npos);
    EXPECT_NE(refusal_of(at("dangling")).find("a link whose target is gone"), std::string::npos);
    EXPECT_NE(refusal_of(at("device")).find("a device or a pipe"), std::string::npos);
    EXPECT_NE(refusal_of(at("name/")).find("names no file"), std::string::npos);
    EXPECT_TRUE(fs::is_fifo(at("pipe")));
}

TEST_F(NewFiles, need_a_folder_that_can_be_written) {
    write_file(at("file"), "text");
    EXPECT_NE(refusal_of(at("file/below/result.txt")).find("cannot create the folder"), std::string::npos);
    EXPECT_NE(refusal_of("/proc/self/task/new/result.txt"), "");
    EXPECT_EQ(content_of(at("file")), "text");
}

TEST_F(NewFiles, are_apart_from_what_is_read_for_them) {
    write_file(at("source"), "text");
    write_file(at("images/deep/source.part"), "text");
    fs::create_hard_link(at("source"), at("hard"));
    fs::create_symlink("source", at("soft"));
    fs::create_directory_symlink("..", at("images/up"));
    auto const is_apart = [&](std::string const& path, std::vector<std::string> const& sources) {
        try {
            require_apart(path, sources);
        } catch (Error const& error) {
            EXPECT_EQ(error.code(), ExitCode::data_error);
            return false;
        }
        return true;
    };
    EXPECT_TRUE(is_apart(at("new"), {at("source"), at("absent"), ""}));
    write_file(at("other/source"), "text");
    EXPECT_TRUE(is_apart(at("source"), {at("other"), ""}));
    EXPECT_FALSE(is_apart(at("source"), {at("images")})) << "by a link to a folder";
    for (char const* const name : {"source", "hard", "soft", "images/../source"}) {
        EXPECT_FALSE(is_apart(at(name), {at("source")})) << name;
    }
    EXPECT_FALSE(is_apart(at("images/deep/source"), {at("images")})) << "its temporary name is an image's";
}

TEST_F(NewFiles, writes_to_a_full_disk_are_told) {
    Descriptor const full("/dev/full", O_WRONLY);
    std::string const text = "text";
    EXPECT_THROW(write_at(full, std::as_bytes(std::span(text)), 0, "/dev/full"), Error);
}

TEST_F(NewFiles, bytes_go_where_they_belong) {
    Descriptor file(at("blocks"), O_WRONLY | O_CREAT);
    std::string const first = "first", second = "second";
    write_at(file, std::as_bytes(std::span(second)), 5, at("blocks"));
    write_at(file, std::as_bytes(std::span(first)), 0, at("blocks"));
    sync_file(file, at("blocks"));
    file.close(at("blocks"));
    EXPECT_EQ(content_of(at("blocks")), "firstsecond");
}

}  // namespace
}  // namespace aureole
