#include "io/data/normalization.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "io/data/hdf5_dataset.hpp"
#include "unit_tests/io/data/sample_files.hpp"

namespace aureole {
namespace {

using testing::expect_error;
using testing::ramp;
using testing::ScratchFolder;

using Kind = NormalizeSpec::Kind;

TEST(Normalization, NoneLeavesValues) {
    std::vector<float> x{1, -2, 3};
    Normalization().apply(x.data(), 3);
    EXPECT_EQ(x, (std::vector<float>{1, -2, 3}));
    NormalizeSpec spec;  // kind none: nothing else counts
    spec.clip_lo = 0;
    spec.factor = 2;
    Normalization(spec, 1).apply(x.data(), 3);
    EXPECT_EQ(x, (std::vector<float>{1, -2, 3}));
}

TEST(Normalization, FollowsItsFormula) {
    NormalizeSpec spec;
    spec.kind = Kind::given;
    spec.factor = 0.5;
    spec.offset = 1;
    spec.mean = {1, 2, 3};
    spec.deviation = {2, 4, 8};
    spec.clip_lo = -3;
    spec.clip_hi = 10;
    spec.log = true;
    std::vector<float> x = ramp<float>(3 * 50, -20), expected = x;
    for (std::size_t i = 0; i < x.size(); ++i) {
        double const clipped = std::clamp(static_cast<double>(x[i]), -3.0, 10.0);
        double const logarithm = std::copysign(std::log1p(std::abs(clipped)), clipped);
        std::size_t const c = i % 3;
        expected[i] = static_cast<float>((logarithm * 0.5 + 1 - spec.mean[c]) / spec.deviation[c]);
    }
    Normalization(spec, 3).apply(x.data(), 50);
    for (std::size_t i = 0; i < x.size(); ++i) { EXPECT_NEAR(x[i], expected[i], 1e-6) << i; }
}

TEST(Normalization, OneFigureServesAllChannelsAndScaleNeedsNone) {
    NormalizeSpec spec;
    spec.kind = Kind::scale;
    spec.factor = 1.0 / 255;
    std::vector<float> x{0, 51, 255};
    Normalization(spec, 3).apply(x.data(), 1);
    EXPECT_FLOAT_EQ(x[1], 0.2F);
    EXPECT_FLOAT_EQ(x[2], 1);
    spec.kind = Kind::given;
    spec.factor = 1;
    spec.mean = {10};
    spec.deviation = {2};
    x = {10, 12, 14};
    Normalization(spec, 3).apply(x.data(), 1);
    EXPECT_EQ(x, (std::vector<float>{0, 1, 2}));
}

TEST(Normalization, WrongFiguresAreErrors) {
    NormalizeSpec spec;
    spec.kind = Kind::given;
    spec.mean = {1, 2};
    expect_error(ExitCode::bad_deck, {"2 figures of mean", "3 channels"}, [&] { Normalization const n(spec, 3); });
    spec.mean = {1};
    spec.deviation = {-1};
    expect_error(ExitCode::bad_deck, {"deviation -1"}, [&] { Normalization const n(spec, 3); });
    spec.deviation = {1};
    spec.clip_lo = 2;
    spec.clip_hi = 1;
    expect_error(ExitCode::bad_deck, {"clip"}, [&] { Normalization const n(spec, 3); });
}

TEST(Statistics, AreThoseOfTheWholeHoweverTheyArrive) {
    // a large mean and a small deviation: sums of squares would lose every digit in f32
    std::vector<float> x;
    for (int i = 0; i < 30000; ++i) {
        x.push_back(1e5F + static_cast<float>(i % 7));
        x.push_back(static_cast<float>(i));
    }
    StatisticsSum whole(2), parts(2);
    whole.add(x.data(), 30000);
    for (Index first = 0, size = 1; first < 30000; first += size, size = size * 2 + 1) {
        size = std::min<Index>(size, 30000 - first);
        parts.add(x.data() + 2 * first, size);
    }
    for (Statistics const& s : {whole.result(), parts.result()}) {
        EXPECT_EQ(s.count, 30000);
        double square = 0, mean = 0;
        for (int i = 0; i < 30000; ++i) { mean += i % 7; }
        mean /= 30000;
        for (int i = 0; i < 30000; ++i) { square += (i % 7 - mean) * (i % 7 - mean); }
        EXPECT_NEAR(s.mean[0], 1e5 + mean, 1e-8);
        EXPECT_NEAR(s.deviation[0], std::sqrt(square / 30000), 1e-9);
        EXPECT_NEAR(s.mean[1], 14999.5, 1e-8);
        EXPECT_NEAR(s.deviation[1], std::sqrt((30000.0 * 30000 - 1) / 12), 1e-7);
        EXPECT_EQ(s.minimum[0], 1e5);
        EXPECT_EQ(s.maximum[0], 1e5 + 6);
    }
}

TEST(Statistics, OfADatasetStandardiseIt) {
    ScratchFolder const folder;
    testing::write_ramp<float>(folder.file("a.h5"), "x", {10, 6, 5, 3});
    Hdf5Dataset const dataset(testing::source({folder.file("a.h5")}), testing::unlabelled({1, 1, 6, 5, 3}), false);
    NormalizeSpec spec;
    spec.kind = Kind::dataset;
    spec.factor = 0.25;
    Statistics const statistics = measure_statistics(dataset, spec);
    EXPECT_EQ(statistics.count, 300);
    EXPECT_NEAR(statistics.mean[1], 0.25 * (3 * 149.5 + 1), 1e-9);
    std::vector<float> x = testing::read_x(dataset, 0, 10);
    Normalization(spec, 3, &statistics).apply(x.data(), 300);
    StatisticsSum sum(3);
    sum.add(x.data(), 300);
    for (std::size_t c = 0; c < 3; ++c) {
        EXPECT_NEAR(sum.result().mean[c], 0, 1e-6);
        EXPECT_NEAR(sum.result().deviation[c], 1, 1e-6);
    }
}

TEST(Statistics, OfLargeSamplesAreReadInSlabs) {
    ScratchFolder const folder;
    testing::write_ramp<float>(folder.file("a.h5"), "x", {2, 1100, 1000});  // more than is read at a time
    Hdf5Dataset const dataset(testing::source({folder.file("a.h5")}), testing::unlabelled({1, 1, 1100, 1000, 1}),
                              false);
    Statistics const statistics = measure_statistics(dataset, {});
    EXPECT_EQ(statistics.count, 2200000);
    EXPECT_NEAR(statistics.mean[0], 1099999.5, 1e-6);
    EXPECT_EQ(statistics.maximum[0], 2199999);
}

TEST(Statistics, ConstantChannelIsOnlyCentred) {
    Statistics statistics{4, {7}, {0}, {7}, {7}};
    NormalizeSpec spec;
    spec.kind = Kind::dataset;
    std::vector<float> x{7, 8};
    Normalization(spec, 1, &statistics).apply(x.data(), 2);
    EXPECT_EQ(x, (std::vector<float>{0, 1}));
}

TEST(Statistics, ComeBackExactlyFromTheirFile) {
    ScratchFolder const folder;
    Statistics const saved{123456789012, {0.1, -1e-300}, {1.0 / 3, 0}, {-5, 0}, {1e300, 0}};
    save_statistics(folder.file("s.txt"), saved);
    Statistics const loaded = load_statistics(folder.file("s.txt"));
    EXPECT_EQ(loaded.count, saved.count);
    EXPECT_EQ(loaded.mean, saved.mean);
    EXPECT_EQ(loaded.deviation, saved.deviation);
    EXPECT_EQ(loaded.minimum, saved.minimum);
    EXPECT_EQ(loaded.maximum, saved.maximum);
    EXPECT_FALSE(std::filesystem::exists(folder.file("s.txt.part")));
}

TEST(Statistics, DamagedOrAbsentFileIsAnError) {
    ScratchFolder const folder;
    expect_error(ExitCode::data_error, {"s.txt"}, [&] { auto const s = load_statistics(folder.file("s.txt")); });
    save_statistics(folder.file("s.txt"), {4, {7, 8}, {1, 1}, {7, 7}, {7, 7}});
    std::filesystem::resize_file(folder.file("s.txt"), std::filesystem::file_size(folder.file("s.txt")) - 4);
    expect_error(ExitCode::data_error, {"s.txt", "damaged"},
                 [&] { auto const s = load_statistics(folder.file("s.txt")); });
    std::ofstream(folder.file("s.txt")) << "something else\n";
    expect_error(ExitCode::data_error, {"s.txt", "not a statistics file"},
                 [&] { auto const s = load_statistics(folder.file("s.txt")); });
    for (Statistics const& damaged :
         {Statistics{4, {7}, {-1}, {7}, {7}}, Statistics{4, {7}, {1}, {7}, {6}}, Statistics{0, {7}, {1}, {7}, {7}}}) {
        save_statistics(folder.file("s.txt"), damaged);
        expect_error(ExitCode::data_error, {"s.txt", "damaged"},
                     [&] { auto const s = load_statistics(folder.file("s.txt")); });
    }
    Statistics const one{4, {7}, {1}, {7}, {7}};
    NormalizeSpec spec;
    spec.kind = NormalizeSpec::Kind::dataset;
    expect_error(ExitCode::data_error, {"1 channels", "of 3"}, [&] { Normalization(spec, 3, &one); });
    expect_error(ExitCode::data_error, {"cannot create the folder", "s.txt'"},
                 [&] { save_statistics(folder.file("s.txt/s.txt"), {}); });
}

}  // namespace
}  // namespace aureole
