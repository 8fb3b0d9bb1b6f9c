#include "io/data/axes.hpp"

#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole {
namespace {

using testing::expect_error;
using Extents = std::vector<Index>;

struct Case {
    char const* letters;
    Extents extents;
    Shape sample;
};

class GuessAxes : public ::testing::TestWithParam<Case> {};

TEST_P(GuessAxes, FindsTheOrder) {
    AxisOrder const order = guess_axes(GetParam().extents, GetParam().sample, false, "'x'");
    EXPECT_EQ(order.letters, GetParam().letters);
    Shape shape = order.shape_of(GetParam().extents);
    shape.n = 1;
    EXPECT_EQ(shape, GetParam().sample);
}

INSTANTIATE_TEST_SUITE_P(
    Layouts, GuessAxes,
    ::testing::Values(Case{"nhwc", {100, 32, 24, 3}, {1, 1, 32, 24, 3}},
                      Case{"nchw", {100, 3, 32, 24}, {1, 1, 32, 24, 3}}, Case{"nhw", {100, 32, 24}, {1, 1, 32, 24, 1}},
                      Case{"hw", {32, 24}, {1, 1, 32, 24, 1}}, Case{"hwc", {32, 24, 3}, {1, 1, 32, 24, 3}},
                      Case{"chw", {3, 32, 24}, {1, 1, 32, 24, 3}}, Case{"ndhwc", {5, 8, 32, 24, 2}, {1, 8, 32, 24, 2}},
                      Case{"ncdhw", {5, 2, 8, 32, 24}, {1, 8, 32, 24, 2}},
                      Case{"ndhw", {5, 8, 32, 24}, {1, 8, 32, 24, 1}}, Case{"dhw", {8, 32, 24}, {1, 8, 32, 24, 1}},
                      Case{"dhwc", {8, 32, 24, 2}, {1, 8, 32, 24, 2}}, Case{"n", {100}, {1, 1, 1, 1, 1}},
                      Case{"nc", {100, 7}, {1, 1, 1, 1, 7}}, Case{"nwc", {100, 50, 7}, {1, 1, 1, 50, 7}},
                      // both orders fit: channels last comes first
                      Case{"nhwc", {9, 3, 3, 3}, {1, 1, 3, 3, 3}},
                      // as many samples as rows: the sample axis comes first
                      Case{"nhw", {32, 32, 32}, {1, 1, 32, 32, 1}}));

TEST(GuessAxes, TakesLargerSamplesOnlyWhenAsked) {
    Shape const sample{1, 1, 16, 16, 3};
    EXPECT_EQ(guess_axes({10, 3, 40, 30}, sample, true, "'x'").letters, "nchw");
    EXPECT_EQ(guess_axes({10, 40, 30, 3}, sample, true, "'x'").letters, "nhwc");
    expect_error(ExitCode::data_error, {"'x'", "(10, 40, 30, 3)", "16", "nhwc nchw"}, [&] {
        auto const order = guess_axes({10, 40, 30, 3}, sample, false, "'x'");
    });
}

TEST(GuessAxes, TrailingAxesOfOneLabelAreAbsorbed) {
    AxisOrder const order = guess_axes({50, 1, 1, 1}, {1, 1, 1, 1, 1}, false, "'y'");
    EXPECT_EQ(order.shape_of({50, 1, 1, 1}), (Shape{50, 1, 1, 1, 1}));
}

TEST(ParseAxes, ChecksLettersAndRank) {
    EXPECT_EQ(parse_axes("cnwh", {1, 2, 3, 4}, "'x'").shape_of({1, 2, 3, 4}), (Shape{2, 1, 4, 3, 1}));
    expect_error(ExitCode::bad_deck, {"'z'", "n d h w c"}, [] { auto const o = parse_axes("nzw", {1, 2, 3}, "'x'"); });
    expect_error(ExitCode::bad_deck, {"'h'"}, [] { auto const o = parse_axes("nhh", {1, 2, 3}, "'x'"); });
    expect_error(ExitCode::data_error, {"'x'", "3 axes", "(1, 2, 3)"}, [] {
        auto const o = parse_axes("nhwc", {1, 2, 3}, "'x'");
    });
}

TEST(AxisOrder, KnowsChannelsLast) {
    EXPECT_TRUE(AxisOrder{"nhwc"}.is_channels_last());
    EXPECT_TRUE(AxisOrder{"dhw"}.is_channels_last());
    EXPECT_FALSE(AxisOrder{"nchw"}.is_channels_last());
    EXPECT_FALSE(AxisOrder{"wh"}.is_channels_last());
}

}  // namespace
}  // namespace aureole
