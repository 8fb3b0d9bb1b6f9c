#include "parallel/program/draw.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/tensor/philox.hpp"
#include "unit_tests/support/device_buffer.hpp"

namespace aureole::test {
namespace {

std::vector<double> draw_values(Initializer const& initializer, std::uint64_t key, Index count,
                                DType dtype = DType::f64) {
    DeviceBuffer const buffer(TensorSpec::whole(dtype, {1, 1, 1, 1, count}));
    draw(buffer.tensor(), initializer, key);
    return buffer.download().values;
}

/// Known answers of Philox4x32-10 from the authors' test vectors.
TEST(Philox, GivesTheKnownAnswers) {
    Philox const zero = Philox::at(0, 0, 0);
    EXPECT_EQ(zero.word[0], 0x6627e8d5U);
    EXPECT_EQ(zero.word[1], 0xe169c58dU);
    EXPECT_EQ(zero.word[2], 0xbc57ac4cU);
    EXPECT_EQ(zero.word[3], 0x9b00dbd8U);
    Philox const ones = Philox::at(~0ULL, ~0ULL, ~0ULL);
    EXPECT_EQ(ones.word[0], 0x408f276dU);
    EXPECT_EQ(ones.word[1], 0x41c83b0eU);
    EXPECT_EQ(ones.word[2], 0xa20bc7c6U);
    EXPECT_EQ(ones.word[3], 0x6d5451fdU);
    Philox const pi = Philox::at(0x299f31d0a4093822ULL, 0x85a308d3243f6a88ULL, 0x0370734413198a2eULL);
    EXPECT_EQ(pi.word[0], 0xd16cfe09U);
    EXPECT_EQ(pi.word[1], 0x94fdccebU);
    EXPECT_EQ(pi.word[2], 0x5001e420U);
    EXPECT_EQ(pi.word[3], 0x24126ea1U);
}

TEST(Draw, AnElementDependsOnKeyAndPlaceOnly) {
    Initializer const normal{Initializer::Kind::normal, 0, 1};
    std::vector<double> const few = draw_values(normal, 3, 10), many = draw_values(normal, 3, 1000);
    EXPECT_EQ(few, std::vector<double>(many.begin(), many.begin() + 10));
    EXPECT_NE(few, draw_values(normal, 4, 10));
}

TEST(Draw, HasTheMomentsOfItsDistribution) {
    Index const count = 200000;
    auto const moments = [&](std::vector<double> const& values) {
        std::array<double, 4> sums{};
        for (double const value : values) {
            double power = 1;
            for (double& sum : sums) { sum += (power *= value) / static_cast<double>(count); }
        }
        return sums;
    };
    auto const normal = moments(draw_values({Initializer::Kind::normal, 0, 2}, 1, count));
    EXPECT_NEAR(normal[0], 0, 0.02);
    EXPECT_NEAR(normal[1], 4, 0.06);
    EXPECT_NEAR(normal[2], 0, 0.3);
    EXPECT_NEAR(normal[3], 3 * 16, 2.5);
    std::vector<double> const values = draw_values({Initializer::Kind::uniform, -1, 3}, 1, count);
    auto const uniform = moments(values);
    EXPECT_NEAR(uniform[0], 1, 0.02);
    EXPECT_NEAR(uniform[1] - uniform[0] * uniform[0], 16.0 / 12, 0.02);
    auto const [low, high] = std::minmax_element(values.begin(), values.end());
    EXPECT_GE(*low, -1);
    EXPECT_LT(*high, 3);
    EXPECT_EQ(draw_values({Initializer::Kind::constant, 0.5, 0}, 1, 3), (std::vector<double>{0.5, 0.5, 0.5}));
}

TEST(Draw, OtherTypesGetTheRoundedValues) {
    Initializer const normal{Initializer::Kind::normal, 0, 1};
    std::vector<double> const exact = draw_values(normal, 9, 100), single = draw_values(normal, 9, 100, DType::f32);
    for (std::size_t i = 0; i < exact.size(); ++i) { EXPECT_EQ(single[i], static_cast<float>(exact[i])); }
}

}  // namespace
}  // namespace aureole::test
