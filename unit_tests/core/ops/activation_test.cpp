#include "core/ops/activation.hpp"

#include <cmath>
#include <limits>

#include "unit_tests/core/ops/pointwise_cases.hpp"

namespace aureole::test {

TEST(Activation, AgreesWithPyTorch) {
    for (PointwiseCase const& given : pointwise_cases("activation_")) {
        auto const op = std::make_shared<Activation>(activation_of(given, "kind"));
        for (DType const dtype : floating_types) {
            SCOPED_TRACE(given.name + " in " + std::string(name_of(dtype)));
            OperatorRun const run = run_operator(op, {given.tensor("x", dtype)}, {given.tensor("dy", dtype)});
            expect_near(run.outputs[0], given.tensor("y", DType::f64), pointwise_tolerance(dtype));
            ASSERT_TRUE(run.gradients[0].has_value());
            expect_near(*run.gradients[0], given.tensor("dx", DType::f64), pointwise_tolerance(dtype));
        }
    }
}

/// The polynomials of f32 over the whole range, against the functions of the standard library in double.
TEST(Activation, IsAccurateInSinglePrecision) {
    HostTensor x{{1, 1, 1, 1, 4001}, DType::f32, {}};
    for (int i = -2000; i <= 2000; ++i) { x.values.push_back(i * 0.05 * (1 + 1e-3 * i)); }
    x = as_type(x, DType::f32);
    auto const sigmoid = run_operator(std::make_shared<Activation>(ActivationAttributes{ActivationKind::sigmoid}), {x});
    auto const gelu = run_operator(std::make_shared<Activation>(ActivationAttributes{ActivationKind::gelu_erf}), {x});
    for (std::size_t i = 0; i < x.values.size(); ++i) {
        double const z = x.values[i];
        double const s = 1 / (1 + std::exp(-z));
        EXPECT_NEAR(sigmoid.outputs[0].values[i], s, std::max(1e-6 * s, 1e-37)) << z;
        double const g = 0.5 * z * (1 + std::erf(z / std::sqrt(2.0)));
        EXPECT_NEAR(gelu.outputs[0].values[i], g, 2e-7 * std::max(std::abs(z), 1.0)) << z;
    }
}

TEST(Activation, KeepsInfinitiesAndNotANumber) {
    double const infinity = std::numeric_limits<double>::infinity();
    for (DType const dtype : floating_types) {
        HostTensor const x{{1, 1, 1, 1, 3}, dtype, {infinity, -infinity, std::nan("")}};
        auto const relu = run_operator(std::make_shared<Activation>(ActivationAttributes{ActivationKind::relu}), {x});
        EXPECT_EQ(relu.outputs[0].values[0], infinity);
        EXPECT_EQ(relu.outputs[0].values[1], 0);
        EXPECT_TRUE(std::isnan(relu.outputs[0].values[2]));
        auto const sigmoid =
            run_operator(std::make_shared<Activation>(ActivationAttributes{ActivationKind::sigmoid}), {x});
        EXPECT_EQ(sigmoid.outputs[0].values[0], 1);
        EXPECT_NEAR(sigmoid.outputs[0].values[1], 0, 1e-37);
        EXPECT_TRUE(std::isnan(sigmoid.outputs[0].values[2]));
    }
}

TEST(Activation, RoundsToNearestInEveryColumn) {
    // lengths around the vector width: the last elements take another way than the first
    for (Index const count : {1, 15, 16, 17, 31, 33, 4097}) {
        HostTensor const x = random_tensor({1, 1, 1, 1, count}, DType::bf16, 3, 0, 100);
        auto const run = run_operator(std::make_shared<Activation>(ActivationAttributes{ActivationKind::relu}), {x});
        EXPECT_EQ(run.outputs[0].values, x.values);
        auto const leaky =
            run_operator(std::make_shared<Activation>(ActivationAttributes{ActivationKind::leaky_relu, 0.3}),
                         {HostTensor{x.shape, DType::bf16, std::vector<double>(x.values.size(), -1.0)}});
        for (double const value : leaky.outputs[0].values) { EXPECT_EQ(value, -0.30078125); }
    }
}

TEST(Activation, TilesMatchWhole) {
    expect_tiles_match_whole(std::make_shared<Activation>(ActivationAttributes{ActivationKind::gelu_tanh}),
                             {random_tensor({2, 1, 5, 7, 3}, DType::f32, 1)}, {1, 2, 3});
}

}  // namespace aureole::test
