#include "io/file/file_list.hpp"

#include <fstream>

#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole {
namespace {

using testing::expect_error;
using testing::ScratchFolder;

TEST(FileList, AFileOfExactlyTheNameComesBeforeAPattern) {
    ScratchFolder const folder;
    for (std::string const name : {"scan[1].h5", "scan1.h5", "scan[2].h5", "a*.h5", "ab.h5", "a?.h5"}) {
        std::ofstream(folder.file(name)) << "x";
    }
    std::filesystem::create_symlink("gone", folder.file("link[1].h5"));
    auto const match = [&](std::string const& pattern) { return match_pattern(folder.file(pattern)); };
    for (std::string const name : {"scan[1].h5", "a*.h5", "a?.h5", "link[1].h5"}) {
        EXPECT_EQ(match(name), std::vector<std::string>{folder.file(name)});
    }
    EXPECT_EQ(match("scan[12].h5"), std::vector<std::string>{folder.file("scan1.h5")});
    EXPECT_EQ(match("scan*.h5").size(), 3U);
    EXPECT_TRUE(match("b*.h5").empty());
    EXPECT_TRUE(match("absent.h5").empty());
    EXPECT_EQ(expand_patterns({folder.file("scan[1].h5"), "absent.h5"}),
              (std::vector<std::string>{folder.file("scan[1].h5"), "absent.h5"}));
    expect_error(ExitCode::data_error, {"no file matches", "b*.h5"},
                 [&] { (void)expand_patterns({folder.file("b*.h5")}); });
}

TEST(FileList, FoldersStandForThemselves) {
    ScratchFolder const folder;
    std::string const inner = folder.file("run[1]*/set\\2");
    std::filesystem::create_directories(inner);
    std::filesystem::create_directories(folder.file("run1"));
    for (std::string const name : {"/s10.h5", "/s2.h5"}) { std::ofstream(inner + name) << "x"; }
    EXPECT_EQ(match_pattern(inner + "/s*.h5"), (std::vector<std::string>{inner + "/s2.h5", inner + "/s10.h5"}));
    EXPECT_EQ(match_pattern(folder.file("run[1]*/*/s2.h5")), std::vector<std::string>{inner + "/s2.h5"});
}

}  // namespace
}  // namespace aureole
