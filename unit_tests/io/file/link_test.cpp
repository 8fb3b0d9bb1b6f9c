#include "io/file/link.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole {
namespace {

using testing::expect_error;
using testing::ScratchFolder;

TEST(Link, TheOneWhoseTargetIsGoneIsNamedWhereverItStands) {
    ScratchFolder const folder;
    std::filesystem::create_directory(folder.file("real"));
    std::ofstream(folder.file("real/a")) << "x";
    std::filesystem::create_directory_symlink("real", folder.file("good"));
    std::filesystem::create_directory_symlink("gone", folder.file("bad"));
    std::filesystem::create_symlink("loop", folder.file("loop"));
    for (std::string const name : {"real/a", "good/a", "good/absent", "absent"}) {
        EXPECT_EQ(describe_dangling_link(folder.file(name)), "") << name;
        EXPECT_NO_THROW(require_link_target(folder.file(name)));
    }
    errno = EACCES;
    for (std::string const name : {"bad", "bad/a"}) {
        EXPECT_EQ(describe_dangling_link(folder.file(name)),
                  "'" + folder.file("bad") + "' is a link to 'gone', whose target is gone");
    }
    EXPECT_EQ(errno, EACCES);
    expect_error(ExitCode::bad_deck, {"bad/a' cannot be opened", "'gone'", "mend the link"},
                 [&] { require_link_target(folder.file("bad/a"), ExitCode::bad_deck); });
    EXPECT_NE(describe_dangling_link(folder.file("loop")), "");
}

}  // namespace
}  // namespace aureole
