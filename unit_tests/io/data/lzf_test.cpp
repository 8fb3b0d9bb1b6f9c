// The LZF filter, on files written by h5py (make_files.py) and by ourselves.
#include <gtest/gtest.h>

#include "unit_tests/io/data/foreign_files.hpp"

namespace aureole {
namespace {

using testing::foreign_file;
using testing::ramp;
using testing::read_foreign;

TEST(ForeignFiles, LzfIsUnpacked) {
    EXPECT_EQ(read_foreign(foreign_file("lzf.h5"), "plain"), ramp<float>(120));
    EXPECT_EQ(read_foreign(foreign_file("lzf.h5"), "shuffled"), ramp<float>(120));
    std::vector<float> const flags = read_foreign(foreign_file("lzf.h5"), "flags");
    for (std::size_t i = 0; i < flags.size(); ++i) { EXPECT_EQ(flags[i], i % 3 == 0 ? 1 : 0) << i; }
    std::vector<float> const large = read_foreign(foreign_file("lzf.h5"), "compressible", {1, 1, 64, 64, 1});
    for (std::size_t i = 0; i < large.size(); ++i) { EXPECT_EQ(large[i], i >= 64 * 74 && i < 64 * 84 ? 7 : 0) << i; }
}

TEST(ForeignFiles, LzfIsWritten) {
    testing::ScratchFolder const folder;
    std::vector<float> const values(4096, 1.25F);
    {
        hdf5::File out = hdf5::File::create(folder.file("a.h5"));
        hdf5::Dataset dataset = out.create_dataset("x", {.shape = {4096}, .chunk = {1024}, .filter = "lzf"});
        dataset.write(hdf5::Extents{0}, hdf5::Extents{4096}, hdf5::Type::f32, values.data());
    }
    EXPECT_LT(std::filesystem::file_size(folder.file("a.h5")), 8192U);
    EXPECT_EQ(hdf5::File::open(folder.file("a.h5")).read<float>("x"), values);
}

}  // namespace
}  // namespace aureole
