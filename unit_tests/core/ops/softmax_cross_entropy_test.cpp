#include "core/ops/softmax_cross_entropy.hpp"

#include <cmath>

#include "core/error.hpp"
#include "unit_tests/core/ops/pointwise_cases.hpp"

namespace aureole::test {

namespace {

OperatorPtr make(SoftmaxCrossEntropyAttributes const& attributes) {
    return std::make_shared<SoftmaxCrossEntropy>(attributes);
}

HostTensor random_labels(Shape shape, Index classes) {
    shape.c = 1;
    return random_tensor(shape, DType::i32, 5, 0, static_cast<double>(classes));
}

HarnessOptions logits_only() {
    HarnessOptions options;
    options.wanted = {true, false};
    return options;
}

}  // namespace

TEST(SoftmaxCrossEntropy, AgreesWithPyTorch) {
    for (PointwiseCase const& given : pointwise_cases("softmax_cross_entropy_")) {
        SoftmaxCrossEntropyAttributes attributes;
        attributes.loss.weight = given.number("weight");
        attributes.label_smoothing = given.number("label_smoothing");
        RunContext context;
        if (given.flag("ignores")) {
            attributes.loss.ignore_label = static_cast<Index>(given.number("ignore_index"));
            context.counted_labels = 0;
            for (double const label : given.tensor("labels", DType::i32).values) {
                context.counted_labels += label == given.number("ignore_index") ? 0 : 1;
            }
        }
        expect_golden_loss(make(attributes), given, DType::i32, context);
    }
}

TEST(SoftmaxCrossEntropy, GradientsMatchFiniteDifferences) {
    Shape const shape{2, 1, 3, 5, 4};
    std::vector<HostTensor> const inputs{random_tensor(shape, DType::f64, 1), random_labels(shape, 4)};
    expect_gradients_match_finite_differences(make({{0.7, 1, {}}, 0.1}), inputs, logits_only(), 1e-6, true);
    expect_gradients_match_finite_differences(make({{1, 1, 2}, 0}), inputs, logits_only(), 1e-6, true);
}

TEST(SoftmaxCrossEntropy, GradientScaleLeavesTheLoss) {
    Shape const shape{2, 1, 3, 5, 4};
    std::vector<HostTensor> const inputs{random_tensor(shape, DType::f64, 1), random_labels(shape, 4)};
    OperatorRun const plain = run_loss(make({}), inputs, logits_only());
    OperatorRun quarter = run_loss(make({{1, 0.25, {}}, 0}), inputs, logits_only());
    EXPECT_EQ(plain.outputs[0].values, quarter.outputs[0].values);
    for (double& value : quarter.gradients[0]->values) { value *= 4; }
    expect_near(*quarter.gradients[0], *plain.gradients[0], 1e-15);
}

TEST(SoftmaxCrossEntropy, IsStableForLargeLogits) {
    HostTensor const logits{{1, 1, 1, 1, 3}, DType::f32, {1e4, -1e4, 0}};
    for (auto const& [label, loss] : {std::pair{0.0, 0.0}, std::pair{1.0, 2e4}, std::pair{2.0, 1e4}}) {
        OperatorRun const run = run_loss(make({}), {logits, {{}, DType::i32, {label}}}, logits_only());
        EXPECT_NEAR(run.outputs[0].values[0], loss, 1e-6 * loss);
    }
}

TEST(SoftmaxCrossEntropy, AllIgnoredGivesZero) {
    Shape const shape{2, 1, 2, 2, 3};
    HostTensor const labels{{2, 1, 2, 2, 1}, DType::i32, std::vector<double>(8, 9)};
    HarnessOptions options = logits_only();
    options.context.counted_labels = 0;
    OperatorRun const run = run_loss(make({{1, 1, 9}, 0}), {random_tensor(shape, DType::f32, 1), labels}, options);
    EXPECT_EQ(run.outputs[0].values[0], 0);
    for (double const value : run.gradients[0]->values) { EXPECT_EQ(value, 0); }
}

TEST(SoftmaxCrossEntropy, PartsOfABatchAddUpToTheMeanOverAllThatCounts) {
    HostTensor const logits = random_tensor({4, 1, 3, 3, 3}, DType::f64, 1);
    HostTensor labels = random_labels(logits.shape, 3);
    for (std::size_t i = 0; i < 17; ++i) { labels.values[i] = -1; }
    HarnessOptions options = logits_only();
    options.context.counted_labels = 19;
    OperatorRun const whole = run_loss(make({{1, 1, -1}, 0}), {logits, labels}, options);
    options.context.counted_labels = 19.0 / 2;
    double loss = 0;
    HostTensor gradient = *whole.gradients[0];
    for (Index part = 0; part < 2; ++part) {
        auto const half = [part](HostTensor const& all) {
            HostTensor some = all;
            some.shape.n = 2;
            auto const size = static_cast<std::ptrdiff_t>(all.values.size() / 2);
            some.values.assign(all.values.begin() + part * size, all.values.begin() + (part + 1) * size);
            return some;
        };
        OperatorRun const run = run_loss(make({{1, 0.5, -1}, 0}), {half(logits), half(labels)}, options);
        loss += run.outputs[0].values[0] / 2;
        auto const& of_part = run.gradients[0]->values;
        std::copy(of_part.begin(), of_part.end(), gradient.values.begin() + part * 54);
    }
    EXPECT_NEAR(loss, whole.outputs[0].values[0], 1e-14);
    expect_near(gradient, *whole.gradients[0], 1e-14);
}

TEST(SoftmaxCrossEntropy, LabelOutsideTheClassesIsNotANumber) {
    for (double const label : {-1.0, 3.0}) {
        OperatorRun const run = run_loss(
            make({}), {random_tensor({1, 1, 1, 1, 3}, DType::f32, 1), {{}, DType::i32, {label}}}, logits_only());
        EXPECT_TRUE(std::isnan(run.outputs[0].values[0]));
    }
}

/// The last batch of an evaluation: further samples are padding.
TEST(SoftmaxCrossEntropy, CountsValidSamplesOnly) {
    Shape const shape{5, 1, 3, 3, 4}, part{3, 1, 3, 3, 4};
    HostTensor const logits = random_tensor(shape, DType::f64, 1), labels = random_labels(shape, 4);
    HostTensor few = logits, few_labels = labels;
    few.shape.n = few_labels.shape.n = 3;
    few.values.resize(static_cast<std::size_t>(part.volume()));
    few_labels.values.resize(static_cast<std::size_t>(part.pixels()));
    HarnessOptions options = logits_only();
    options.context.valid_samples = 3;
    OperatorRun const padded = run_loss(make({}), {logits, labels}, options);
    OperatorRun const alone = run_loss(make({}), {few, few_labels}, logits_only());
    EXPECT_EQ(padded.outputs[0].values, alone.outputs[0].values);
    std::vector<double> const& all = padded.gradients[0]->values;
    auto const end = all.begin() + static_cast<std::ptrdiff_t>(few.values.size());
    EXPECT_EQ(std::vector<double>(all.begin(), end), alone.gradients[0]->values);
    for (auto at = end; at != all.end(); ++at) { EXPECT_EQ(*at, 0); }
}

TEST(SoftmaxCrossEntropy, RefusesLabelsOfAnotherSize) {
    SoftmaxCrossEntropy const op({});
    ValueType const logits{DType::f32, {2, 1, 4, 4, 3}};
    EXPECT_THROW((void)op.infer(std::array{logits, ValueType{DType::i32, {2, 1, 1, 1, 1}}}), Error);
    EXPECT_THROW((void)op.infer(std::array{logits, ValueType{DType::f32, {2, 1, 4, 4, 1}}}), Error);
}

}  // namespace aureole::test
