#include "core/ops/upsample.hpp"

#include "core/error.hpp"
#include "unit_tests/core/ops/windowed_cases.hpp"

namespace aureole::test {

TEST(Upsample, AgreesWithPyTorch) {
    for (WindowedCase const& given : windowed_cases("upsample_")) {
        UpsampleAttributes const attributes{given.triple("scale"),
                                            given.flag("linear") ? UpsampleMode::linear : UpsampleMode::nearest};
        expect_golden(std::make_shared<Upsample>(attributes), given, false, false);
    }
}

TEST(Upsample, GradientsMatchFiniteDifferences) {
    for (UpsampleMode const mode : {UpsampleMode::nearest, UpsampleMode::linear}) {
        expect_gradients_match_finite_differences(std::make_shared<Upsample>(UpsampleAttributes{{2, 3, 4}, mode}),
                                                  {random_tensor({2, 2, 3, 4, 9}, DType::f64, 1)});
    }
}

TEST(Upsample, TilesMatchWhole) {
    Shape const x{2, 3, 5, 6, 5};
    for (UpsampleMode const mode : {UpsampleMode::nearest, UpsampleMode::linear}) {
        for (std::array<Index, 3> const scale : {std::array<Index, 3>{1, 2, 3}, std::array<Index, 3>{3, 4, 2}}) {
            UpsampleAttributes const attributes{scale, mode};
            Upsample const op(attributes);
            expect_tiles_match_whole(std::make_shared<Upsample>(attributes), {random_tensor(x, DType::f32, 1)},
                                     {2, 3, 7});
            Shape const y = op.infer(std::array<ValueType, 1>{ValueType{DType::f32, x}})[0].shape;
            expect_tiles_match_whole(std::make_shared<UpsampleInputGradient>(attributes),
                                     {random_tensor(y, DType::f32, 2)}, {3, 2, 4});
        }
    }
}

TEST(Upsample, ConstantStaysConstant) {
    HostTensor const x{{1, 2, 3, 4, 1}, DType::f64, std::vector<double>(24, 2.5)};
    OperatorRun const run =
        run_operator(std::make_shared<Upsample>(UpsampleAttributes{{2, 3, 5}, UpsampleMode::linear}), {x});
    ASSERT_EQ(run.outputs[0].values.size(), 24U * 30U);
    for (double const value : run.outputs[0].values) { EXPECT_NEAR(value, 2.5, 1e-15); }
}

TEST(Upsample, RefusesScaleZero) {
    Upsample const op(UpsampleAttributes{{1, 0, 2}});
    EXPECT_THROW((void)op.infer(std::array<ValueType, 1>{ValueType{DType::f32, {1, 1, 2, 2, 1}}}), Error);
}

}  // namespace aureole::test
