#include <tiffio.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "io/convert/convert.hpp"
#include "io/convert/image.hpp"
#include "io/convert/match_masks.hpp"
#include "io/hdf5/file.hpp"
#include "unit_tests/io/convert/image_files.hpp"
#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole::convert {
namespace {

using testing::expect_error;
using testing::make_picture;
using testing::Picture;
using testing::ScratchFolder;
using testing::TiffKind;

Progress const no_progress = [](std::int64_t, std::int64_t) {};

std::vector<std::uint16_t> values_of(Image const& image) {
    std::vector<std::uint16_t> values;
    for (std::size_t i = 0; i < image.bytes.size(); i += size_of(image.type)) {
        values.push_back(image.type == hdf5::Type::u8
                             ? image.bytes[i]
                             : static_cast<std::uint16_t>(image.bytes[i] | image.bytes[i + 1] << 8));
    }
    return values;
}

/// The values without the alpha channel.
std::vector<std::uint16_t> without_alpha(Picture const& picture) {
    std::uint32_t const kept = picture.channels % 2 == 0 ? picture.channels - 1 : picture.channels;
    std::vector<std::uint16_t> values;
    for (std::size_t i = 0; i < picture.values.size(); ++i) {
        if (i % picture.channels < kept) { values.push_back(picture.values[i]); }
    }
    return values;
}

Output output_of(ScratchFolder const& folder) {
    Output output;
    output.file = folder.file("out.h5");
    return output;
}

TEST(ReadImage, PngOfEveryKind) {
    ScratchFolder const folder;
    for (std::uint32_t channels = 1; channels <= 4; ++channels) {
        for (int const bits : {8, 16}) {
            Picture const picture = make_picture(7, 5, channels, bits, 117);
            testing::write_png(folder.file("a.png"), picture);
            Image image;
            read_image(folder.file("a.png"), 0, Purpose::image, image);
            EXPECT_EQ(image.h, 7);
            EXPECT_EQ(image.w, 5);
            EXPECT_EQ(image.c, channels < 3 ? 1 : 3);
            EXPECT_EQ(image.type, bits == 8 ? hdf5::Type::u8 : hdf5::Type::u16);
            EXPECT_EQ(values_of(image), without_alpha(picture)) << channels << " channels, " << bits << " bits";
        }
    }
}

TEST(ReadImage, FewBitsAreFullRangeForImagesAndNumbersForLabels) {
    ScratchFolder const folder;
    Picture const picture = make_picture(3, 9, 1, 1, 1);
    testing::write_png(folder.file("a.png"), picture);
    Image image;
    read_image(folder.file("a.png"), 0, Purpose::labels, image);
    EXPECT_EQ(values_of(image), picture.values);
    read_image(folder.file("a.png"), 0, Purpose::image, image);
    for (std::size_t i = 0; i < image.bytes.size(); ++i) { EXPECT_EQ(image.bytes[i], 255 * picture.values[i]); }
}

TEST(ReadImage, PaletteIsColourForImagesAndNumbersForLabels) {
    ScratchFolder const folder;
    Picture picture = make_picture(4, 3, 1, 8, 1);
    for (auto& value : picture.values) { value %= 3; }
    testing::write_palette_png(folder.file("a.png"), picture);
    Image image;
    read_image(folder.file("a.png"), 0, Purpose::labels, image);
    EXPECT_EQ(image.c, 1);
    EXPECT_EQ(values_of(image), picture.values);
    read_image(folder.file("a.png"), 0, Purpose::image, image);
    ASSERT_EQ(image.c, 3);
    for (std::size_t i = 0; i < 12; ++i) {
        for (std::size_t c = 0; c < 3; ++c) { EXPECT_EQ(image.bytes[3 * i + c], picture.values[i] == c ? 255 : 0); }
    }
}

TEST(ReadImage, JpegWithinItsLosses) {
    ScratchFolder const folder;
    for (std::uint32_t const channels : {1U, 3U}) {
        Picture picture = make_picture(16, 24, channels, 8, 0);
        for (std::size_t i = 0; i < picture.values.size(); ++i) {
            picture.values[i] = static_cast<std::uint16_t>(100 + 3 * (i / channels % 24));
        }
        testing::write_jpeg(folder.file("a.jpg"), picture, 100);
        Image image;
        read_image(folder.file("a.jpg"), 0, Purpose::image, image);
        EXPECT_EQ(image.c, channels);
        ASSERT_EQ(image.bytes.size(), picture.values.size());
        for (std::size_t i = 0; i < image.bytes.size(); ++i) { EXPECT_NEAR(image.bytes[i], picture.values[i], 3); }
    }
}

TEST(ReadImage, TiffInStripsAndTiles) {
    ScratchFolder const folder;
    for (TiffKind const kind : {TiffKind::strips, TiffKind::tiles}) {
        for (std::uint32_t channels = 1; channels <= 4; ++channels) {
            for (int const bits : {8, 16}) {
                Picture const first = make_picture(21, 37, channels, bits, 117),
                              second = make_picture(21, 37, channels, bits, 5);
                testing::write_tiff(folder.file("a.tif"), {first, second}, kind);
                EXPECT_EQ(count_pages(folder.file("a.tif")), 2);
                Image image;
                read_image(folder.file("a.tif"), 0, Purpose::image, image);
                EXPECT_EQ(values_of(image), without_alpha(first));
                read_image(folder.file("a.tif"), 1, Purpose::image, image);
                EXPECT_EQ(values_of(image), without_alpha(second));
            }
        }
    }
}

TEST(ReadImage, TiffOfFloats) {
    ScratchFolder const folder;
    Picture const picture = make_picture(6, 5, 1, 16, 1001);
    testing::write_tiff(folder.file("a.tif"), {picture}, TiffKind::float_strips);
    Image image;
    read_image(folder.file("a.tif"), 0, Purpose::image, image);
    ASSERT_EQ(image.type, hdf5::Type::f32);
    auto const* const floats = reinterpret_cast<float const*>(image.bytes.data());
    for (std::size_t i = 0; i < 30; ++i) { EXPECT_EQ(floats[i], picture.values[i]); }
}

TEST(ReadImage, TiffOfWideAndSignedNumbersKeepsTheirType) {
    ScratchFolder const folder;
    Picture const shape{2, 3, 1, 0, {}};
    auto const expect = [&](int bits, int format, auto const& values, hdf5::Type type) {
        testing::write_raw_tiff(folder.file("a.tif"), shape, bits, format, values.data());
        Image image;
        read_image(folder.file("a.tif"), 0, Purpose::image, image);
        EXPECT_EQ(image.type, type);
        ASSERT_EQ(image.bytes.size(), sizeof(values));
        EXPECT_EQ(std::memcmp(image.bytes.data(), values.data(), sizeof(values)), 0) << name_of(type);
    };
    expect(16, SAMPLEFORMAT_INT, std::array<std::int16_t, 6>{-1024, 0, 3071, -1, 32767, -32768}, hdf5::Type::i16);
    expect(64, SAMPLEFORMAT_INT, std::array<std::int64_t, 6>{-1, 0, INT64_MAX, INT64_MIN, 5, 6}, hdf5::Type::i64);
    expect(64, SAMPLEFORMAT_UINT, std::array<std::uint64_t, 6>{1, 0, UINT64_MAX, 4, 5, 6}, hdf5::Type::u64);
    expect(64, SAMPLEFORMAT_IEEEFP, std::array<double, 6>{-1.5, 0, 1e300, 0.1, 5, 6}, hdf5::Type::f64);
    expect(16, SAMPLEFORMAT_IEEEFP, std::array<std::uint16_t, 6>{0x3C00, 0xC000, 0, 0x7BFF, 1, 0x3555},
           hdf5::Type::f16);
}

TEST(ReadImage, TiffOfOneBitIsFullRangeForImagesAndNumbersForLabels) {
    ScratchFolder const folder;
    Picture const picture = make_picture(21, 37, 1, 1, 1);
    for (TiffKind const kind : {TiffKind::strips, TiffKind::tiles}) {
        for (bool const white : {false, true}) {
            testing::write_bit_tiff(folder.file("a.tif"), picture, kind, white);
            for (Purpose const purpose : {Purpose::image, Purpose::labels}) {
                Image image;
                read_image(folder.file("a.tif"), 0, purpose, image);
                ASSERT_EQ(image.bytes.size(), picture.values.size());
                unsigned const one = purpose == Purpose::image ? 255 : 1;
                for (std::size_t i = 0; i < image.bytes.size(); ++i) {
                    ASSERT_EQ(image.bytes[i], (picture.values[i] ^ (white ? 1U : 0U)) * one) << i;
                }
            }
        }
    }
}

TEST(ReadImage, GreyMasksSavedAsColoursAreMasks) {
    ScratchFolder const folder;
    Picture picture = make_picture(4, 4, 3, 8, 1);
    for (std::size_t i = 0; i < picture.values.size(); ++i) {
        picture.values[i] = static_cast<std::uint16_t>(i / 3 % 2 * 255);
    }
    testing::write_png(folder.file("a.png"), picture);
    Image image;
    read_image(folder.file("a.png"), 0, Purpose::labels, image);
    ASSERT_EQ(image.c, 1);
    for (std::size_t i = 0; i < 16; ++i) { EXPECT_EQ(image.bytes[i], i % 2 * 255); }
    picture.values[7] = 9;
    testing::write_png(folder.file("a.png"), picture);
    expect_error(ExitCode::data_error, {"a.png", "3 different channels"},
                 [&] { read_image(folder.file("a.png"), 0, Purpose::labels, image); });
}

TEST(ReadImage, DamagedFilesAreErrors) {
    ScratchFolder const folder;
    testing::write_png(folder.file("a.png"), make_picture(64, 64, 3, 8, 117));
    testing::write_jpeg(folder.file("a.jpg"), make_picture(64, 64, 3, 8, 117), 90);
    testing::write_tiff(folder.file("a.tif"), {make_picture(64, 64, 3, 8, 117)}, TiffKind::strips);
    Image image;
    for (std::string const name : {"a.png", "a.jpg", "a.tif"}) {
        std::filesystem::resize_file(folder.file(name), std::filesystem::file_size(folder.file(name)) / 2);
        expect_error(ExitCode::data_error, {name, "cannot decode"},
                     [&] { read_image(folder.file(name), 0, Purpose::image, image); });
    }
    std::ofstream(folder.file("b.png")) << "not an image";
    expect_error(ExitCode::data_error, {"b.png", "no PNG, JPEG or TIFF"},
                 [&] { read_image(folder.file("b.png"), 0, Purpose::image, image); });
    expect_error(ExitCode::data_error, {"c.png", "cannot open"},
                 [&] { read_image(folder.file("c.png"), 0, Purpose::image, image); });
}

TEST(Orientation, TurnsAndMirrorsAsViewersDo) {
    // stored 1 2 3 / 4 5 6; the eight orientations of Exif
    std::vector<std::vector<unsigned char>> const shown{{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1},
                                                        {4, 5, 6, 1, 2, 3}, {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3},
                                                        {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
    for (int orientation = 1; orientation <= 8; ++orientation) {
        Image image{2, 3, 1, hdf5::Type::u8, {1, 2, 3, 4, 5, 6}};
        apply_orientation(image, orientation);
        EXPECT_EQ(image.bytes, shown[static_cast<std::size_t>(orientation - 1)]) << orientation;
        EXPECT_EQ(image.h, orientation < 5 ? 2 : 3);
        EXPECT_EQ(image.w, orientation < 5 ? 3 : 2);
    }
}

TEST(Orientation, IsReadFromExifDataOfBothByteOrders) {
    std::vector<unsigned char> const little{'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0};
    std::vector<unsigned char> const big{'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0};
    EXPECT_EQ(exif_orientation(little.data(), little.size()), 6);
    EXPECT_EQ(exif_orientation(big.data(), big.size()), 8);
    for (std::size_t cut = 0; cut < little.size(); ++cut) { EXPECT_EQ(exif_orientation(little.data(), cut), 1); }
}

TEST(ClassFolders, OtherFilesAreCountedAndStacksAreEquallyDeep) {
    ScratchFolder const folder;
    std::string const root = folder.file("classes");
    std::filesystem::create_directories(root + "/cat");
    testing::write_png(root + "/cat/1.png", make_picture(4, 4, 1, 8, 1));
    std::ofstream(root + "/cat/2.bmp") << "BM";
    std::ofstream(root + "/labels.csv") << "a";
    Summary const summary = convert_class_folders(root, output_of(folder), no_progress);
    EXPECT_EQ(summary.left_out, (std::vector<std::string>{root + "/labels.csv", root + "/cat/2.bmp"}));
    Picture const page = make_picture(4, 4, 1, 8, 1);
    testing::write_tiff(root + "/cat/3.tif", {page, page, page}, TiffKind::strips);
    expect_error(ExitCode::data_error, {"3.tif", "3 pages", "1.png"},
                 [&] { convert_class_folders(root, output_of(folder), no_progress); });
    std::filesystem::remove(root + "/cat/1.png");
    Summary const stacks = convert_class_folders(root, output_of(folder), no_progress);
    EXPECT_EQ(stacks.x_shape, (hdf5::Extents{1, 3, 4, 4, 1}));
    testing::write_tiff(root + "/cat/3.tif", {page, page, make_picture(4, 5, 1, 8, 1)}, TiffKind::strips);
    expect_error(ExitCode::data_error, {"3.tif, page 3", "4 x 5"},
                 [&] { convert_class_folders(root, output_of(folder), no_progress); });
}

TEST(ClassFolders, BecomeImagesAndClasses) {
    ScratchFolder const folder;
    std::string const root = folder.file("set");
    std::vector<std::uint16_t> expected;
    for (std::string const name : {"class10", "class2"}) {
        std::filesystem::create_directories(root + "/" + name);
        std::ofstream(root + "/" + name + "/notes.txt") << "not an image";
    }
    for (unsigned i = 0; i < 3; ++i) {
        testing::write_png(fmt::format("{}/class10/{}.png", root, i), make_picture(4, 5, 3, 8, 3, 50 + i));
        testing::write_png(fmt::format("{}/class2/{}.png", root, i), make_picture(4, 5, 3, 8, 3, i));
    }
    std::int64_t last = 0;
    Summary const summary = convert_class_folders(root, output_of(folder), [&](std::int64_t done, std::int64_t total) {
        EXPECT_EQ(done, ++last);
        EXPECT_EQ(total, 6);
    });
    EXPECT_EQ(last, 6);
    EXPECT_EQ(summary.class_names, (std::vector<std::string>{"class2", "class10"}));
    EXPECT_EQ(summary.x_shape, (hdf5::Extents{6, 4, 5, 3}));
    hdf5::File const file = hdf5::File::open(folder.file("out.h5"));
    EXPECT_EQ(file.read<std::uint8_t>("y"), (std::vector<std::uint8_t>{0, 0, 0, 1, 1, 1}));
    EXPECT_EQ(file.attribute("y", "class_names"), hdf5::Attribute(summary.class_names));
    EXPECT_EQ(file.attribute("/", "origin"), hdf5::Attribute(std::string("folder")));
    std::vector<std::uint8_t> const x = file.read<std::uint8_t>("x");
    for (std::size_t n = 0; n < 6; ++n) {
        for (std::size_t i = 0; i < 60; ++i) { EXPECT_EQ(x[n * 60 + i], (n / 3 * 50 + n % 3 + 3 * i) % 256); }
    }
}

TEST(ClassFolders, DamagedImagesAreToldTogetherOrLeftOut) {
    ScratchFolder const folder;
    std::string const root = folder.file("set");
    for (unsigned i = 0; i < 40; ++i) {
        std::string const path = fmt::format("{}/{}/{}.jpg", root, i < 20 ? "a" : "b", i);
        std::filesystem::create_directories(std::filesystem::path(path).parent_path());
        testing::write_jpeg(path, make_picture(16, 16, 1, 8, 0, 6 * i), 100);
        if (i % 2 == 1) { std::filesystem::resize_file(path, std::filesystem::file_size(path) - 40); }
    }
    std::filesystem::create_symlink("gone.jpg", root + "/a/link.jpg");
    std::filesystem::create_symlink("gone", root + "/a/notes");
    auto const convert = [&](Damaged damaged) {
        return convert_class_folders(root, output_of(folder), no_progress, damaged);
    };
    expect_error(ExitCode::data_error,
                 {"21 samples cannot be converted", "(21) out by --skip-damaged", "a/1.jpg", "a/link.jpg",
                  "whose target is gone", "\n  ... and 1 more"},
                 [&] { convert(Damaged::refuse); });
    EXPECT_FALSE(std::filesystem::exists(folder.file("out.h5")));
    EXPECT_FALSE(std::filesystem::exists(folder.file("out.h5.part")));
    Summary const summary = convert(Damaged::skip);
    EXPECT_EQ(summary.damaged.size(), 21U);
    EXPECT_EQ(summary.left_out, std::vector<std::string>{root + "/a/notes"});
    EXPECT_EQ(summary.x_shape, (hdf5::Extents{20, 16, 16, 1}));
    hdf5::File const file = hdf5::File::open(folder.file("out.h5"));
    std::vector<std::uint8_t> const x = file.read<std::uint8_t>("x"), y = file.read<std::uint8_t>("y");
    for (std::size_t i = 0; i < 20; ++i) {
        EXPECT_NEAR(x[i * 256], 12 * static_cast<int>(i), 2);
        EXPECT_EQ(y[i], i < 10 ? 0 : 1);
    }
    // what is no damage stays an error
    testing::write_jpeg(root + "/b/0.jpg", make_picture(16, 8, 1, 8, 0), 100);
    expect_error(ExitCode::data_error, {"b/0.jpg", "16 x 8"}, [&] { convert(Damaged::skip); });
    std::filesystem::create_symlink("gone", root + "/c");
    expect_error(ExitCode::data_error, {"set/c' is a link to 'gone'"}, [&] { convert(Damaged::skip); });
}

TEST(ClassFolders, ASingleFaultIsToldAsItIs) {
    ScratchFolder const folder;
    std::filesystem::create_directories(folder.file("set/a"));
    testing::write_png(folder.file("set/a/1.png"), make_picture(4, 4, 1, 8, 1));
    std::ofstream(folder.file("set/a/2.png")) << "no image";
    expect_error(ExitCode::data_error,
                 {"set/a/2.png' is no PNG", "convert or remove it, or leave it out by --skip-damaged"},
                 [&] { convert_class_folders(folder.file("set"), output_of(folder), no_progress); });
}

TEST(ClassFolders, ImagesAllOfWhichAreDamagedAreAnError) {
    ScratchFolder const folder;
    std::filesystem::create_directories(folder.file("set/a"));
    std::ofstream(folder.file("set/a/1.png")) << "no image";
    expect_error(ExitCode::data_error, {"all images of", "are damaged"},
                 [&] { convert_class_folders(folder.file("set"), output_of(folder), no_progress, Damaged::skip); });
}

TEST(ClassFolders, SizesThatDifferAreAnErrorAndLeaveNothing) {
    ScratchFolder const folder;
    std::filesystem::create_directories(folder.file("set/a"));
    testing::write_png(folder.file("set/a/1.png"), make_picture(4, 5, 1, 8, 3));
    testing::write_png(folder.file("set/a/2.png"), make_picture(4, 6, 1, 8, 3));
    expect_error(ExitCode::data_error, {"2.png", "4 x 6 x 1", "1.png", "4 x 5 x 1"},
                 [&] { convert_class_folders(folder.file("set"), output_of(folder), no_progress); });
    EXPECT_FALSE(std::filesystem::exists(folder.file("out.h5")));
    EXPECT_FALSE(std::filesystem::exists(folder.file("out.h5.part")));
    std::filesystem::create_directories(folder.file("set/b"));
    expect_error(ExitCode::data_error, {"set/b", "no PNG"},
                 [&] { convert_class_folders(folder.file("set"), output_of(folder), no_progress); });
    expect_error(ExitCode::data_error, {"set/a", "no folders"},
                 [&] { convert_class_folders(folder.file("set/a"), output_of(folder), no_progress); });
}

void write_pairs(ScratchFolder const& folder, int count) {
    std::filesystem::create_directories(folder.file("image"));
    std::filesystem::create_directories(folder.file("mask"));
    for (int i = 0; i < count; ++i) {
        testing::write_png(folder.file(fmt::format("image/{}.png", i)),
                           make_picture(6, 4, 1, 16, 300, static_cast<unsigned>(i)));
        testing::write_png(folder.file(fmt::format("mask/{}_mask.png", i)),
                           make_picture(6, 4, 1, 8, 0, static_cast<unsigned>(i)));
    }
}

TEST(Masks, AreMatchedByName) {
    ScratchFolder const folder;
    write_pairs(folder, 12);
    Summary const summary =
        convert_images_and_masks(folder.file("image"), folder.file("mask"), output_of(folder), no_progress);
    EXPECT_EQ(summary.x_shape, (hdf5::Extents{12, 6, 4, 1}));
    EXPECT_EQ(summary.y_shape, (hdf5::Extents{12, 6, 4}));
    EXPECT_EQ(summary.x_type, hdf5::Type::u16);
    hdf5::File const file = hdf5::File::open(folder.file("out.h5"));
    std::vector<std::uint16_t> const x = file.read<std::uint16_t>("x");
    std::vector<std::uint8_t> const y = file.read<std::uint8_t>("y");
    for (std::size_t n = 0; n < 12; ++n) {
        EXPECT_EQ(x[n * 24 + 1], 300 + n);
        EXPECT_EQ(y[n * 24 + 23], n);
    }
}

TEST(Masks, OfImagesWhoseNamesBeginAlikeAreTheirOwn) {
    ScratchFolder const folder;
    std::filesystem::create_directories(folder.file("image"));
    std::filesystem::create_directories(folder.file("mask"));
    unsigned number = 0;
    for (std::string const name : {"case1", "case1_b", "case1_b_b", "case2"}) {
        testing::write_png(folder.file("image/" + name + ".png"), make_picture(1, 1, 1, 8, 0, ++number));
        testing::write_png(folder.file("mask/" + name + "_mask.png"), make_picture(1, 1, 1, 8, 0, number));
    }
    convert_images_and_masks(folder.file("image"), folder.file("mask"), output_of(folder), no_progress);
    hdf5::File const file = hdf5::File::open(folder.file("out.h5"));
    EXPECT_EQ(file.read<std::uint8_t>("x"), file.read<std::uint8_t>("y"));
    testing::write_png(folder.file("mask/case2.png"), make_picture(1, 1, 1, 8, 0));
    expect_error(ExitCode::data_error, {"case2", "two masks"}, [&] {
        convert_images_and_masks(folder.file("image"), folder.file("mask"), output_of(folder), no_progress);
    });
}

TEST(Masks, WithOneSuffixForAllBelongToWhatIsLeftOfTheirNames) {
    auto const matched = [](std::vector<std::string> const& masks) {
        return match_masks({"i/a.png", "i/ab.png"}, masks, "m");
    };
    using Paths = std::vector<std::string>;
    EXPECT_EQ(matched({"m/a_mask.png", "m/ab_mask.png"}), (Paths{"m/a_mask.png", "m/ab_mask.png"}));
    EXPECT_EQ(matched({"m/abmask.png", "m/amask.png"}), (Paths{"m/amask.png", "m/abmask.png"}));
    EXPECT_EQ(matched({"m/ab.png", "m/abb.png"}), (Paths{"m/ab.png", "m/abb.png"}));
    EXPECT_EQ(matched({"m/ab.tif", "m/a_x.png"}), (Paths{"m/a_x.png", "m/ab.tif"}));
    // of scans a and a_b with masks called a_b and a_b_b, the first is not that of a_b
    EXPECT_EQ(match_masks({"i/a.png", "i/a_b.png"}, {"m/a_b.png", "m/a_b_b.png"}, "m"),
              (Paths{"m/a_b.png", "m/a_b_b.png"}));
    expect_error(ExitCode::data_error, {"two images are called 'a'", "a.jpg", "a.png"}, [] {
        (void)match_masks({"i/a.jpg", "i/a.png"}, {"m/a.png"}, "m");
    });
    expect_error(ExitCode::data_error, {"ac.png", "no mask"}, [] {
        (void)match_masks({"i/ab.png", "i/ac.png"}, {"m/ab.png"}, "m");
    });
}

TEST(Masks, OfDamagedImagesAreLeftOutWithThem) {
    ScratchFolder const folder;
    write_pairs(folder, 5);
    std::ofstream(folder.file("image/1.png")) << "no image";
    std::ofstream(folder.file("mask/3_mask.png")) << "no mask";
    auto const convert = [&](Damaged damaged) {
        return convert_images_and_masks(folder.file("image"), folder.file("mask"), output_of(folder), no_progress,
                                        Stacks::samples, damaged);
    };
    expect_error(ExitCode::data_error, {"2 samples", "image/1.png", "mask/3_mask.png", "--skip-damaged"},
                 [&] { convert(Damaged::refuse); });
    EXPECT_FALSE(std::filesystem::exists(folder.file("out.h5")));
    Summary const summary = convert(Damaged::skip);
    EXPECT_EQ(summary.damaged.size(), 2U);
    EXPECT_EQ(summary.x_shape, (hdf5::Extents{3, 6, 4, 1}));
    hdf5::File const file = hdf5::File::open(folder.file("out.h5"));
    std::vector<std::uint16_t> const x = file.read<std::uint16_t>("x");
    std::vector<std::uint8_t> const y = file.read<std::uint8_t>("y");
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(x[i * 24], 2 * i);
        EXPECT_EQ(y[i * 24], 2 * i);
    }
}

TEST(Masks, MissingOrLeftOverOnesAreErrors) {
    ScratchFolder const folder;
    write_pairs(folder, 3);
    std::filesystem::rename(folder.file("mask/1_mask.png"), folder.file("mask/7_mask.png"));
    expect_error(ExitCode::data_error, {"1.png", "no mask", "mask"}, [&] {
        convert_images_and_masks(folder.file("image"), folder.file("mask"), output_of(folder), no_progress);
    });
    std::filesystem::remove(folder.file("image/1.png"));
    expect_error(ExitCode::data_error, {"7_mask.png", "no image"}, [&] {
        convert_images_and_masks(folder.file("image"), folder.file("mask"), output_of(folder), no_progress);
    });
    std::filesystem::remove(folder.file("mask/7_mask.png"));
    testing::write_png(folder.file("mask/2_mask.png"), make_picture(5, 4, 1, 8, 0));
    expect_error(ExitCode::data_error, {"2_mask.png", "5 x 4"}, [&] {
        convert_images_and_masks(folder.file("image"), folder.file("mask"), output_of(folder), no_progress);
    });
}

TEST(Masks, OfASinglePairOfFilesOrPages) {
    ScratchFolder const folder;
    testing::write_tiff(folder.file("stack.tif"), {make_picture(20, 30, 1, 8, 7), make_picture(20, 30, 1, 8, 9)},
                        TiffKind::strips);
    testing::write_tiff(folder.file("truth.tif"), {make_picture(20, 30, 1, 8, 1), make_picture(20, 30, 1, 8, 2)},
                        TiffKind::tiles);
    Summary const summary =
        convert_images_and_masks(folder.file("stack.tif"), folder.file("truth.tif"), output_of(folder), no_progress);
    EXPECT_EQ(summary.x_shape, (hdf5::Extents{2, 20, 30, 1}));
    std::vector<std::uint8_t> const x = hdf5::File::open(folder.file("out.h5")).read<std::uint8_t>("x");
    EXPECT_EQ(x[600 + 10], 90);
    Summary const deep = convert_images_and_masks(folder.file("stack.tif"), folder.file("truth.tif"), output_of(folder),
                                                  no_progress, Stacks::depth);
    EXPECT_EQ(deep.x_shape, (hdf5::Extents{1, 2, 20, 30, 1}));
    EXPECT_EQ(deep.y_shape, (hdf5::Extents{1, 2, 20, 30}));
    EXPECT_EQ(hdf5::File::open(folder.file("out.h5")).read<std::uint8_t>("x"), x);
    testing::write_jpeg(folder.file("one.jpg"), make_picture(20, 30, 3, 8, 0, 80), 100);
    testing::write_png(folder.file("one.png"), make_picture(20, 30, 1, 8, 1));
    EXPECT_EQ(convert_images_and_masks(folder.file("one.jpg"), folder.file("one.png"), output_of(folder), no_progress)
                  .x_shape,
              (hdf5::Extents{1, 20, 30, 3}));
    EXPECT_TRUE(convert_images_and_masks(folder.file("one.jpg"), "", output_of(folder), no_progress).y_shape.empty());
}

}  // namespace
}  // namespace aureole::convert
