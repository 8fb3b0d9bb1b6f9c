// IDX, CIFAR-10 and npy.
#include <zlib.h>

#include <algorithm>
#include <fstream>

#include "io/convert/convert.hpp"
#include "io/convert/npy.hpp"
#include "io/hdf5/file.hpp"
#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole::convert {
namespace {

using testing::expect_error;
using testing::ScratchFolder;

Progress const no_progress = [](std::int64_t, std::int64_t) {};

Output output_of(ScratchFolder const& folder) {
    Output output;
    output.file = folder.file("out.h5");
    return output;
}

void write_bytes(std::string const& path, std::string const& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

void write_gzipped(std::string const& path, std::string const& bytes) {
    gzFile const file = gzopen(path.c_str(), "wb");
    gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
}

std::string big_endian(std::uint32_t value) {
    std::string bytes;
    for (unsigned shift = 32; shift > 0; shift -= 8) { bytes += static_cast<char>(value >> (shift - 8) & 255U); }
    return bytes;
}

/// n images of 3 x 2: element i is i modulo 256; labels n modulo 10.
std::string idx_images(std::uint32_t n) {
    std::string bytes = std::string("\0\0\x08\x03", 4) + big_endian(n) + big_endian(3) + big_endian(2);
    for (unsigned i = 0; i < 6 * n; ++i) { bytes += static_cast<char>(i % 256); }
    return bytes;
}

std::string idx_labels(std::uint32_t n) {
    std::string bytes = std::string("\0\0\x08\x01", 4) + big_endian(n);
    for (unsigned i = 0; i < n; ++i) { bytes += static_cast<char>(i % 10); }
    return bytes;
}

TEST(Idx, PlainAndGzipped) {
    ScratchFolder const folder;
    write_bytes(folder.file("x"), idx_images(1000));
    write_gzipped(folder.file("x.gz"), idx_images(1000));
    write_gzipped(folder.file("y.gz"), idx_labels(1000));
    for (std::string const name : {"x", "x.gz"}) {
        std::int64_t reported = 0;
        Summary const summary = convert_idx(folder.file(name), folder.file("y.gz"), output_of(folder),
                                            [&](std::int64_t done, std::int64_t) { reported = done; });
        EXPECT_EQ(reported, 1000);
        EXPECT_EQ(summary.x_shape, (hdf5::Extents{1000, 3, 2}));
        EXPECT_EQ(summary.y_shape, (hdf5::Extents{1000}));
        EXPECT_EQ(summary.file_bytes, std::filesystem::file_size(folder.file("out.h5")));
        hdf5::File const file = hdf5::File::open(folder.file("out.h5"));
        std::vector<std::uint8_t> const x = file.read<std::uint8_t>("x"), y = file.read<std::uint8_t>("y");
        for (std::size_t i = 0; i < x.size(); ++i) { ASSERT_EQ(x[i], i % 256); }
        for (std::size_t i = 0; i < y.size(); ++i) { ASSERT_EQ(y[i], i % 10); }
        EXPECT_EQ(file.attribute("/", "source"),
                  hdf5::Attribute(std::vector<std::string>{folder.file(name), folder.file("y.gz")}));
    }
}

TEST(Idx, TheFolderOfTheOutputIsMade) {
    ScratchFolder const folder;
    write_bytes(folder.file("x"), idx_images(1));
    Output output = output_of(folder);
    output.file = folder.file("new/folder/out.h5");
    convert_idx(folder.file("x"), "", output, no_progress);
    EXPECT_TRUE(std::filesystem::exists(output.file));
    output.file = folder.file("x/out.h5");
    expect_error(ExitCode::data_error, {"cannot create the folder", "/x'"},
                 [&] { convert_idx(folder.file("x"), "", output, no_progress); });
}

TEST(Idx, WiderTypesAreBigEndian) {
    ScratchFolder const folder;
    write_bytes(folder.file("x"),
                std::string("\0\0\x0B\x02", 4) + big_endian(2) + big_endian(1) + std::string("\x01\x02\xFF\xFE", 4));
    EXPECT_EQ(convert_idx(folder.file("x"), "", output_of(folder), no_progress).x_type, hdf5::Type::i16);
    EXPECT_EQ(hdf5::File::open(folder.file("out.h5")).read<std::int16_t>("x"), (std::vector<std::int16_t>{258, -2}));
}

TEST(Idx, FaultyFilesAreErrorsAndLeaveNothing) {
    ScratchFolder const folder;
    std::string const whole = idx_images(100);
    write_bytes(folder.file("short"), whole.substr(0, whole.size() - 1));
    write_bytes(folder.file("long"), whole + "x");
    write_bytes(folder.file("other"), "PNG and so on");
    write_bytes(folder.file("labels"), idx_labels(99));
    write_bytes(folder.file("good"), whole);
    write_gzipped(folder.file("cut.gz"), whole);
    std::filesystem::resize_file(folder.file("cut.gz"), std::filesystem::file_size(folder.file("cut.gz")) - 20);
    auto const expect = [&](char const* images, std::string const& labels, std::initializer_list<std::string> words) {
        expect_error(ExitCode::data_error, words,
                     [&] { convert_idx(folder.file(images), labels, output_of(folder), no_progress); });
        EXPECT_FALSE(std::filesystem::exists(folder.file("out.h5")));
        EXPECT_FALSE(std::filesystem::exists(folder.file("out.h5.part")));
    };
    expect("short", "", {"short", "truncated"});
    expect("cut.gz", "", {"cut.gz", "truncated"});
    expect("long", "", {"long", "100 samples"});
    expect("other", "", {"other", "not an IDX file"});
    expect("absent", "", {"absent", "cannot open"});
    expect("good", folder.file("labels"), {"100 images", "99 labels"});
}

TEST(Idx, HeadersThatPromiseMoreThanTheFileHoldsAreErrors) {
    ScratchFolder const folder;
    std::string const most = big_endian(0xFFFFFFFFU);
    for (std::string const& head : {std::string("\0\0\x08\x03", 4) + big_endian(1) + most + big_endian(4),
                                    std::string("\0\0\x08\x04", 4) + most + most + most + most,
                                    std::string("\0\0\x0E\x04", 4) + big_endian(1U << 31) + big_endian(1U << 31) +
                                        big_endian(4) + big_endian(1)}) {
        write_bytes(folder.file("x"), head + "1");
        expect_error(ExitCode::data_error, {folder.file("x"), "promises"},
                     [&] { convert_idx(folder.file("x"), "", output_of(folder), no_progress); });
    }
}

TEST(Npy, HeadersThatOverflowAreErrors) {
    ScratchFolder const folder;
    for (std::string const shape : {"(4294967296, 4294967296)", "(1, 9223372036854775807, 3)", "(0, 8)", "(-1, 8)",
                                    "(2, 99999999999999999999)"}) {
        std::string const header = "{'descr': '|u1', 'fortran_order': False, 'shape': " + shape + ", }\n";
        write_bytes(folder.file("x.npy"), std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size()) +
                                              std::string(1, '\0') + header);
        expect_error(ExitCode::data_error, {folder.file("x.npy")},
                     [&] { convert_npy(folder.file("x.npy"), "", output_of(folder), no_progress); });
    }
}

TEST(Idx, ChunkIsCheckedAndUsed) {
    ScratchFolder const folder;
    write_bytes(folder.file("x"), idx_images(100));
    Output output = output_of(folder);
    output.chunk = {10, 3, 1};
    output.x = "/train/images";
    convert_idx(folder.file("x"), "", output, no_progress);
    EXPECT_EQ(hdf5::File::open(output.file).dataset("/train/images").chunk(), (hdf5::Extents{10, 3, 1}));
    output.chunk = {10, 4, 1};
    expect_error(ExitCode::bad_deck, {"(10, 4, 1)", "(100, 3, 2)"},
                 [&] { convert_idx(folder.file("x"), "", output, no_progress); });
    output.chunk = {};
    output.y = output.x;
    expect_error(ExitCode::bad_deck, {"two names"}, [&] { convert_idx(folder.file("x"), "", output, no_progress); });
}

TEST(Cifar10, BecomesChannelsLast) {
    ScratchFolder const folder;
    std::string names, first, second;
    for (int i = 0; i < 10; ++i) { names += fmt::format("name{}\n", i); }
    write_bytes(folder.file("batches.meta.txt"), names + "\n");
    for (unsigned n = 0; n < 200; ++n) {
        std::string& batch = n < 150 ? first : second;
        batch += static_cast<char>(n % 10);
        for (unsigned i = 0; i < 3072; ++i) { batch += static_cast<char>((i / 1024 * 80 + i % 1024 + n) % 256); }
    }
    write_bytes(folder.file("data_batch_1.bin"), first);
    write_bytes(folder.file("data_batch_2.bin"), second);
    Summary const summary = convert_cifar10({folder.file("data_batch_1.bin"), folder.file("data_batch_2.bin")},
                                            output_of(folder), no_progress);
    EXPECT_EQ(summary.x_shape, (hdf5::Extents{200, 32, 32, 3}));
    EXPECT_EQ(summary.class_names[7], "name7");
    hdf5::File const file = hdf5::File::open(folder.file("out.h5"));
    std::vector<std::uint8_t> const x = file.read<std::uint8_t>("x"), y = file.read<std::uint8_t>("y");
    for (unsigned n : {0U, 149U, 150U, 199U}) {
        EXPECT_EQ(y[n], n % 10);
        for (unsigned pixel : {0U, 33U, 1023U}) {
            for (unsigned c = 0; c < 3; ++c) { EXPECT_EQ(x[(n * 1024 + pixel) * 3 + c], (c * 80 + pixel + n) % 256); }
        }
    }
    write_bytes(folder.file("bad.bin"), first.substr(1));
    expect_error(ExitCode::data_error, {"bad.bin", "3073"},
                 [&] { convert_cifar10({folder.file("bad.bin")}, output_of(folder), no_progress); });
    first[3073] = 11;
    write_bytes(folder.file("bad.bin"), first);
    expect_error(ExitCode::data_error, {"bad.bin", "label 11", "record 1"},
                 [&] { convert_cifar10({folder.file("bad.bin")}, output_of(folder), no_progress); });
}

/// A .npy file, version 1 (or 2), as numpy.save writes it.
std::string npy(std::string const& descr, std::string const& fortran, std::string const& shape, std::string const& data,
                int version = 1) {
    std::string header = fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}", descr, fortran, shape);
    std::size_t const before = version == 1 ? 10 : 12;
    header += std::string(63 - (before + header.size()) % 64, ' ') + "\n";
    std::string bytes = "\x93NUMPY" + std::string{static_cast<char>(version), '\0'};
    for (unsigned i = 0; i < (version == 1 ? 2U : 4U); ++i) {
        bytes += static_cast<char>(header.size() >> 8 * i & 255U);
    }
    return bytes + header + data;
}

