#include "core/ops/conv.hpp"

#include <tuple>

#include "core/kernels/onednn/geometry.hpp"
#include "core/ops/transposed_conv.hpp"
#include "unit_tests/core/onednn/support.hpp"

namespace aureole::test {
namespace {

struct ConvCase {
    std::string name;
    Shape x;
    ConvAttributes attributes;
};

void PrintTo(ConvCase const& given, std::ostream* out) { *out << given.name; }

Window window(Index size, Index stride, Index lo, Index hi, Index dilation = 1) {
    return {size, stride, lo, hi, dilation};
}

Windows planar(Window const& h, Window const& w) { return {Window{}, h, w}; }
Windows square(Window const& both) { return planar(both, both); }

std::vector<ConvCase> const& cases() {
    static std::vector<ConvCase> const all{
        {"square3", {2, 1, 14, 17, 16}, {square(window(3, 1, 1, 1)), 32, 1, true}},
        {"odd_channels", {1, 1, 13, 11, 7}, {square(window(3, 1, 1, 1)), 5, 1, true}},
        {"image_stem", {1, 1, 33, 31, 3}, {square(window(7, 2, 3, 3)), 16, 1, false}},
        {"one_channel", {1, 1, 20, 21, 1}, {square(window(3, 1, 1, 1)), 8, 1, true}},
        {"pointwise", {2, 1, 9, 10, 24}, {square(window(1, 1, 0, 0)), 40, 1, true}},
        {"to_one_channel", {1, 1, 16, 16, 32}, {square(window(1, 1, 0, 0)), 1, 1, true}},
        {"pointwise_stride2", {2, 1, 9, 10, 16}, {square(window(1, 2, 0, 0)), 32, 1, false}},
        {"stride2", {1, 1, 16, 18, 16}, {square(window(3, 2, 1, 1)), 16, 1, false}},
        {"stride2_even_padding", {1, 1, 16, 18, 16}, {square(window(3, 2, 0, 1)), 16, 1, true}},
        {"stride3", {1, 1, 17, 23, 12}, {planar(window(5, 3, 2, 1), window(3, 3, 0, 2)), 9, 1, true}},
        {"stride_leaves_rest", {1, 1, 20, 19, 8}, {square(window(2, 4, 0, 0)), 8, 1, true}},
        {"dilation2", {1, 1, 15, 16, 16}, {square(window(3, 1, 2, 2, 2)), 16, 1, true}},
        {"dilation3_stride2", {1, 1, 21, 20, 16}, {planar(window(3, 2, 3, 2, 3), window(2, 1, 1, 0, 2)), 24, 1, true}},
        {"asymmetric", {2, 1, 10, 12, 16}, {planar(window(4, 1, 2, 1), window(3, 1, 0, 2)), 16, 1, true}},
        {"groups", {1, 1, 12, 12, 32}, {square(window(3, 1, 1, 1)), 64, 4, true}},
        {"odd_groups", {1, 1, 11, 9, 9}, {square(window(3, 2, 1, 1)), 6, 3, true}},
        {"depthwise", {1, 1, 12, 13, 32}, {square(window(3, 1, 1, 1)), 32, 32, true}},
        {"volume", {1, 7, 9, 10, 8}, {{window(3, 1, 1, 1), window(3, 1, 1, 1), window(3, 1, 1, 1)}, 16, 1, true}},
        {"volume_mixed", {2, 9, 8, 7, 6}, {{window(3, 3, 1, 0), window(2, 1, 0, 1), window(3, 2, 1, 1)}, 10, 2, true}},
        {"slices", {2, 5, 9, 8, 16}, {square(window(3, 1, 1, 1)), 16, 1, true}},
        {"slices_stride_d", {1, 5, 9, 8, 16}, {{window(1, 2, 0, 0), window(3, 1, 1, 1), window(3, 1, 1, 1)}, 16, 1}},
        {"row", {1, 1, 1, 40, 16}, {planar(Window{}, window(9, 2, 4, 4)), 16, 1, true}},
    };
    return all;
}

class OnednnConv : public testing::TestWithParam<std::tuple<ConvCase, DType>> {
  protected:
    [[nodiscard]] ConvCase const& given() const { return std::get<0>(GetParam()); }
    [[nodiscard]] DType dtype() const { return std::get<1>(GetParam()); }
    void SetUp() override {
        if (dtype() == DType::bf16 && !onednn::has_bf16()) { GTEST_SKIP() << "this processor has no bf16"; }
    }
    [[nodiscard]] std::vector<HostTensor> inputs(ConvAttributes const& attributes) const {
        std::vector<HostTensor> all{random_tensor(given().x, dtype(), 1)};
        Shape const w = conv_weight_shape(attributes, given().x.c);
        Shape y = output_shape(attributes.window, given().x);
        y.c = attributes.filters;
        if (attributes.addend) { all.push_back(random_tensor(y, dtype(), 2)); }
        all.push_back(random_tensor(w, DType::f32, 3));
        if (attributes.bias) { all.push_back(random_tensor({1, 1, 1, 1, attributes.filters}, DType::f32, 4)); }
        return all;
    }
};

TEST_P(OnednnConv, matches_native) {
    auto const op = std::make_shared<Conv>(given().attributes);
    OperatorRun const run = expect_matches_native(op, inputs(given().attributes), dtype());
    for (std::string const kind : {"conv: ", "conv_input_gradient: ", "conv_weight_gradient: "}) {
        EXPECT_TRUE(ran(run, kind + "onednn") || ran(run, kind + "onednn gemm")) << kind;
    }
}

TEST_P(OnednnConv, adds_the_addend) {
    ConvAttributes attributes = given().attributes;
    attributes.addend = true;
    expect_matches_native(std::make_shared<Conv>(attributes), inputs(attributes), dtype());
}

TEST_P(OnednnConv, tiles_match_the_whole) {
    double const tolerance = dtype() == DType::bf16 ? 2e-2 : 1e-5;
    auto const op = std::make_shared<Conv>(given().attributes);
    auto const values = inputs(given().attributes);
    expect_tiles_match_whole(op, values, {1, 3, 1}, tolerance, automatic());
    expect_tiles_match_whole(op, values, {1, 2, 2}, tolerance, automatic());
    expect_tiles_match_whole(op, values, {2, 1, 3}, tolerance, automatic());
    ConvAttributes plain = given().attributes;
    Shape y = output_shape(plain.window, given().x);
    y.c = plain.filters;
    std::vector<HostTensor> const backward{random_tensor(y, dtype(), 5), values[1]};
    auto const gradient = std::make_shared<ConvInputGradient>(plain, given().x);
    expect_tiles_match_whole(gradient, backward, {1, 3, 1}, tolerance, automatic());
    expect_tiles_match_whole(gradient, backward, {1, 2, 2}, tolerance, automatic());
    expect_tiles_match_whole(gradient, backward, {2, 1, 3}, tolerance, automatic());
}

INSTANTIATE_TEST_SUITE_P(shapes, OnednnConv,
                         testing::Combine(testing::ValuesIn(cases()), testing::Values(DType::f32, DType::bf16)),
                         [](auto const& given) {
                             return std::get<0>(given.param).name + "_" +
                                    std::string(name_of(std::get<1>(given.param)));
                         });

struct TransposedCase {
    std::string name;
    Shape x;
    TransposedConvAttributes attributes;
};

void PrintTo(TransposedCase const& given, std::ostream* out) { *out << given.name; }

std::vector<TransposedCase> const& transposed_cases() {
    static std::vector<TransposedCase> const all{
        {"double", {1, 1, 8, 9, 32}, {square(window(2, 2, 0, 0)), 16, 1, true}},
        {"double_plain", {2, 1, 8, 9, 32}, {square(window(2, 2, 0, 0)), 16, 1, false}},
        {"overlapping", {1, 1, 7, 6, 16}, {square(window(3, 2, 1, 1)), 8, 1, true, {0, 1, 1}}},
        {"odd", {1, 1, 7, 6, 5}, {planar(window(4, 3, 1, 0), window(3, 1, 0, 2)), 7, 1, true}},
        {"groups", {1, 1, 7, 6, 12}, {square(window(3, 2, 1, 1)), 8, 4, true}},
        {"volume", {1, 4, 5, 6, 16}, {{window(2, 2, 0, 0), window(2, 2, 0, 0), window(2, 2, 0, 0)}, 8, 1, true}},
    };
    return all;
}

class OnednnTransposedConv : public testing::TestWithParam<std::tuple<TransposedCase, DType>> {};

TEST_P(OnednnTransposedConv, matches_native) {
    auto const& [given, dtype] = GetParam();
    if (dtype == DType::bf16 && !onednn::has_bf16()) { GTEST_SKIP() << "this processor has no bf16"; }
    std::vector<HostTensor> inputs{
        random_tensor(given.x, dtype, 1),
        random_tensor(transposed_conv_weight_shape(given.attributes, given.x.c), DType::f32, 2)};
    if (given.attributes.bias) {
        inputs.push_back(random_tensor({1, 1, 1, 1, given.attributes.filters}, DType::f32, 3));
    }
    auto const op = std::make_shared<TransposedConv>(given.attributes);
    OperatorRun const run = expect_matches_native(op, inputs, dtype);
    EXPECT_TRUE(ran(run, "transposed_conv: onednn"));
    double const tolerance = dtype == DType::bf16 ? 2e-2 : 1e-5;
    expect_tiles_match_whole(op, inputs, {1, 3, 1}, tolerance, automatic());
    expect_tiles_match_whole(op, inputs, {1, 2, 2}, tolerance, automatic());
}

INSTANTIATE_TEST_SUITE_P(shapes, OnednnTransposedConv,
                         testing::Combine(testing::ValuesIn(transposed_cases()),
                                          testing::Values(DType::f32, DType::bf16)),
                         [](auto const& given) {
                             return std::get<0>(given.param).name + "_" +
                                    std::string(name_of(std::get<1>(given.param)));
                         });

TEST(OnednnChoice, refuses_f64) {
    auto const op = std::make_shared<Conv>(ConvAttributes{square(window(3, 1, 1, 1)), 4, 1, false});
    std::vector<HostTensor> const inputs{random_tensor({1, 1, 6, 6, 4}, DType::f64, 1),
                                         random_tensor({1, 3, 3, 4, 4}, DType::f64, 2)};
    EXPECT_TRUE(ran(run_operator(op, inputs, {}, automatic()), "conv: native"));
}

}  // namespace
}  // namespace aureole::test
