#include "core/ops/global_pool.hpp"

#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "unit_tests/core/ops/windowed_cases.hpp"

namespace aureole::test {

TEST(GlobalPool, AgreesWithPyTorch) {
    for (WindowedCase const& given : windowed_cases("global_")) {
        PoolKind const kind = given.flag("max") ? PoolKind::max : PoolKind::average;
        expect_golden(std::make_shared<GlobalPool>(kind), given, false, false);
    }
}

TEST(GlobalPool, MaximumOverManyChunks) {
    HostTensor x = random_tensor({2, 3, 40, 50, 3}, DType::f32, 1);
    Index const pixels = 3 * 40 * 50;
    x.values[static_cast<std::size_t>((pixels + 4321) * 3 + 1)] = 7;
    x.values[static_cast<std::size_t>((pixels + 5000) * 3 + 1)] = 7;  // equal, but later
    x.values[static_cast<std::size_t>(77 * 3)] = std::numeric_limits<double>::quiet_NaN();
    OperatorRun const run = run_operator(std::make_shared<GlobalPool>(PoolKind::max), {x});
    EXPECT_EQ(run.outputs[0].values[4], 7);
    EXPECT_EQ(run.outputs[1].values[4], 4321);
    EXPECT_TRUE(std::isnan(run.outputs[0].values[0]));
    EXPECT_EQ(run.outputs[1].values[0], 77);
}

TEST(GlobalPool, MeanOfManyPixelsIsAccurate) {
    // a plain f32 sum of 300 thousand values near 1000 would be off by far more than the tolerance
    HostTensor const x = random_tensor({1, 1, 600, 500, 2}, DType::f32, 1, 999, 1001);
    OperatorRun const run = run_operator(std::make_shared<GlobalPool>(PoolKind::average), {x});
    for (std::size_t c = 0; c < 2; ++c) {
        double sum = 0;
        for (std::size_t i = c; i < x.values.size(); i += 2) { sum += x.values[i]; }
        EXPECT_NEAR(run.outputs[0].values[c], sum / 300000, 1000 * 6e-8);
    }
}

TEST(GlobalPool, GradientsMatchFiniteDifferences) {
    HostTensor const x = random_tensor({3, 2, 5, 7, 4}, DType::f64, 1);
    for (PoolKind const kind : {PoolKind::max, PoolKind::average}) {
        expect_gradients_match_finite_differences(std::make_shared<GlobalPool>(kind), {x});
    }
}

TEST(GlobalPool, GradientTilesMatchWhole) {
    Shape const x{2, 3, 8, 9, 5};
    HostTensor const dy = random_tensor({2, 1, 1, 1, 5}, DType::f32, 2);
    HostTensor const index =
        run_operator(std::make_shared<GlobalPool>(PoolKind::max), {random_tensor(x, DType::f32, 1)}).outputs[1];
    expect_tiles_match_whole(std::make_shared<GlobalPoolInputGradient>(PoolKind::max, x), {dy, index}, {2, 3, 2});
    expect_tiles_match_whole(std::make_shared<GlobalPoolInputGradient>(PoolKind::average, x), {dy}, {2, 3, 2});
}

TEST(GlobalPool, RefusesAnImageBeyondItsIndex) {
    GlobalPool const op(PoolKind::max);
    EXPECT_THROW((void)op.infer(std::array<ValueType, 1>{ValueType{DType::f32, {1, 1, 65536, 65536, 1}}}), Error);
    GlobalPool const average(PoolKind::average);
    EXPECT_EQ(average.infer(std::array<ValueType, 1>{ValueType{DType::f32, {1, 1, 65536, 65536, 1}}})[0].shape,
              (Shape{1, 1, 1, 1, 1}));
}

}  // namespace aureole::test