template <class T>
std::string data_of(std::vector<T> const& values, bool swapped = false) {
    std::string bytes;
    for (T const& value : values) {
        std::string element(reinterpret_cast<char const*>(&value), sizeof(T));
        if (swapped) { std::reverse(element.begin(), element.end()); }
        bytes += element;
    }
    return bytes;
}

TEST(Npy, EitherOrderOfAxesAndBytes) {
    ScratchFolder const folder;
    std::vector<float> c_order, fortran_order;
    for (int n = 0; n < 4; ++n) {
        for (int h = 0; h < 3; ++h) {
            for (int w = 0; w < 2; ++w) { c_order.push_back(static_cast<float>(100 * n + 10 * h + w)); }
        }
    }
    for (int w = 0; w < 2; ++w) {
        for (int h = 0; h < 3; ++h) {
            for (int n = 0; n < 4; ++n) { fortran_order.push_back(static_cast<float>(100 * n + 10 * h + w)); }
        }
    }
    for (int const version : {1, 2, 3}) {
        for (bool const swapped : {false, true}) {
            for (bool const fortran : {false, true}) {
                write_bytes(folder.file("x.npy"), npy(swapped ? ">f4" : "<f4", fortran ? "True" : "False", "(4, 3, 2)",
                                                      data_of(fortran ? fortran_order : c_order, swapped), version));
                Summary const summary = convert_npy(folder.file("x.npy"), "", output_of(folder), no_progress);
                EXPECT_EQ(summary.x_shape, (hdf5::Extents{4, 3, 2}));
                EXPECT_EQ(hdf5::File::open(folder.file("out.h5")).read<float>("x"), c_order);
            }
        }
    }
}

