#include "core/ops/transposed_conv.hpp"

#include "core/error.hpp"
#include "unit_tests/core/ops/windowed_cases.hpp"

namespace aureole::test {

namespace {

TransposedConvAttributes attributes_of(WindowedCase const& given) {
    return {.window = given.windows(),
            .filters = given.number("filters"),
            .groups = given.number("groups"),
            .bias = given.flag("bias"),
            .output_padding = given.triple("output_padding")};
}

}  // namespace

TEST(TransposedConv, AgreesWithPyTorch) {
    for (WindowedCase const& given : windowed_cases("transposed_")) {
        TransposedConvAttributes const attributes = attributes_of(given);
        expect_golden(std::make_shared<TransposedConv>(attributes), given, true, attributes.bias);
    }
}

TEST(TransposedConv, GradientsMatchFiniteDifferences) {
    TransposedConvAttributes const attributes{
        .window = {Window{}, Window{3, 2, 1, 0, 1}, Window{2, 3, 0, 1, 2}}, .filters = 4, .groups = 2, .bias = true};
    Shape const x{2, 1, 4, 5, 6};
    expect_gradients_match_finite_differences(
        std::make_shared<TransposedConv>(attributes),
        {random_tensor(x, DType::f64, 1), random_tensor(transposed_conv_weight_shape(attributes, 6), DType::f64, 2),
         random_tensor({1, 1, 1, 1, 4}, DType::f64, 3)});
}

TEST(TransposedConv, TilesMatchWhole) {
    TransposedConvAttributes const attributes{.window = {Window{2, 2}, Window{3, 2, 1, 1, 1}, Window{2, 3, 0, 1, 2}},
                                              .filters = 3,
                                              .output_padding = {0, 1, 2}};
    Shape const x{1, 2, 6, 7, 4};
    expect_tiles_match_whole(
        std::make_shared<TransposedConv>(attributes),
        {random_tensor(x, DType::f32, 1), random_tensor(transposed_conv_weight_shape(attributes, 4), DType::f32, 2)},
        {2, 3, 4});
}

TEST(TransposedConv, RefusesOutputPaddingBeyondTheStride) {
    TransposedConvAttributes attributes{.window = {Window{}, Window{2, 2}, Window{2, 2}}, .filters = 3};
    auto const infer = [&] {
        return TransposedConv(attributes)
            .infer(std::array<ValueType, 2>{ValueType{DType::f32, {1, 1, 4, 4, 2}},
                                            ValueType{DType::f32, transposed_conv_weight_shape(attributes, 2)}});
    };
    EXPECT_EQ(infer()[0].shape, (Shape{1, 1, 8, 8, 3}));
    attributes.output_padding = {0, 2, 0};
    EXPECT_THROW(infer(), Error);
    attributes.output_padding = {0, 1, 0};
    EXPECT_EQ(infer()[0].shape, (Shape{1, 1, 9, 8, 3}));
}

}  // namespace aureole::test
