#include <gtest/gtest.h>
#include <hdf5.h>

#include <filesystem>
#include <numeric>

#include "io/hdf5/file.hpp"
#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole::hdf5 {
namespace {

using testing::expect_error;
using testing::ScratchFolder;

void write_part(std::string const& path, Index samples) {
    File::create(path).write<float>("x", {samples, 3}, std::vector<float>(static_cast<std::size_t>(samples * 3), 7));
}

/// A dataset "x" (4, 3) of two rows each of part0.h5 and part1.h5; `mapped` of them.
void write_virtual(std::string const& path, int mapped = 2) {
    hsize_t const extents[] = {4, 3}, part[] = {2, 3};
    hid_t const properties = H5Pcreate(H5P_DATASET_CREATE), source = H5Screate_simple(2, part, nullptr);
    for (int i = 0; i < mapped; ++i) {
        hid_t const target = H5Screate_simple(2, extents, nullptr);
        hsize_t const start[] = {static_cast<hsize_t>(2 * i), 0};
        H5Sselect_hyperslab(target, H5S_SELECT_SET, start, nullptr, part, nullptr);
        H5Pset_virtual(properties, target, ("part" + std::to_string(i) + ".h5").c_str(), "x", source);
        H5Sclose(target);
    }
    hid_t const file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t const space = H5Screate_simple(2, extents, nullptr);
    hid_t const dataset = H5Dcreate2(file, "x", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Sclose(source);
    H5Pclose(properties);
    H5Fclose(file);
}

void require_stored(std::string const& path, Unwritten unwritten = Unwritten::refuse) {
    File::open(path).dataset("x").require_stored(unwritten);
}

TEST(Hdf5Storage, OtherFilesOfADatasetAreKnown) {
    ScratchFolder const folder;
    write_virtual(folder.file("all.h5"));
    write_part(folder.file("part0.h5"), 2);
    write_part(folder.file("part1.h5"), 2);
    {
        File plain = File::create(folder.file("plain.h5"));
        std::vector<float> const values(4, 1);
        plain.write<float>("x", {4}, values);
    }
    File const file = File::open(folder.file("all.h5"));
    std::vector<std::string> const others = file.dataset(file.datasets().front()).other_files();
    for (char const* const name : {"part0.h5", "part1.h5"}) {
        EXPECT_NE(std::find(others.begin(), others.end(), folder.file(name)), others.end()) << name;
    }
    EXPECT_TRUE(File::open(folder.file("plain.h5")).dataset("x").other_files().empty());
}

TEST(Hdf5Stored, MissingSourcesOfVirtualDatasetsAreErrors) {
    ScratchFolder const folder;
    write_part(folder.file("part0.h5"), 2);
    write_part(folder.file("part1.h5"), 2);
    write_virtual(folder.file("all.h5"));
    EXPECT_NO_THROW(require_stored(folder.file("all.h5")));
    write_part(folder.file("part1.h5"), 1);
    expect_error(ExitCode::data_error, {"'x'", "all.h5", "part1.h5", "(1, 3)"},
                 [&] { require_stored(folder.file("all.h5")); });
    File::create(folder.file("part1.h5")).write<float>("other", {2, 3}, std::vector<float>(6));
    expect_error(ExitCode::data_error, {"all.h5", "source dataset 'x'", "part1.h5", "'/other'"},
                 [&] { require_stored(folder.file("all.h5")); });
    std::filesystem::remove(folder.file("part1.h5"));
    for (Unwritten const unwritten : {Unwritten::refuse, Unwritten::allow}) {
        expect_error(ExitCode::data_error, {"'x'", "all.h5", "source file 'part1.h5' is missing"},
                     [&] { require_stored(folder.file("all.h5"), unwritten); });
    }
}

TEST(Hdf5Stored, ElementsWithoutASourceAreErrors) {
    ScratchFolder const folder;
    write_part(folder.file("part0.h5"), 2);
    write_virtual(folder.file("all.h5"), 1);
    expect_error(ExitCode::data_error, {"all.h5", "6 of 12 elements have no source"},
                 [&] { require_stored(folder.file("all.h5")); });
    EXPECT_NO_THROW(require_stored(folder.file("all.h5"), Unwritten::allow));
}

TEST(Hdf5Stored, ChunksThatWereNeverWrittenAreErrors) {
    ScratchFolder const folder;
    std::vector<float> const values(12, 1);
    for (int const deflate : {0, 1}) {
        {
            File file = File::create(folder.file("a.h5"));
            Dataset x =
                file.create_dataset("x", {.type = Type::f32, .shape = {5, 6}, .chunk = {2, 4}, .deflate = deflate});
            x.write(Extents{0, 0}, Extents{2, 6}, Type::f32, values.data());
        }
        expect_error(ExitCode::data_error, {"'x'", "a.h5", "4 of its 6 chunks are missing"},
                     [&] { require_stored(folder.file("a.h5")); });
        EXPECT_NO_THROW(require_stored(folder.file("a.h5"), Unwritten::allow));
        std::vector<float> const all(30, 1);
        {
            File file = File::create(folder.file("a.h5"));
            Dataset x =
                file.create_dataset("x", {.type = Type::f32, .shape = {5, 6}, .chunk = {2, 4}, .deflate = deflate});
            x.write(Extents{0, 0}, Extents{5, 6}, Type::f32, all.data());
        }
        EXPECT_NO_THROW(require_stored(folder.file("a.h5")));
    }
}

TEST(Hdf5Stored, OnePieceThatWasNeverWrittenIsAnError) {
    ScratchFolder const folder;
    File::create(folder.file("a.h5")).create_dataset("x", {.type = Type::f64, .shape = {3, 2}});
    expect_error(ExitCode::data_error, {"'x'", "a.h5", "never written", "(3, 2)"},
                 [&] { require_stored(folder.file("a.h5")); });
}

TEST(Hdf5Stored, ShapesThatOverflowAreErrors) {
    ScratchFolder const folder;
    Index const huge = Index{1} << 32;
    File::create(folder.file("a.h5"))
        .create_dataset("big", {.type = Type::u8, .shape = {1, 8}, .chunk = {1, 8}});  // to have a file
    {
        hid_t const file = H5Fopen(folder.file("a.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
        hsize_t const extents[] = {hsize_t{1} << 32, hsize_t{1} << 32}, chunk[] = {8, 8};
        hid_t const space = H5Screate_simple(2, extents, nullptr), properties = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_chunk(properties, 2, chunk);
        hid_t const dataset = H5Dcreate2(file, "x", H5T_NATIVE_UINT8, space, H5P_DEFAULT, properties, H5P_DEFAULT);
        H5Dclose(dataset);
        H5Sclose(space);
        H5Pclose(properties);
        H5Fclose(file);
    }
    expect_error(ExitCode::data_error, {"'x'", "a.h5", std::to_string(huge)},
                 [&] { require_stored(folder.file("a.h5")); });
}

template <class T>
void write_record(std::string const& path, char const* first, char const* second, hid_t type) {
    std::vector<T> const values{3, 4, 5, 12};
    hsize_t const extent = 2;
    hid_t const record = H5Tcreate(H5T_COMPOUND, 2 * sizeof(T));
    H5Tinsert(record, first, 0, type);
    H5Tinsert(record, second, sizeof(T), type);
    hid_t const file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t const space = H5Screate_simple(1, &extent, nullptr);
    hid_t const dataset = H5Dcreate2(file, "flux", record, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(dataset, record, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    H5Dclose(dataset);
    H5Sclose(space);
    H5Tclose(record);
    H5Fclose(file);
}

TEST(Hdf5Records, OnlyNamedPartsMakeAComplexNumber) {
    ScratchFolder const folder;
    std::string const path = folder.file("a.h5");
    for (auto const& [real, imaginary] : {std::pair("r", "i"), std::pair("real", "imag"), std::pair("re", "im")}) {
        write_record<double>(path, real, imaginary, H5T_NATIVE_DOUBLE);
        EXPECT_EQ(File::open(path).dataset("flux").type(), Type::complex64);
        write_record<float>(path, real, imaginary, H5T_NATIVE_FLOAT);
        EXPECT_EQ(File::open(path).dataset("flux").type(), Type::complex32);
        write_record<std::int32_t>(path, real, imaginary, H5T_NATIVE_INT);
        EXPECT_EQ(File::open(path).dataset("flux").type(), Type::other);
    }
    write_record<float>(path, "value", "error", H5T_NATIVE_FLOAT);
    Dataset const record = File::open(path).dataset("flux");
    EXPECT_EQ(record.type(), Type::other);
    EXPECT_EQ(record.fields(), "value (f32), error (f32)");
}

TEST(Hdf5Records, AFieldIsReadByItsName) {
    ScratchFolder const folder;
    std::string const path = folder.file("a.h5");
    write_record<float>(path, "value", "error", H5T_NATIVE_FLOAT);
    EXPECT_EQ(File::open(path).dataset("flux.value").read_all<float>(), (std::vector<float>{3, 5}));
    EXPECT_EQ(File::open(path).dataset("/flux.error").read_all<double>(), (std::vector<double>{4, 12}));
    expect_error(ExitCode::data_error, {"'flux.noise'", "value (f32)"},
                 [&] { auto const d = File::open(path).dataset("flux.noise"); });
}

}  // namespace
}  // namespace aureole::hdf5