TEST(Npy, FortranOrderIsReadInPieces) {
    ScratchFolder const folder;
    write_bytes(folder.file("x.npy"),
                npy("<i2", "True", "(5, 2)", data_of(std::vector<std::int16_t>{0, 1, 2, 3, 4, 10, 11, 12, 13, 14})));
    NpyFile const file(folder.file("x.npy"));
    std::vector<unsigned char> bytes;
    file.read(2, 2, bytes);
    EXPECT_EQ(std::string(bytes.begin(), bytes.end()), data_of(std::vector<std::int16_t>{2, 12, 3, 13}));
}

TEST(Npy, TypesAndLabels) {
    ScratchFolder const folder;
    write_bytes(folder.file("x.npy"),
                npy("<f2", "False", "(3, 1)", data_of(std::vector<std::uint16_t>{0x3C00, 0xC000, 0x3800})));
    write_bytes(folder.file("y.npy"), npy("|b1", "False", "(3,)", std::string("\1\0\1", 3)));
    Summary const summary = convert_npy(folder.file("x.npy"), folder.file("y.npy"), output_of(folder), no_progress);
    EXPECT_EQ(summary.x_type, hdf5::Type::f16);
    EXPECT_EQ(summary.y_type, hdf5::Type::boolean);
    hdf5::File const file = hdf5::File::open(folder.file("out.h5"));
    EXPECT_EQ(file.read<float>("x"), (std::vector<float>{1, -2, 0.5}));
    EXPECT_EQ(file.read<std::int32_t>("y"), (std::vector<std::int32_t>{1, 0, 1}));
    write_bytes(folder.file("x.npy"), npy(">c8", "False", "(1, 1)", data_of(std::vector<float>{3, -4}, true)));
    convert_npy(folder.file("x.npy"), "", output_of(folder), no_progress);
    EXPECT_EQ(hdf5::File::open(folder.file("out.h5")).read<std::complex<float>>("x"),
              (std::vector<std::complex<float>>{{3, -4}}));
}

