#include <gtest/gtest.h>

#include <cmath>

#include "io/data/hdf5_dataset.hpp"
#include "io/data/loader.hpp"
#include "io/data/normalization.hpp"
#include "unit_tests/io/data/sample_files.hpp"

// Values and labels are prepared and compared as they are stored, and what a file says is absent is no datum.
namespace aureole {
namespace {

using testing::expect_error;
using testing::ramp;
using testing::ScratchFolder;
using testing::source;

/// The images of the first batch of a file "a.h5" of 4 samples of 2 x 2 pixels.
std::vector<float> first_batch(ScratchFolder const& folder, NormalizeSpec const& normalize, Index cache) {
    LoaderConfig config;
    config.sample = testing::unlabelled({1, 1, 2, 2, 1});
    config.spec.normalize = normalize;
    config.spec.shuffle = false;
    config.spec.cache_limit = cache;
    config.batch = 4;
    config.dataset = open_dataset(source({folder.file("a.h5")}), config.sample, config.spec, 0);
    Statistics statistics;
    bool const measured = normalize.kind == NormalizeSpec::Kind::dataset;
    if (measured) { statistics = measure_statistics(*config.dataset, normalize); }
    config.normalization = Normalization(normalize, 1, measured ? &statistics : nullptr);
    Loader loader(config);
    return loader.next().x;
}

template <class T>
void expect_unit_ramp(T offset) {
    ScratchFolder const folder;
    hdf5::File::create(folder.file("a.h5")).write<T>("x", {4, 2, 2}, ramp<T>(16, offset));
    double const deviation = std::sqrt((16.0 * 16 - 1) / 12), within = std::sqrt((4.0 * 4 - 1) / 12);
    for (Index const cache : {Index{0}, Index{1} << 20}) {
        NormalizeSpec normalize;
        normalize.kind = NormalizeSpec::Kind::dataset;
        std::vector<float> x = first_batch(folder, normalize, cache);
        for (std::size_t i = 0; i < 16; ++i) {
            EXPECT_FLOAT_EQ(x[i], static_cast<float>((static_cast<double>(i) - 7.5) / deviation));
        }
        normalize.kind = NormalizeSpec::Kind::sample;
        x = first_batch(folder, normalize, cache);
        for (std::size_t i = 0; i < 16; ++i) {
            EXPECT_FLOAT_EQ(x[i], static_cast<float>((static_cast<double>(i % 4) - 1.5) / within));
        }
        normalize.kind = NormalizeSpec::Kind::scale;
        normalize.offset = -static_cast<double>(offset);
        EXPECT_EQ(first_batch(folder, normalize, cache), ramp<float>(16));
    }
}

TEST(ExactImages, WideTypesLoseNothingBeforeTheMeanIsSubtracted) {
    expect_unit_ramp<double>(1e9);
    expect_unit_ramp<std::int64_t>(-1'000'000'000'000);
    expect_unit_ramp<std::uint32_t>(4'000'000'000U);
    expect_unit_ramp<std::int32_t>(2'000'000'000);
    expect_unit_ramp<std::uint64_t>(1'000'000'000'000U);
    expect_unit_ramp<float>(16'000'000.0F);
}

TEST(ExactImages, IntegersThatF64WouldRoundAreErrors) {
    ScratchFolder const folder;
    hdf5::File::create(folder.file("a.h5"))
        .write<std::int64_t>("x", {4, 2, 2}, ramp<std::int64_t>(16, (std::int64_t{1} << 53) - 3));
    expect_error(ExitCode::data_error, {"sample 0", "a.h5", "2^53"}, [&] { first_batch(folder, {}, 0); });
}

TEST(ExactImages, ValuesThatBecomeInfiniteAreErrors) {
    ScratchFolder const folder;
    hdf5::File::create(folder.file("a.h5")).write<double>("x", {4, 2, 2}, ramp<double>(16, 1e300));
    expect_error(ExitCode::data_error, {"sample 0", "a.h5", "data.normalize"}, [&] { first_batch(folder, {}, 0); });
}

void write_with_fill(std::string const& path, double scale) {
    hdf5::File file = hdf5::File::create(path);
    std::vector<std::int16_t> x = ramp<std::int16_t>(16);
    x[5] = -9999;
    file.write<std::int16_t>("x", {4, 2, 2}, x);
    file.set_attribute("x", "_FillValue", std::int64_t{-9999});
    if (scale != 1) {
        file.set_attribute("x", "scale_factor", scale);
        file.set_attribute("x", "add_offset", 2.0);
    }
}

TEST(FillValues, AreErrorsUnlessTheDeckSaysWhatTheyAre) {
    ScratchFolder const folder;
    write_with_fill(folder.file("a.h5"), 1);
    SampleSpec const sample = testing::unlabelled({1, 1, 2, 2, 1});
    SourceSpec spec = source({folder.file("a.h5")});
    expect_error(ExitCode::data_error, {"-9999", "sample 1", "'x'", "a.h5", "(0, 0, 1, 0)", "_FillValue", "fill: zero"},
                 [&] { testing::read_x(Hdf5Dataset(spec, sample, false), 0, 4); });
    spec.fill = FillRule::zero;
    EXPECT_EQ(testing::read_x(Hdf5Dataset(spec, sample, false), 0, 4)[5], 0);
    spec.fill = FillRule::keep;
    EXPECT_EQ(testing::read_x(Hdf5Dataset(spec, sample, false), 0, 4)[5], -9999);
}

TEST(FillValues, PackedNumbersAreUnpacked) {
    ScratchFolder const folder;
    write_with_fill(folder.file("a.h5"), 0.5);
    SourceSpec spec = source({folder.file("a.h5")});
    spec.fill = FillRule::zero;
    Hdf5Dataset const dataset(spec, testing::unlabelled({1, 1, 2, 2, 1}), false);
    std::vector<float> const x = testing::read_x(dataset, 0, 4);
    EXPECT_EQ(x[4], 4);
    EXPECT_EQ(x[5], 0);
    write_with_fill(folder.file("b.h5"), 0.25);
    spec.files = {folder.file("a.h5"), folder.file("b.h5")};
    expect_error(ExitCode::data_error, {"b.h5", "scale_factor", "alike"}, [&] {
        Hdf5Dataset const both(spec, testing::unlabelled({1, 1, 2, 2, 1}), false);
    });
}

TEST(FillValues, WhatWasNeverWrittenIsFoundWhenTheSetIsOpened) {
    ScratchFolder const folder;
    {
        hdf5::File file = hdf5::File::create(folder.file("a.h5"));
        hdf5::Dataset x = file.create_dataset("x", {.type = hdf5::Type::u8, .shape = {4, 2, 2}, .chunk = {1, 2, 2}});
        x.write(hdf5::Extents{0, 0, 0}, hdf5::Extents{3, 2, 2}, hdf5::Type::u8,
                std::vector<std::uint8_t>(12, 7).data());
    }
    SourceSpec spec = source({folder.file("a.h5")});
    SampleSpec const sample = testing::unlabelled({1, 1, 2, 2, 1});
    expect_error(ExitCode::data_error, {"'x'", "a.h5", "1 of its 4 chunks", "fill: keep"},
                 [&] { Hdf5Dataset const dataset(spec, sample, false); });
    spec.fill = FillRule::keep;
    EXPECT_EQ(testing::read_x(Hdf5Dataset(spec, sample, false), 3, 1), std::vector<float>(4, 0));
}

template <class T>
std::vector<std::int32_t> mapped(ScratchFolder const& folder, std::vector<T> const& stored, LabelMap const& map) {
    {
        hdf5::File file = hdf5::File::create(folder.file("a.h5"));
        file.write<float>("x", {1, 1, 2}, ramp<float>(2));
        file.write<T>("y", {1, 1, 2}, stored);
    }
    SourceSpec spec = source({folder.file("a.h5")});
    spec.label_map = map;
    return testing::read_classes(Hdf5Dataset(spec, testing::masked({1, 1, 1, 2, 1}, 2), false), 0, 1);
}

TEST(ExactLabels, KeysAreComparedInTheStoredType) {
    ScratchFolder const folder;
    std::vector<std::int32_t> const expected{1, 0};
    EXPECT_EQ(mapped<float>(folder, {0.9F, 0.1F}, {{0.1, 0}, {0.9, 1}}), expected);
    EXPECT_EQ(mapped<double>(folder, {0.9, 0.1}, {{0.1, 0}, {0.9, 1}}), expected);
    EXPECT_EQ(mapped<double>(folder, {-3, 7}, {{-3, 1}, {7, 0}}), expected);
    std::int64_t const large = (std::int64_t{1} << 53) + 1;
    EXPECT_EQ(mapped<std::int64_t>(folder, {large, large - 1}, {{large, 1}, {large - 1, 0}}), expected);
    std::uint64_t const top = ~std::uint64_t{0};
    EXPECT_EQ(mapped<std::uint64_t>(folder, {top, top - 1}, {{top, 1}, {top - 1, 0}}), expected);
    EXPECT_EQ(mapped<std::uint32_t>(folder, {4'000'000'001U, 0}, {{4'000'000'001U, 1}, {0, 0}}), expected);
}

TEST(ExactLabels, KeysThatCannotOccurAreErrors) {
    ScratchFolder const folder;
    for (long double const key : {-1.0L, 256.0L, 0.5L}) {
        expect_error(ExitCode::data_error, {"label_map", "cannot occur", "u8", "'y'"}, [&] {
            mapped<std::uint8_t>(folder, {0, 1}, {{0, 0}, {key, 1}});
        });
    }
    expect_error(ExitCode::data_error, {"cannot occur", "f32"}, [&] {
        mapped<float>(folder, {0, 1}, {{0, 0}, {1e300L, 1}});
    });
    expect_error(ExitCode::data_error, {"two keys"}, [&] {
        mapped<float>(folder, {0, 1}, {{0, 0}, {1, 1}, {1 + 1e-12L, 0}});
    });
}

TEST(ExactLabels, LargeLabelsAreNotClipped) {
    ScratchFolder const folder;
    std::int64_t const label = (std::int64_t{1} << 32) + 1;
    expect_error(ExitCode::data_error, {"label 4294967297"}, [&] { mapped<std::int64_t>(folder, {0, label}, {}); });
    expect_error(ExitCode::data_error, {"label 4294967297"}, [&] {
        mapped<std::int64_t>(folder, {0, label}, {{0, 0}, {2147483647, 1}});
    });
}

}  // namespace
}  // namespace aureole
