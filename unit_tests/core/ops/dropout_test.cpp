#include "core/ops/dropout.hpp"

#include <cmath>

#include "core/error.hpp"
#include "unit_tests/core/ops/pointwise_cases.hpp"

namespace aureole::test {

namespace {

HostTensor ones(Shape const& shape, DType dtype = DType::f32) {
    return {shape, dtype, std::vector<double>(static_cast<std::size_t>(shape.volume()), 1)};
}

HarnessOptions at(std::uint64_t seed, std::uint64_t step, Index first_sample = 0) {
    HarnessOptions options;
    options.context.seed = seed;
    options.context.step = step;
    options.context.first_sample = first_sample;
    return options;
}

std::vector<double> mask(Shape const& shape, DropoutAttributes attributes, HarnessOptions const& options) {
    return run_operator(std::make_shared<Dropout>(attributes), {ones(shape)}, {}, options).outputs[0].values;
}

}  // namespace

TEST(Dropout, DropsAtItsRateAndScalesTheRest) {
    for (double const rate : {0.0, 0.25, 0.9}) {
        std::vector<double> const values = mask({4, 1, 50, 50, 10}, {rate, 7}, at(1, 2));
        std::size_t kept = 0;
        for (double const value : values) {
            if (value == 0) { continue; }
            EXPECT_FLOAT_EQ(static_cast<float>(value), static_cast<float>(1 / (1 - rate)));
            ++kept;
        }
        auto const count = static_cast<double>(values.size());
        // five standard deviations of a binomial count
        EXPECT_NEAR(static_cast<double>(kept), count * (1 - rate), 5 * std::sqrt(count * rate * (1 - rate)));
    }
}

TEST(Dropout, GradientUsesTheSameMask) {
    for (DType const dtype : floating_types) {
        Shape const shape{2, 1, 5, 7, 3};
        OperatorRun const run = run_operator(std::make_shared<Dropout>(DropoutAttributes{0.5, 3}), {ones(shape, dtype)},
                                             {ones(shape, dtype)}, at(4, 5));
        EXPECT_EQ(run.outputs[0].values, run.gradients[0]->values);
    }
}

TEST(Dropout, DependsOnSeedStepStreamAndSample) {
    Shape const shape{4, 1, 9, 9, 5};
    auto const values = mask(shape, {0.5, 3}, at(1, 2));
    EXPECT_EQ(values, mask(shape, {0.5, 3}, at(1, 2)));
    EXPECT_NE(values, mask(shape, {0.5, 4}, at(1, 2)));
    EXPECT_NE(values, mask(shape, {0.5, 3}, at(2, 2)));
    EXPECT_NE(values, mask(shape, {0.5, 3}, at(1, 3)));
    // the second half of a batch is the same whether it comes with the first or as a micro-batch of its own
    auto const half = static_cast<std::ptrdiff_t>(values.size() / 2);
    EXPECT_EQ(std::vector<double>(values.begin() + half, values.end()), mask({2, 1, 9, 9, 5}, {0.5, 3}, at(1, 2, 2)));
}

TEST(Dropout, TilesMatchWhole) {
    expect_tiles_match_whole(std::make_shared<Dropout>(DropoutAttributes{0.5, 3}),
                             {random_tensor({2, 3, 5, 7, 3}, DType::f32, 1)}, {2, 2, 3}, 0, at(1, 2));
}

TEST(Dropout, RefusesToDropEverything) {
    auto const x = std::array{ValueType{DType::f32, {1, 1, 2, 2, 3}}};
    EXPECT_THROW((void)Dropout({1.0, 0}).infer(x), Error);
    EXPECT_THROW((void)Dropout({-0.1, 0}).infer(x), Error);
}

}  // namespace aureole::test