TEST(Npy, FaultyFilesAreErrors) {
    ScratchFolder const folder;
    std::string const good = npy("<f4", "False", "(2, 2)", std::string(16, '\0'));
    auto const expect = [&](std::string const& bytes, std::initializer_list<std::string> words) {
        write_bytes(folder.file("x.npy"), bytes);
        expect_error(ExitCode::data_error, words,
                     [&] { convert_npy(folder.file("x.npy"), "", output_of(folder), no_progress); });
    };
    expect(good.substr(0, good.size() - 1), {"x.npy", "truncated"});
    expect(good.substr(0, 40), {"x.npy", "header"});
    expect("a text file of some length", {"x.npy", "not a .npy file"});
    expect(npy("<U4", "False", "(1,)", std::string(16, '\0')), {"x.npy", "<U4"});
    expect(npy("|O", "False", "(1,)", std::string(16, '\0')), {"x.npy", "type"});
    expect(npy("<f4", "False", "()", std::string(4, '\0')), {"x.npy", "single number"});
    write_bytes(folder.file("x.npy"), good);
    write_bytes(folder.file("y.npy"), npy("|u1", "False", "(3,)", "abc"));
    expect_error(ExitCode::data_error, {"(2, 2)", "(3)"},
                 [&] { convert_npy(folder.file("x.npy"), folder.file("y.npy"), output_of(folder), no_progress); });
}

}  // namespace
}  // namespace aureole::convert
