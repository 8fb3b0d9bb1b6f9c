#include "io/checkpoint/checkpoint_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole {
namespace {

namespace fs = std::filesystem;
using testing::ScratchFolder;

class Folder : public ::testing::Test {
  protected:
    ScratchFolder scratch;
    fs::path const& path = scratch.path();
    CheckpointFolder folder{path.string(), 2};
    void touch(char const* name) const { std::ofstream(path / name) << "x"; }
    [[nodiscard]] bool has(char const* name) const { return fs::exists(path / name); }
};

TEST_F(Folder, names_have_ten_digits) { EXPECT_EQ(folder.path_of(42), (path / "step_0000000042.h5").string()); }

TEST_F(Folder, copies_of_users_are_neither_taken_nor_removed) {
    for (char const* const name :
         {"step_best.h5", "step_0000000001_keep.h5", "step_00000000011.h5", "step_000000001.h5", "step_0000000003.h5",
          "step_0000000002.h5", "step_0000000001.h5", "other.h5"}) {
        touch(name);
    }
    auto const found = folder.newest_first();
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found.front(), folder.path_of(3));
    EXPECT_EQ(found.back(), folder.path_of(1));
    folder.prune();
    EXPECT_FALSE(has("step_0000000001.h5"));
    for (char const* const name : {"step_best.h5", "step_0000000001_keep.h5", "step_00000000011.h5",
                                   "step_000000001.h5", "step_0000000003.h5", "step_0000000002.h5", "other.h5"}) {
        EXPECT_TRUE(has(name)) << name;
    }
}

TEST_F(Folder, what_was_left_half_written_is_removed) {
    touch("step_0000000004.h5.part");
    touch("step_mine.h5.part");
    folder.remove_unfinished();
    EXPECT_FALSE(has("step_0000000004.h5.part"));
    EXPECT_TRUE(has("step_mine.h5.part"));
    EXPECT_TRUE(folder.newest_first().empty());
}

}  // namespace
}  // namespace aureole
