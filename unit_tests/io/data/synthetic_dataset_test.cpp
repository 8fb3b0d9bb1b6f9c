#include "io/data/synthetic_dataset.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "unit_tests/io/data/sample_files.hpp"

namespace aureole {
namespace {

using testing::read_classes;
using testing::read_x;

SourceSpec synthetic(std::int64_t samples) {
    SourceSpec spec;
    spec.kind = SourceSpec::Kind::synthetic;
    spec.samples = samples;
    return spec;
}

TEST(Synthetic, DependsOnSeedAndIndexOnly) {
    SampleSpec const sample = testing::classified({1, 1, 16, 12, 5}, 4);
    SyntheticDataset const a(synthetic(20), sample, 7), b(synthetic(40), sample, 7), other(synthetic(20), sample, 8);
    EXPECT_EQ(read_x(a, 3, 5), read_x(b, 3, 5));
    EXPECT_EQ(read_classes(a, 0, 20), read_classes(b, 0, 20));
    EXPECT_NE(read_x(a, 3, 1), read_x(other, 3, 1));
    EXPECT_NE(read_x(a, 3, 1), read_x(a, 4, 1));
    SourceSpec later = synthetic(20);
    later.first = 10;
    later.count = 8;
    EXPECT_EQ(read_x(SyntheticDataset(later, sample, 7), 2, 3), read_x(b, 12, 3));
}

TEST(Synthetic, ABoxIsTheBoxOfTheWhole) {
    SampleSpec const sample = testing::masked({1, 4, 10, 12, 6}, 3);
    SyntheticDataset const dataset(synthetic(3), sample, 7);
    std::vector<float> const whole = read_x(dataset, 1, 1);
    Box const box{{0, 1, 2, 3, 2}, {1, 3, 9, 7, 6}};
    std::vector<float> part(2 * 7 * 4 * 4), expected;
    dataset.read_x(1, 1, box, part.data());
    for (int d = 1; d < 3; ++d) {
        for (int h = 2; h < 9; ++h) {
            for (int w = 3; w < 7; ++w) {
                for (int c = 2; c < 6; ++c) {
                    expected.push_back(whole[static_cast<std::size_t>(((d * 10 + h) * 12 + w) * 6 + c)]);
                }
            }
        }
    }
    EXPECT_EQ(part, expected);
}

TEST(Synthetic, ClassesCanBeToldApart) {
    // the mean image of each class over one half of the samples recognises the other half
    constexpr std::int64_t classes = 4, samples = 200;
    SyntheticDataset const dataset(synthetic(samples), testing::classified({1, 1, 16, 16, 1}, classes), 7);
    std::vector<std::int32_t> const y = read_classes(dataset, 0, samples);
    std::array<std::vector<float>, classes> templates;
    templates.fill(std::vector<float>(256));
    std::array<int, classes> count{};
    for (std::int64_t n = 0; n < samples / 2; ++n) {
        auto const label = static_cast<std::size_t>(y[static_cast<std::size_t>(n)]);
        std::vector<float> const x = read_x(dataset, n, 1);
        ++count[label];
        std::transform(x.begin(), x.end(), templates[label].begin(), templates[label].begin(), std::plus<>());
    }
    int correct = 0;
    for (std::int64_t n = samples / 2; n < samples; ++n) {
        std::vector<float> const x = read_x(dataset, n, 1);
        std::array<double, classes> score{};
        for (std::size_t c = 0; c < classes; ++c) {
            EXPECT_GT(count[c], 5);
            for (std::size_t i = 0; i < 256; ++i) { score[c] += x[i] * templates[c][i] / count[c]; }
        }
        correct += std::max_element(score.begin(), score.end()) - score.begin() == y[static_cast<std::size_t>(n)];
    }
    EXPECT_GT(correct, 95);
}

TEST(Synthetic, MasksMarkWhatIsBright) {
    SyntheticDataset const dataset(synthetic(20), testing::masked({1, 1, 48, 64, 1}, 2), 7);
    std::vector<float> const x = read_x(dataset, 0, 20);
    std::vector<std::int32_t> const y = read_classes(dataset, 0, 20);
    double inside = 0, outside = 0, area = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        (y[i] == 1 ? inside : outside) += x[i];
        area += y[i];
    }
    EXPECT_GT(area / static_cast<double>(y.size()), 0.05);
    EXPECT_LT(area / static_cast<double>(y.size()), 0.6);
    EXPECT_NEAR(inside / area, 1, 0.05);
    EXPECT_NEAR(outside / (static_cast<double>(y.size()) - area), 0, 0.05);
}

TEST(Synthetic, ManyClassesPerPixelAppear) {
    SyntheticDataset const dataset(synthetic(50), testing::masked({1, 1, 32, 32, 1}, 4), 7);
    std::vector<std::int32_t> const y = read_classes(dataset, 0, 50);
    for (std::int32_t label = 0; label < 4; ++label) { EXPECT_GT(std::count(y.begin(), y.end(), label), 0) << label; }
    EXPECT_EQ(*std::max_element(y.begin(), y.end()), 3);
}

TEST(Synthetic, ValuesPerImage) {
    SampleSpec sample;
    sample.x = {1, 1, 8, 8, 1};
    sample.y = {1, 1, 1, 1, 3};
    sample.labels = SampleSpec::Labels::values;
    SyntheticDataset const dataset(synthetic(10), sample, 7);
    std::vector<float> values(30);
    dataset.read_values(0, 10, Box::whole(sample.y), values.data());
    for (float const value : values) {
        EXPECT_GE(value, 0);
        EXPECT_LT(value, 1);
    }
    EXPECT_NE(values[0], values[3]);
}

TEST(Synthetic, NeedsASize) {
    testing::expect_error(ExitCode::bad_deck, {"samples"}, [] {
        SyntheticDataset const dataset(synthetic(0), testing::classified({1, 1, 8, 8, 1}, 2), 7);
    });
    testing::expect_error(ExitCode::bad_deck, {"[15, 21)", "20"}, [] {
        SourceSpec spec = synthetic(20);
        spec.first = 15;
        spec.count = 6;
        SyntheticDataset const dataset(spec, testing::classified({1, 1, 8, 8, 1}, 2), 7);
    });
}

}  // namespace
}  // namespace aureole
