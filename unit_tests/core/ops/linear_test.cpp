#include "core/ops/linear.hpp"

#include "core/error.hpp"
#include "unit_tests/core/ops/windowed_cases.hpp"

namespace aureole::test {

TEST(Linear, AgreesWithPyTorch) {
    for (WindowedCase const& given : windowed_cases("linear_")) {
        LinearAttributes const attributes{given.tensor("dy", DType::f64).shape.c, given.flag("bias")};
        expect_golden(std::make_shared<Linear>(attributes), given, true, attributes.bias);
    }
}

TEST(Linear, GradientsMatchFiniteDifferences) {
    expect_gradients_match_finite_differences(
        std::make_shared<Linear>(LinearAttributes{17, true}),
        {random_tensor({3, 1, 2, 5, 9}, DType::f64, 1), random_tensor({1, 1, 1, 9, 17}, DType::f64, 2),
         random_tensor({1, 1, 1, 1, 17}, DType::f64, 3)});
}

TEST(Linear, TilesMatchWhole) {
    auto const w = random_tensor({1, 1, 1, 9, 4}, DType::f32, 2);
    expect_tiles_match_whole(std::make_shared<Linear>(LinearAttributes{4, false}),
                             {random_tensor({2, 1, 5, 7, 9}, DType::f32, 1), w}, {1, 2, 3});
    expect_tiles_match_whole(std::make_shared<LinearInputGradient>(LinearAttributes{4, false}),
                             {random_tensor({2, 1, 5, 7, 4}, DType::f32, 1), w}, {1, 2, 3});
}

TEST(Linear, RefusesWeightsOfAnotherSize) {
    Linear const op({4, false});
    EXPECT_THROW((void)op.infer(std::array<ValueType, 2>{ValueType{DType::f32, {2, 1, 1, 1, 3}},
                                                         ValueType{DType::f32, {1, 1, 1, 2, 4}}}),
                 Error);
}

}  // namespace aureole::test
