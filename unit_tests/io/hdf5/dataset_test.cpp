#include "io/hdf5/dataset.hpp"

#include <hdf5.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <numeric>
#include <thread>

#include "io/hdf5/file.hpp"
#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole::hdf5 {
namespace {

using testing::expect_error;
using testing::ScratchFolder;

template <class T>
std::vector<T> counted(Index count) {
    std::vector<T> values(static_cast<std::size_t>(count));
    std::iota(values.begin(), values.end(), T{0});
    return values;
}

template <class T>
class Hdf5Types : public ::testing::Test {};
using Numbers = ::testing::Types<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::uint32_t, std::int32_t,
                                 std::uint64_t, std::int64_t, float, double>;
TYPED_TEST_SUITE(Hdf5Types, Numbers);

TYPED_TEST(Hdf5Types, ComeBackAsWritten) {
    ScratchFolder const folder;
    std::vector<TypeParam> const extremes{std::numeric_limits<TypeParam>::lowest(), TypeParam{0}, TypeParam{1},
                                          std::numeric_limits<TypeParam>::max()};
    File::create(folder.file("a.h5")).template write<TypeParam>("x", {2, 2}, extremes);
    Dataset const dataset = File::open(folder.file("a.h5")).dataset("x");
    EXPECT_EQ(dataset.type(), type_of<TypeParam>);
    EXPECT_EQ(dataset.stored_element_bytes(), sizeof(TypeParam));
    EXPECT_EQ(dataset.template read_all<TypeParam>(), extremes);
}

TYPED_TEST(Hdf5Types, AreReadAsFloat) {
    ScratchFolder const folder;
    File::create(folder.file("a.h5")).template write<TypeParam>("x", {4}, std::vector<TypeParam>{0, 1, 2, 100});
    EXPECT_EQ(File::open(folder.file("a.h5")).dataset("x").template read_all<float>(),
              (std::vector<float>{0, 1, 2, 100}));
}

TEST(Hdf5Dataset, HalfPrecisionIsConverted) {
    ScratchFolder const folder;
    std::vector<std::uint16_t> const halves{0x0000, 0x3C00, 0xC100, 0x7BFF, 0x0001, 0x7C00};  // IEEE 754 binary16
    {
        File file = File::create(folder.file("a.h5"));
        Dataset dataset = file.create_dataset("x", {.type = Type::f16, .shape = {6}});
        dataset.write(Extents{0}, Extents{6}, Type::f16, halves.data());
    }
    Dataset const dataset = File::open(folder.file("a.h5")).dataset("x");
    EXPECT_EQ(dataset.type(), Type::f16);
    EXPECT_EQ(dataset.stored_element_bytes(), 2U);
    EXPECT_EQ(dataset.read_all<float>(), (std::vector<float>{0, 1, -2.5F, 65504, 0x1p-24F, INFINITY}));
}

TEST(Hdf5Dataset, BooleanIsReadAsNumber) {
    ScratchFolder const folder;
    std::vector<std::int8_t> const flags{1, 0, 0, 1};
    {
        File file = File::create(folder.file("a.h5"));
        file.create_dataset("x", {.type = Type::boolean, .shape = {4}})
            .write(Extents{0}, Extents{4}, Type::boolean, flags.data());
    }
    Dataset const dataset = File::open(folder.file("a.h5")).dataset("x");
    EXPECT_EQ(dataset.type(), Type::boolean);
    EXPECT_EQ(dataset.read_all<float>(), (std::vector<float>{1, 0, 0, 1}));
    EXPECT_EQ(dataset.read_all<std::int32_t>(), (std::vector<std::int32_t>{1, 0, 0, 1}));
}

TEST(Hdf5Dataset, ComplexKeepsBothParts) {
    ScratchFolder const folder;
    std::vector<std::complex<float>> const values{{3, 4}, {0, -1}};
    File::create(folder.file("a.h5")).write<std::complex<float>>("x", {2}, values);
    Dataset const dataset = File::open(folder.file("a.h5")).dataset("x");
    EXPECT_EQ(dataset.read_all<std::complex<float>>(), values);
    expect_error(ExitCode::data_error, {"'x'", "complex", "f32"}, [&] { auto const v = dataset.read_all<float>(); });
}

TEST(Hdf5Dataset, ScalarHasNoAxes) {
    ScratchFolder const folder;
    File::create(folder.file("a.h5")).write<double>("x", {}, std::vector<double>{7});
    EXPECT_EQ(File::open(folder.file("a.h5")).read<double>("x"), std::vector<double>{7});
}

struct Storage {
    char const* name;
    Extents chunk;
    int deflate;
    bool shuffle;
};

class Hdf5Storage : public ::testing::TestWithParam<Storage> {};

TEST_P(Hdf5Storage, HyperslabEqualsThePartOfTheWhole) {
    ScratchFolder const folder;
    auto const values = counted<std::int32_t>(5 * 7 * 6);
    {
        File file = File::create(folder.file("a.h5"));
        Dataset dataset = file.create_dataset("x", {.type = Type::i32,
                                                    .shape = {5, 7, 6},
                                                    .chunk = GetParam().chunk,
                                                    .deflate = GetParam().deflate,
                                                    .shuffle = GetParam().shuffle});
        // written in two pieces
        dataset.write(Extents{0, 0, 0}, Extents{2, 7, 6}, Type::i32, values.data());
        dataset.write(Extents{2, 0, 0}, Extents{3, 7, 6}, Type::i32, values.data() + 2 * 42);
    }
    Dataset const dataset = File::open(folder.file("a.h5")).dataset("x");
    EXPECT_EQ(dataset.chunk(), GetParam().chunk);
    EXPECT_EQ(dataset.read_all<std::int32_t>(), values);
    std::vector<float> part(2 * 3 * 4);
    dataset.read(Extents{1, 2, 1}, Extents{2, 3, 4}, Type::f32, part.data());
    std::vector<float> expected;
    for (int n = 1; n < 3; ++n) {
        for (int h = 2; h < 5; ++h) {
            for (int w = 1; w < 5; ++w) { expected.push_back(static_cast<float>((n * 7 + h) * 6 + w)); }
        }
    }
    EXPECT_EQ(part, expected);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Hdf5Storage,
                         ::testing::Values(Storage{"contiguous", {}, 0, false}, Storage{"chunked", {2, 3, 4}, 0, false},
                                           Storage{"deflate", {1, 7, 6}, 6, false},
                                           Storage{"shuffle_deflate", {5, 2, 6}, 1, true}),
                         [](auto const& info) { return info.param.name; });

TEST(Hdf5Dataset, FiltersAreListed) {
    ScratchFolder const folder;
    File file = File::create(folder.file("a.h5"));
    Dataset const dataset = file.create_dataset("x", {.shape = {8}, .chunk = {4}, .deflate = 3, .shuffle = true});
    ASSERT_EQ(dataset.filters().size(), 2U);
    EXPECT_EQ(dataset.filters()[0].name, "shuffle");
    EXPECT_EQ(dataset.filters()[1].name, "deflate");
    EXPECT_TRUE(dataset.filters()[1].available);
}

TEST(Hdf5Dataset, RangeOutsideIsAnError) {
    ScratchFolder const folder;
    File file = File::create(folder.file("a.h5"));
    Dataset const dataset = file.write<float>("x", {2, 3}, counted<float>(6));
    float out[6];
    expect_error(ExitCode::data_error, {"'x'", "a.h5", "[1, 4)", "(2, 3)"}, [&] {
        dataset.read(Extents{0, 1}, Extents{1, 3}, Type::f32, out);
    });
    expect_error(ExitCode::data_error, {"'x'", "(2, 3)", "1 axes"},
                 [&] { dataset.read(Extents{0}, Extents{2}, Type::f32, out); });
}

TEST(Hdf5Dataset, TextIsNotReadAsNumbers) {
    ScratchFolder const folder;
    {
        hid_t const file = H5Fcreate(folder.file("a.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        hsize_t const extent = 3;
        hid_t const space = H5Screate_simple(1, &extent, nullptr);
        H5Dclose(H5Dcreate2(file, "x", H5T_C_S1, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        H5Sclose(space);
        H5Fclose(file);
    }
    expect_error(ExitCode::data_error, {"'x'", "other"},
                 [&] { auto const v = File::open(folder.file("a.h5")).read<float>("x"); });
}

// A private filter number that no plugin has, registered only while the file is written.
std::size_t pass_through(unsigned, std::size_t, unsigned const*, std::size_t bytes, std::size_t*, void**) {
    return bytes;
}

TEST(Hdf5Dataset, MissingFilterIsNamedWithItsRemedy) {
    ScratchFolder const folder;
    constexpr H5Z_filter_t number = 32008;  // bitshuffle
    H5Z_class2_t const description{H5Z_CLASS_T_VERS,       number,  1,       1,
                                   "bitshuffle; see docs", nullptr, nullptr, pass_through};
    ASSERT_GE(H5Zregister(&description), 0);
    {
        hid_t const file = H5Fcreate(folder.file("a.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        hsize_t const extent = 4;
        hid_t const space = H5Screate_simple(1, &extent, nullptr);
        hid_t const plist = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_chunk(plist, 1, &extent);
        H5Pset_filter(plist, number, 0, 0, nullptr);
        hid_t const dataset = H5Dcreate2(file, "x", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, plist, H5P_DEFAULT);
        float const values[4] = {1, 2, 3, 4};
        ASSERT_GE(H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), 0);
        H5Dclose(dataset);
        H5Pclose(plist);
        H5Sclose(space);
        H5Fclose(file);
    }
    ASSERT_GE(H5Zunregister(number), 0);
    Dataset const dataset = File::open(folder.file("a.h5")).dataset("x");
    EXPECT_FALSE(dataset.filters()[0].available);
    expect_error(ExitCode::data_error, {"'x'", "a.h5", "bitshuffle", "32008", "HDF5_PLUGIN_PATH"},
                 [&] { auto const v = dataset.read_all<float>(); });
}

void write_external(ScratchFolder const& folder, std::size_t raw_values) {
    auto const values = counted<float>(static_cast<Index>(raw_values));
    std::ofstream(folder.file("a.raw"), std::ios::binary)
        .write(reinterpret_cast<char const*>(values.data()), static_cast<std::streamsize>(4 * values.size()));
    hid_t const file = H5Fcreate(folder.file("a.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hsize_t const extents[2] = {4, 3};
    hid_t const space = H5Screate_simple(2, extents, nullptr);
    hid_t const plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(plist, "a.raw", 0, 12 * sizeof(float));
    H5Dclose(H5Dcreate2(file, "x", H5T_IEEE_F32LE, space, H5P_DEFAULT, plist, H5P_DEFAULT));
    H5Pclose(plist);
    H5Sclose(space);
    H5Fclose(file);
}

TEST(Hdf5Dataset, ExternalFileIsFoundBesideItsHeader) {
    ScratchFolder const folder;
    write_external(folder, 12);
    Dataset const dataset = File::open(folder.file("a.h5")).dataset("x");
    EXPECT_TRUE(dataset.has_external_storage());
    std::vector<float> row(3);
    dataset.read(Extents{2, 0}, Extents{1, 3}, Type::f32, row.data());
    EXPECT_EQ(row, (std::vector<float>{6, 7, 8}));
    // while it is open, it can be opened again, listed and asked for attributes
    File const again = File::open(folder.file("a.h5"));
    EXPECT_EQ(again.read<float>("x"), counted<float>(12));
    EXPECT_EQ(again.datasets(), std::vector<std::string>{"/x"});
    EXPECT_EQ(again.attribute("x", "none"), std::nullopt);
}

TEST(Hdf5Dataset, ShortOrAbsentExternalFileIsAnError) {
    ScratchFolder const folder;
    write_external(folder, 11);
    expect_error(ExitCode::data_error, {"a.raw", "'x'", "truncated"},
                 [&] { auto const d = File::open(folder.file("a.h5")).dataset("x"); });
    std::filesystem::remove(folder.file("a.raw"));
    expect_error(ExitCode::data_error, {"a.raw", "'x'", "cannot be opened"},
                 [&] { auto const d = File::open(folder.file("a.h5")).dataset("x"); });
}

TEST(Hdf5Dataset, ReadsAndWritesFromTwoThreads) {
    ScratchFolder const folder;
    auto const values = counted<float>(64 * 64);
    File::create(folder.file("a.h5")).write<float>("x", {64, 64}, values);
    Dataset const dataset = File::open(folder.file("a.h5")).dataset("x");
    std::thread writer([&] {
        for (int i = 0; i < 50; ++i) { File::create(folder.file("b.h5")).write<float>("x", {64, 64}, values); }
    });
    bool equal = true;
    for (int i = 0; i < 200; ++i) { equal = equal && dataset.read_all<float>() == values; }
    writer.join();
    EXPECT_TRUE(equal);
}

}  // namespace
}  // namespace aureole::hdf5
