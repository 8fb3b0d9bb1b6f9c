#include "io/data/hdf5_dataset.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "io/data/cached_dataset.hpp"
#include "io/file/file_list.hpp"
#include "unit_tests/io/data/sample_files.hpp"

namespace aureole {
namespace {

using testing::classified;
using testing::expect_error;
using testing::masked;
using testing::ramp;
using testing::ScratchFolder;
using testing::source;
using testing::unlabelled;

TEST(Hdf5Samples, ImagesAndClassesOfOneFile) {
    ScratchFolder const folder;
    testing::write_classes(folder.file("a.h5"), 10, 4, 5, 3, 4);
    Hdf5Dataset const dataset(source({folder.file("a.h5")}), classified({1, 1, 4, 5, 3}, 4), false);
    EXPECT_EQ(dataset.samples(), 10);
    EXPECT_TRUE(dataset.x_fits_bytes());
    std::vector<float> const x = testing::read_x(dataset, 3, 2);
    for (std::size_t i = 0; i < x.size(); ++i) { EXPECT_EQ(x[i], static_cast<float>((180 + i) % 251)); }
    EXPECT_EQ(testing::read_classes(dataset, 3, 5), (std::vector<std::int32_t>{3, 0, 1, 2, 3}));
    EXPECT_EQ(dataset.bytes_read(), 120U + 5U);
}

TEST(Hdf5Samples, OnlyTheBoxIsRead) {
    ScratchFolder const folder;
    testing::write_ramp<float>(folder.file("a.h5"), "x", {6, 8, 9, 2});
    Hdf5Dataset const dataset(source({folder.file("a.h5")}), unlabelled({1, 1, 8, 9, 2}), false);
    Box const box{{0, 0, 2, 3, 0}, {1, 1, 5, 7, 2}};
    std::vector<float> x(2 * 3 * 4 * 2), expected;
    dataset.read_x(4, 2, box, x.data());
    for (int n = 4; n < 6; ++n) {
        for (int h = 2; h < 5; ++h) {
            for (int i = 3 * 2; i < 7 * 2; ++i) { expected.push_back(static_cast<float>((n * 8 + h) * 18 + i)); }
        }
    }
    EXPECT_EQ(x, expected);
    EXPECT_EQ(dataset.bytes_read(), 48U * 4U);
}

TEST(Hdf5Samples, ChannelsFirstBecomesChannelsLast) {
    ScratchFolder const folder;
    testing::write_ramp<std::int16_t>(folder.file("a.h5"), "x", {4, 3, 6, 5});
    Hdf5Dataset const dataset(source({folder.file("a.h5")}), unlabelled({1, 1, 6, 5, 3}), false);
    Box const box{{0, 0, 1, 2, 0}, {1, 1, 4, 5, 3}};
    std::vector<float> x(3 * 3 * 3 * 3), expected;
    dataset.read_x(1, 3, box, x.data());
    for (int n = 1; n < 4; ++n) {
        for (int h = 1; h < 4; ++h) {
            for (int w = 2; w < 5; ++w) {
                for (int c = 0; c < 3; ++c) { expected.push_back(static_cast<float>(((n * 3 + c) * 6 + h) * 5 + w)); }
            }
        }
    }
    EXPECT_EQ(x, expected);
}

TEST(Hdf5Samples, AnyAxisOrderByLetters) {
    ScratchFolder const folder;
    testing::write_ramp<std::uint16_t>(folder.file("a.h5"), "x", {2, 5, 4, 3});  // c w n h
    SourceSpec spec = source({folder.file("a.h5")});
    spec.x_axes = "cwnh";
    Hdf5Dataset const dataset(spec, unlabelled({1, 1, 3, 5, 2}), false);
    EXPECT_EQ(dataset.samples(), 4);
    std::vector<float> expected;
    for (int h = 0; h < 3; ++h) {
        for (int w = 0; w < 5; ++w) {
            for (int c = 0; c < 2; ++c) { expected.push_back(static_cast<float>(((c * 5 + w) * 4 + 2) * 3 + h)); }
        }
    }
    EXPECT_EQ(testing::read_x(dataset, 2, 1), expected);
}

TEST(Hdf5Samples, VolumesChannelsFirst) {
    ScratchFolder const folder;
    testing::write_ramp<float>(folder.file("a.h5"), "x", {2, 3, 4, 5});  // c d h w: one sample
    Hdf5Dataset const dataset(source({folder.file("a.h5")}), unlabelled({1, 3, 4, 5, 2}), false);
    EXPECT_EQ(dataset.samples(), 1);
    std::vector<float> const x = testing::read_x(dataset, 0, 1);
    for (int i = 0; i < 60; ++i) {
        EXPECT_EQ(x[static_cast<std::size_t>(2 * i)], i);
        EXPECT_EQ(x[static_cast<std::size_t>(2 * i + 1)], 60 + i);
    }
}

TEST(Hdf5Samples, SeparateLabelFilesAreConcatenatedLikeTheImages) {
    ScratchFolder const folder;
    for (int part = 0; part < 3; ++part) {
        auto const x = ramp<float>(2 * 4, static_cast<float>(8 * part));
        hdf5::File::create(folder.file(fmt::format("x{}.h5", part))).write<float>("x", {2, 2, 2}, x);
    }
    hdf5::File::create(folder.file("y.h5")).write<std::int64_t>("y", {6, 1}, ramp<std::int64_t>(6));
    SourceSpec spec = source({folder.file("x*.h5")});
    spec.y_files = {folder.file("y.h5")};
    Hdf5Dataset const dataset(spec, classified({1, 1, 2, 2, 1}, 6), false);
    EXPECT_EQ(testing::read_x(dataset, 1, 4), ramp<float>(16, 4));  // crosses two borders of files
    EXPECT_EQ(testing::read_classes(dataset, 0, 6), ramp<std::int32_t>(6));
}

TEST(Hdf5Samples, OneFilePerSampleInNaturalOrder) {
    ScratchFolder const folder;
    for (int i = 0; i < 100; ++i) {  // more files than are kept open
        hdf5::File file = hdf5::File::create(folder.file(fmt::format("slice_{}.h5", i)));
        file.write<float>("image", {2, 3}, std::vector<float>(6, static_cast<float>(i)));
        file.write<std::uint8_t>("label", {2, 3}, std::vector<std::uint8_t>(6, static_cast<std::uint8_t>(i % 2)));
    }
    SourceSpec spec = source({folder.file("slice_*.h5")});
    spec.x = "image";
    spec.y = "label";
    Hdf5Dataset const dataset(spec, masked({1, 1, 2, 3, 1}, 2), false);
    ASSERT_EQ(dataset.samples(), 100);
    std::vector<float> const x = testing::read_x(dataset, 0, 100);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(x[static_cast<std::size_t>(6 * i + 5)], i);
        EXPECT_EQ(testing::read_classes(dataset, i, 1), std::vector<std::int32_t>(6, i % 2));
    }
    EXPECT_NE(dataset.place(12).find("slice_12.h5"), std::string::npos);
}

TEST(Hdf5Samples, FirstAndCountCutOutAPart) {
    ScratchFolder const folder;
    testing::write_classes(folder.file("a.h5"), 10, 2, 2, 1, 10);
    SourceSpec spec = source({folder.file("a.h5")});
    spec.first = 4;
    spec.count = 3;
    Hdf5Dataset const dataset(spec, classified({1, 1, 2, 2, 1}, 10), false);
    EXPECT_EQ(dataset.samples(), 3);
    EXPECT_EQ(testing::read_classes(dataset, 0, 3), (std::vector<std::int32_t>{4, 5, 6}));
    spec.count = 7;
    expect_error(ExitCode::data_error, {"[4, 11)", "a.h5", "has 10"}, [&] {
        Hdf5Dataset const d(spec, classified({1, 1, 2, 2, 1}, 10), false);
    });
}

TEST(Hdf5Samples, LabelsAreMappedAndThresholded) {
    ScratchFolder const folder;
    {
        hdf5::File file = hdf5::File::create(folder.file("a.h5"));
        file.write<float>("x", {1, 1, 4}, ramp<float>(4));
        file.write<std::uint8_t>("u8", {1, 1, 4}, std::vector<std::uint8_t>{0, 4, 255, 4});
        file.write<float>("f32", {1, 1, 4}, std::vector<float>{0.25F, 0.5F, 0.75F, 1});
    }
    auto const read = [&](char const* name, auto change, std::int64_t classes) {
        SourceSpec spec = source({folder.file("a.h5")});
        spec.y = name;
        change(spec);
        Hdf5Dataset const dataset(spec, masked({1, 1, 1, 4, 1}, classes), false);
        return testing::read_classes(dataset, 0, 1);
    };
    EXPECT_EQ(read(
                  "u8",
                  [](SourceSpec& s) {
                      s.label_map = {{0, 0}, {4, 3}, {255, 1}};
                  },
                  4),
              (std::vector<std::int32_t>{0, 3, 1, 3}));
    EXPECT_EQ(read(
                  "u8", [](SourceSpec& s) { s.label_threshold = 3; }, 2),
              (std::vector<std::int32_t>{0, 1, 1, 1}));
    EXPECT_EQ(read(
                  "f32", [](SourceSpec& s) { s.label_threshold = 0.5; }, 2),
              (std::vector<std::int32_t>{0, 0, 1, 1}));
    EXPECT_EQ(read(
                  "f32",
                  [](SourceSpec& s) {
                      s.label_threshold = 0.5;
                      s.label_invert = true;
                  },
                  2),
              (std::vector<std::int32_t>{1, 1, 0, 0}));
    expect_error(ExitCode::data_error, {"label 255", "'u8'", "a.h5", "sample 0", "(0, 0, 2, 0)"}, [&] {
        read(
            "u8",
            [](SourceSpec& s) {
                s.label_map = {{0, 0}, {4, 3}};
            },
            4);
    });
    expect_error(ExitCode::data_error, {"label 0.25", "'f32'"}, [&] {
        read(
            "f32", [](SourceSpec&) {}, 2);
    });
    expect_error(ExitCode::data_error, {"label 4", "2 classes: 0 to 1", "(0, 0, 1, 0)"}, [&] {
        read(
            "u8", [](SourceSpec&) {}, 2);
    });
}

TEST(Hdf5Dataset, TheLabelThatDoesNotCountNeedNotBeAClass) {
    ScratchFolder const folder;
    {
        hdf5::File file = hdf5::File::create(folder.file("a.h5"));
        file.write<float>("x", {1, 1, 4, 1}, std::vector<float>(4, 0));
        file.write<std::uint8_t>("u8", {1, 1, 4}, std::vector<std::uint8_t>{0, 1, 255, 1});
        file.write<std::int32_t>("i32", {1, 1, 4}, std::vector<std::int32_t>{0, -1, 1, -1});
        file.write<float>("f32", {1, 1, 4}, std::vector<float>{0, 1, 255, 1});
    }
    auto const source_of = [&](char const* name, auto change) {
        SourceSpec spec = source({folder.file("a.h5")});
        spec.y = name;
        change(spec);
        return spec;
    };
    auto const classes = [&](char const* name, std::int64_t ignored, auto change) {
        SampleSpec sample = masked({1, 1, 1, 4, 1}, 2);
        sample.ignore_label = ignored;
        return testing::read_classes(Hdf5Dataset(source_of(name, change), sample, false), 0, 1);
    };
    auto const as_stored = [](SourceSpec&) {};
    using Labels = std::vector<std::int32_t>;
    EXPECT_EQ(classes("u8", 255, as_stored), (Labels{0, 1, 255, 1}));
    EXPECT_EQ(classes("i32", -1, as_stored), (Labels{0, -1, 1, -1}));
    EXPECT_EQ(classes("f32", 255, as_stored), (Labels{0, 1, 255, 1}));
    EXPECT_EQ(classes("u8", -1,
                      [](SourceSpec& s) {
                          s.label_map = {{0, 1}, {1, 0}, {255, -1}};
                      }),
              (Labels{1, 0, -1, 0}));
    EXPECT_EQ(classes("u8", 255, [](SourceSpec& s) { s.label_map = {{0, 1}, {1, 0}}; }), (Labels{1, 0, 255, 0}));
    EXPECT_EQ(classes("u8", 255, [](SourceSpec& s) { s.label_threshold = 0.5; }), (Labels{0, 1, 255, 1}));
    expect_error(ExitCode::data_error, {"label 255", "data.ignore_label"}, [&] { classes("u8", 7, as_stored); });

    SampleSpec sample = masked({1, 1, 1, 4, 1}, 2);
    sample.labels = SampleSpec::Labels::values;
    sample.probabilities = true;
    sample.ignore_label = 255;
    std::vector<float> values(4);
    Hdf5Dataset(source_of("u8", as_stored), sample, false).read_values(0, 1, Box::whole(sample.y), values.data());
    EXPECT_EQ(values, (std::vector<float>{0, 1, 255, 1}));
}

TEST(Hdf5Samples, NegativeAndHugeLabelsAreErrors) {
    ScratchFolder const folder;
    for (double const bad : {-1.0, 1e30, std::numeric_limits<double>::quiet_NaN()}) {
        hdf5::File file = hdf5::File::create(folder.file("a.h5"));
        file.write<float>("x", {2, 1, 1}, ramp<float>(2));
        file.write<double>("y", {2}, std::vector<double>{0, bad});
        Hdf5Dataset const dataset(source({folder.file("a.h5")}), classified({1, 1, 1, 1, 1}, 10), false);
        EXPECT_EQ(testing::read_classes(dataset, 0, 1), std::vector<std::int32_t>{0});
        expect_error(ExitCode::data_error, {"sample 1", "'y'", "a.h5"}, [&] { testing::read_classes(dataset, 1, 1); });
    }
}

TEST(Hdf5Samples, NanNamesItsPlace) {
    ScratchFolder const folder;
    auto x = ramp<float>(3 * 4 * 5 * 2);
    x[40 * 2 + (3 * 5 + 1) * 2 + 1] = std::numeric_limits<float>::quiet_NaN();
    hdf5::File::create(folder.file("a.h5")).write<float>("images", {3, 4, 5, 2}, x);
    SourceSpec spec = source({folder.file("a.h5")});
    spec.x = "images";
    Hdf5Dataset const dataset(spec, unlabelled({1, 1, 4, 5, 2}), false);
    Box const box{{0, 0, 1, 1, 0}, {1, 1, 4, 5, 2}};
    std::vector<float> out(3 * 3 * 4 * 2);
    expect_error(ExitCode::data_error, {"nan", "sample 2", "'images'", "a.h5", "(0, 3, 1, 1)"},
                 [&] { dataset.read_x(0, 3, box, out.data()); });
    x[40 * 2 + (3 * 5 + 1) * 2 + 1] = -std::numeric_limits<float>::infinity();
    hdf5::File::create(folder.file("b.h5")).write<float>("images", {3, 4, 5, 2}, x);
    spec.files = {folder.file("b.h5")};
    Hdf5Dataset const infinite(spec, unlabelled({1, 1, 4, 5, 2}), false);
    expect_error(ExitCode::data_error, {"-inf", "(0, 3, 1, 1)"}, [&] { testing::read_x(infinite, 0, 3); });
}

TEST(Hdf5Samples, WrongShapesAndCountsAreErrors) {
    ScratchFolder const folder;
    testing::write_classes(folder.file("a.h5"), 10, 4, 4, 3, 2);
    expect_error(ExitCode::data_error, {"'x'", "a.h5", "(10, 4, 4, 3)", "(1, 4, 5, 3)"}, [&] {
        Hdf5Dataset const d(source({folder.file("a.h5")}), unlabelled({1, 1, 4, 5, 3}), false);
    });
    SourceSpec spec = source({folder.file("a.h5")});
    spec.x_axes = "nhwc";
    expect_error(ExitCode::data_error, {"'x'", "a.h5", "(1, 4, 4, 3)", "(1, 4, 5, 3)"}, [&] {
        Hdf5Dataset const d(spec, unlabelled({1, 1, 4, 5, 3}), false);
    });
    hdf5::File::create(folder.file("y.h5")).write<float>("y", {9}, ramp<float>(9));
    spec.y_files = {folder.file("y.h5")};
    expect_error(ExitCode::data_error, {"10 images", "9 labels", "'y'"}, [&] {
        Hdf5Dataset const d(spec, classified({1, 1, 4, 4, 3}, 10), false);
    });
    spec.y = "";
    expect_error(ExitCode::bad_deck, {"labels"}, [&] {
        Hdf5Dataset const d(spec, classified({1, 1, 4, 4, 3}, 10), false);
    });
    expect_error(ExitCode::data_error, {"no file matches", "b*.h5"}, [&] {
        Hdf5Dataset const d(source({folder.file("b*.h5")}), unlabelled({1, 1, 4, 4, 3}), false);
    });
}

TEST(Hdf5Samples, FilesThatDifferAreErrors) {
    ScratchFolder const folder;
    testing::write_ramp<float>(folder.file("a1.h5"), "x", {2, 4, 4});
    testing::write_ramp<float>(folder.file("a2.h5"), "x", {2, 4, 5});
    expect_error(ExitCode::data_error, {"a2.h5", "a1.h5", "alike"}, [&] {
        Hdf5Dataset const d(source({folder.file("a*.h5")}), unlabelled({1, 1, 4, 4, 1}), false);
    });
    testing::write_ramp<std::uint8_t>(folder.file("a2.h5"), "x", {2, 4, 4});
    expect_error(ExitCode::data_error, {"a2.h5", "u8", "f32"}, [&] {
        Hdf5Dataset const d(source({folder.file("a*.h5")}), unlabelled({1, 1, 4, 4, 1}), false);
    });
}

TEST(CachedSamples, EqualTheStoredOnesAndAreReadOnce) {
    ScratchFolder const folder;
    testing::write_classes(folder.file("a.h5"), 2000, 8, 8, 3, 10);
    testing::write_ramp<float>(folder.file("b.h5"), "x", {20, 6, 7, 2});
    SampleSpec const a_sample = classified({1, 1, 8, 8, 3}, 10), b_sample = unlabelled({1, 1, 6, 7, 2});
    for (auto const& [name, sample] : {std::pair("a.h5", a_sample), std::pair("b.h5", b_sample)}) {
        auto const plain = std::make_shared<Hdf5Dataset>(source({folder.file(name)}), sample, false);
        CachedDataset const cached(std::make_shared<Hdf5Dataset>(source({folder.file(name)}), sample, false),
                                   sample.labels);
        Box const box{{0, 0, 1, 2, 1}, {1, 1, 5, 6, 2}};
        std::vector<float> x(2 * 4 * 4), expected(x.size());
        for (std::int64_t const first : {17L, 3L, 17L}) {
            cached.read_x(first, 2, box, x.data());
            plain->read_x(first, 2, box, expected.data());
            EXPECT_EQ(x, expected);
        }
        EXPECT_EQ(testing::read_x(cached, 0, cached.samples()), testing::read_x(*plain, 0, plain->samples()));
        if (sample.labels != SampleSpec::Labels::none) {
            EXPECT_EQ(testing::read_classes(cached, 5, 1990), testing::read_classes(*plain, 5, 1990));
        }
        std::uint64_t const once = std::filesystem::file_size(folder.file(name));
        EXPECT_LE(cached.bytes_read(), once);
        EXPECT_GT(cached.bytes_read(), once * 3 / 4);
    }
}

TEST(CachedSamples, KeepABoxOfEachAndReadTheRestEveryTime) {
    ScratchFolder const folder;
    testing::write_classes(folder.file("a.h5"), 200, 8, 8, 3, 10);
    SampleSpec const sample = classified({1, 1, 8, 8, 3}, 10);
    auto const plain = std::make_shared<Hdf5Dataset>(source({folder.file("a.h5")}), sample, false);
    SampleBoxes boxes;
    boxes.x = Box{{2, 0, 3, 1, 0}, {4, 1, 8, 6, 3}};  // of samples 2 and 3 of a micro-batch
    EXPECT_EQ(CachedDataset::bytes(*plain, sample.labels, boxes), 200U * (5 * 5 * 3 + 4));
    CachedDataset const cached(std::make_shared<Hdf5Dataset>(source({folder.file("a.h5")}), sample, false),
                               sample.labels, boxes);
    for (Box const& box : {*boxes.x, Box{{0, 0, 4, 2, 1}, {1, 1, 7, 6, 2}}, Box{{0, 0, 2, 2, 0}, {1, 1, 7, 6, 3}}}) {
        bool const inside = box.lo[2] >= 3;
        Shape const part = box.shape();
        std::vector<float> x(static_cast<std::size_t>(3 * part.h * part.w * part.c)), expected(x.size());
        plain->read_x(60, 3, box, expected.data());
        cached.read_x(60, 3, box, x.data());
        EXPECT_EQ(x, expected);
        std::uint64_t const before = cached.bytes_read();
        cached.read_x(60, 3, box, x.data());
        EXPECT_EQ(x, expected);
        EXPECT_EQ(cached.bytes_read() - before, inside ? 0 : x.size());
    }
    EXPECT_EQ(testing::read_classes(cached, 50, 100), testing::read_classes(*plain, 50, 100));
    boxes.x = Box{};  // another rank reads the images
    CachedDataset const labels_only(plain, sample.labels, boxes);
    EXPECT_EQ(testing::read_classes(labels_only, 5, 20), testing::read_classes(*plain, 5, 20));
}

TEST(OpenDataset, CachesWhatFits) {
    ScratchFolder const folder;
    testing::write_classes(folder.file("a.h5"), 100, 8, 8, 1, 10);
    SampleSpec const sample = classified({1, 1, 8, 8, 1}, 10);
    LoaderSpec loader;
    loader.cache_limit = 100 * (64 + 4);
    auto const dataset = open_dataset(source({folder.file("a.h5")}), sample, loader, 0);
    EXPECT_NE(dynamic_cast<CachedDataset const*>(dataset.get()), nullptr);
    loader.cache_limit -= 1;
    auto const uncached = open_dataset(source({folder.file("a.h5")}), sample, loader, 0);
    EXPECT_EQ(dynamic_cast<CachedDataset const*>(uncached.get()), nullptr);
}

TEST(FileList, ComparesDigitsAsNumbers) {
    EXPECT_TRUE(natural_less("a2", "a10"));
    EXPECT_FALSE(natural_less("a10", "a2"));
    EXPECT_TRUE(natural_less("a2b9", "a2b11"));
    EXPECT_TRUE(natural_less("a", "a1"));
    EXPECT_TRUE(natural_less("a1", "b0"));
    EXPECT_FALSE(natural_less("a1", "a1"));
    EXPECT_NE(natural_less("a01", "a1"), natural_less("a1", "a01"));
}

}  // namespace
TEST(Hdf5Samples, TargetsAreThresholdedMappedAndChecked) {
    ScratchFolder const folder;
    std::string const path = folder.file("a.h5");
    {
        hdf5::File file = hdf5::File::create(path);
        file.write<std::uint8_t>("x", {1, 1, 4}, std::vector<std::uint8_t>{1, 2, 3, 4});
        file.write<std::uint8_t>("y", {1, 1, 4}, std::vector<std::uint8_t>{0, 4, 255, 4});
    }
    auto const read = [&](auto const& change) {
        SourceSpec spec;
        spec.files = {path};
        change(spec);
        SampleSpec sample = masked({1, 1, 1, 4, 1}, 0);
        sample.labels = SampleSpec::Labels::values;
        sample.probabilities = true;
        Hdf5Dataset const dataset(spec, sample, false);
        std::vector<float> values(4);
        dataset.read_values(0, 1, Box::whole(sample.y), values.data());
        return values;
    };
    EXPECT_EQ(read([](SourceSpec& s) { s.label_threshold = 127; }), (std::vector<float>{0, 0, 1, 0}));
    EXPECT_EQ(read([](SourceSpec& s) {
                  s.label_threshold = 127;
                  s.label_invert = true;
              }),
              (std::vector<float>{1, 1, 0, 1}));
    EXPECT_EQ(read([](SourceSpec& s) { s.label_map = {{0, 1}, {4, 0}, {255, 1}}; }), (std::vector<float>{1, 0, 1, 0}));
    expect_error(ExitCode::data_error, {"target 4", "'y'", "a.h5", "sample 0", "label_threshold"},
                 [&] { read([](SourceSpec&) {}); });
}

}  // namespace aureole
