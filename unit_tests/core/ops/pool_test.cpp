#include "core/ops/pool.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "core/error.hpp"
#include "unit_tests/core/ops/windowed_cases.hpp"
#include "unit_tests/support/windows.hpp"

namespace aureole::test {

namespace {

PoolAttributes attributes_of(WindowedCase const& given) {
    return {.window = given.windows(),
            .kind = given.flag("max") ? PoolKind::max : PoolKind::average,
            .count_padding = given.flag("count_padding")};
}

Windows planar(Window const& h, Window const& w) { return {Window{}, h, w}; }

TEST(Pool, AWindowThatStepsOverTheImageIsRefused) {
    PoolAttributes attributes;
    attributes.window[2] = {2, 1, 1, 1, 2};
    Pool const maximum(attributes);
    EXPECT_THROW((void)maximum.infer(std::array<ValueType, 1>{ValueType{DType::f32, {1, 1, 1, 1, 1}}}), Error);
    EXPECT_NO_THROW((void)maximum.infer(std::array<ValueType, 1>{ValueType{DType::f32, {1, 1, 1, 2, 1}}}));
}

TEST(Pool, WindowsThatReadPaddingOnlyAreFoundWithoutLookingAtAll) {
    int refused = 0, taken = 0;
    for (Index code = 0; code < 3 * 4 * 5 * 6 * 6 * 6; ++code) {
        Index rest = code;
        auto const digit = [&](Index base) { return std::exchange(rest, rest / base) % base; };
        Window const window{digit(3) + 1, digit(4) + 1, digit(6) - 1, digit(6) - 1, digit(5) + 1};
        Index const extent = digit(6) + 1;
        if (std::max(window.pad_lo, window.pad_hi) >= window.reach() || window.output_extent(extent) < 1) { continue; }
        PoolAttributes attributes;
        attributes.window[1] = window;
        std::array<ValueType, 1> const input{ValueType{DType::f32, {1, 1, extent, 1, 1}}};
        bool good = true;
        try {
            static_cast<void>(Pool(attributes).infer(input));
        } catch (Error const&) { good = false; }
        EXPECT_EQ(good, every_window_reads(window, extent)) << code;
        ++(good ? taken : refused);
    }
    EXPECT_GT(refused, 100);
    EXPECT_GT(taken, 1000);
}

TEST(Pool, LargeImagesAreJudgedAtOnce) {
    PoolAttributes attributes;
    attributes.window[2] = {3, 1, 1, 1, 1};
    std::array<ValueType, 1> const input{ValueType{DType::f32, {1, 1, 1, most_axis_pixels, 1}}};
    EXPECT_EQ(Pool(attributes).infer(input)[0].shape.w, most_axis_pixels);
    attributes.window[2].size = attributes.window[1].size = 1 << 20;
    EXPECT_THROW(static_cast<void>(Pool(attributes).infer(input)), Error);
}

}  // namespace

TEST(Pool, AgreesWithPyTorch) {
    for (WindowedCase const& given : windowed_cases("pool_")) {
        expect_golden(std::make_shared<Pool>(attributes_of(given)), given, false, false);
    }
}

TEST(Pool, IndexIsTheFirstMaximum) {
    auto const op = std::make_shared<Pool>(PoolAttributes{planar({2, 2}, {3, 3})});
    HostTensor const x{{1, 1, 2, 6, 1},
                       DType::f32,
                       {1, 5, 5, -1, -1, -2,  //
                        5, 0, 5, -3, -1, -1}};
    OperatorRun const run = run_operator(op, {x});
    EXPECT_EQ(run.outputs[0].values, (std::vector<double>{5, -1}));
    EXPECT_EQ(run.outputs[1].dtype, DType::u8);
    EXPECT_EQ(run.outputs[1].values, (std::vector<double>{1, 0}));
}

TEST(Pool, PaddingIsNeverTheMaximum) {
    auto const op = std::make_shared<Pool>(PoolAttributes{planar({3, 2, 1, 1}, {3, 2, 1, 1})});
    HostTensor const x = random_tensor({1, 1, 5, 5, 9}, DType::f32, 1, -2, -1);
    OperatorRun const run = run_operator(op, {x}, {random_tensor({1, 1, 3, 3, 9}, DType::f32, 2, 1, 2)});
    for (double const value : run.outputs[0].values) { EXPECT_LE(value, -1); }
    double sum_dx = 0, sum_dy = 0;
    for (double const value : run.gradients[0]->values) { sum_dx += value; }
    for (double const value : random_tensor({1, 1, 3, 3, 9}, DType::f32, 2, 1, 2).values) { sum_dy += value; }
    EXPECT_NEAR(sum_dx, sum_dy, 1e-5 * sum_dy);  // every gradient arrives at a pixel
}

TEST(Pool, NanWins) {
    for (DType const dtype : activation_types) {
        HostTensor x = random_tensor({1, 1, 4, 4, 35}, dtype, 1);
        x.values[35 * 5 + 33] = std::numeric_limits<double>::quiet_NaN();
        OperatorRun const run = run_operator(std::make_shared<Pool>(PoolAttributes{planar({2, 2}, {2, 2})}), {x});
        for (std::size_t i = 0; i < run.outputs[0].values.size(); ++i) {
            EXPECT_EQ(std::isnan(run.outputs[0].values[i]), i == 33) << i;
        }
    }
}

TEST(Pool, GradientsMatchFiniteDifferences) {
    Windows const windows{Window{2, 1, 1, 0}, Window{3, 2, 1, 1}, Window{2, 3, 0, 1}};
    HostTensor const x = random_tensor({2, 3, 7, 8, 11}, DType::f64, 1);
    for (PoolKind const kind : {PoolKind::max, PoolKind::average}) {
        for (bool const count_padding : {true, false}) {
            expect_gradients_match_finite_differences(
                std::make_shared<Pool>(PoolAttributes{windows, kind, count_padding}), {x});
        }
    }
}

/// Every other pixel, beginning with the second: a window of one pixel that begins inside the image.
TEST(Pool, NegativePaddingLeavesOutPixels) {
    PoolAttributes const odd{planar({1, 2, -1, 1}, {1, 2, -1, 1}), PoolKind::average, true};
    HostTensor const x{{1, 1, 2, 5, 1},
                       DType::f32,
                       {0, 1, 2, 3, 4,  //
                        5, 6, 7, 8, 9}};
    OperatorRun const run = run_operator(std::make_shared<Pool>(odd), {x}, {{{1, 1, 1, 3, 1}, DType::f32, {1, 2, 3}}});
    EXPECT_EQ(run.outputs[0].values, (std::vector<double>{6, 8, 0})) << "beyond the border lies 0";
    EXPECT_EQ(run.gradients[0]->values, (std::vector<double>{0, 0, 0, 0, 0, 0, 1, 0, 2, 0}));
}

TEST(Pool, NegativePaddingMatchesFiniteDifferencesAndTiles) {
    Windows const windows{Window{1, 2, -1, 1}, Window{3, 2, -2, 1}, Window{2, 3, -1, -2, 2}};
    Shape const x{2, 5, 11, 14, 9}, y = output_shape(windows, x);
    HostTensor const hx = random_tensor(x, DType::f32, 1), dy = random_tensor(y, DType::f32, 2);
    PoolAttributes const average{windows, PoolKind::average, true};
    expect_gradients_match_finite_differences(std::make_shared<Pool>(average),
                                              {random_tensor({1, 5, 8, 9, 3}, DType::f64, 1)});
    expect_tiles_match_whole(std::make_shared<Pool>(average), {hx}, {2, 3, 2});
    expect_tiles_match_whole(std::make_shared<PoolInputGradient>(average, x), {dy}, {2, 3, 4});
    Windows cropped = windows;
    cropped[0] = {2, 2, -1, 1};
    PoolAttributes const max{cropped, PoolKind::max};
    expect_gradients_match_finite_differences(std::make_shared<Pool>(max),
                                              {random_tensor({1, 5, 8, 9, 3}, DType::f64, 1)});
    HostTensor const dz = random_tensor(output_shape(cropped, x), DType::f32, 2);
    HostTensor const index = run_operator(std::make_shared<Pool>(max), {hx}).outputs[1];
    expect_tiles_match_whole(std::make_shared<Pool>(max), {hx}, {2, 3, 2});
    expect_tiles_match_whole(std::make_shared<PoolInputGradient>(max, x), {dz, index}, {2, 3, 4});
}

TEST(Pool, TilesMatchWhole) {
    Windows const windows{Window{2, 2, 1, 1}, Window{3, 2, 1, 1}, Window{4, 3, 2, 0}};
    Shape const x{2, 5, 11, 14, 9};
    Shape const y = output_shape(windows, x);
    HostTensor const hx = random_tensor(x, DType::f32, 1), dy = random_tensor(y, DType::f32, 2);
    PoolAttributes const max{windows, PoolKind::max}, average{windows, PoolKind::average, false};
    expect_tiles_match_whole(std::make_shared<Pool>(max), {hx}, {2, 3, 2});
    expect_tiles_match_whole(std::make_shared<Pool>(average), {hx}, {2, 3, 2});
    HostTensor const index = run_operator(std::make_shared<Pool>(max), {hx}).outputs[1];
    expect_tiles_match_whole(std::make_shared<PoolInputGradient>(max, x), {dy, index}, {2, 3, 4});
    expect_tiles_match_whole(std::make_shared<PoolInputGradient>(average, x), {dy}, {2, 3, 4});
}

TEST(Pool, IndexTypeGrowsWithTheWindow) {
    EXPECT_EQ(pool_index_type({planar({15}, {17})}), DType::u8);
    EXPECT_EQ(pool_index_type({planar({16}, {16})}), DType::i32);
}

TEST(Pool, RefusesPaddingThatHoldsAWindow) {
    Pool const op({planar({2, 2, 2, 0}, {2, 2})});
    EXPECT_THROW((void)op.infer(std::array<ValueType, 1>{ValueType{DType::f32, {1, 1, 8, 8, 1}}}), Error);
    Pool const large({planar({9}, {2})});
    EXPECT_THROW((void)large.infer(std::array<ValueType, 1>{ValueType{DType::f32, {1, 1, 8, 8, 1}}}), Error);
}

}  // namespace aureole::test
