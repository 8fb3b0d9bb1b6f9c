// Files written by h5py (make_files.py): types and byte orders.
#include <gtest/gtest.h>

#include "io/data/hdf5_dataset.hpp"
#include "unit_tests/io/data/foreign_files.hpp"

namespace aureole {
namespace {

using testing::foreign_file;
using testing::ramp;
using testing::read_foreign;

class ForeignTypes : public ::testing::TestWithParam<char const*> {};

TEST_P(ForeignTypes, AreReadAsFloat) {
    EXPECT_EQ(read_foreign(foreign_file("types.h5"), GetParam()), ramp<float>(120));
}

INSTANTIATE_TEST_SUITE_P(Types, ForeignTypes,
                         ::testing::Values("f2", "little_f4", "big_f4", "big_f8", "little_i2", "big_i2", "big_u2",
                                           "big_i4", "u1", "i1"));

TEST(ForeignFiles, ComplexIsReadAsMagnitude) {
    std::vector<float> const x = read_foreign(foreign_file("types.h5"), "complex");
    for (std::size_t i = 0; i < x.size(); ++i) { EXPECT_FLOAT_EQ(x[i], 5.0F * static_cast<float>(i)); }
}

TEST(ForeignFiles, BooleanIsReadAsClass) {
    SourceSpec spec = testing::source({foreign_file("types.h5")});
    spec.x = "u1";
    spec.y = "boolean";
    Hdf5Dataset const dataset(spec, testing::masked({1, 1, 4, 5, 1}, 2), false);
    std::vector<std::int32_t> const y = testing::read_classes(dataset, 0, 6);
    for (std::size_t i = 0; i < y.size(); ++i) { EXPECT_EQ(y[i], i % 3 == 0 ? 1 : 0) << i; }
}

}  // namespace
}  // namespace aureole
