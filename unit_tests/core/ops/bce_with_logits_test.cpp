#include "core/ops/bce_with_logits.hpp"

#include "core/error.hpp"
#include "unit_tests/core/ops/pointwise_cases.hpp"

namespace aureole::test {

namespace {

OperatorPtr make(BceWithLogitsAttributes const& attributes) { return std::make_shared<BceWithLogits>(attributes); }

HarnessOptions logits_only() {
    HarnessOptions options;
    options.wanted = {true, false};
    return options;
}

}  // namespace

TEST(BceWithLogits, AgreesWithPyTorch) {
    for (PointwiseCase const& given : pointwise_cases("bce_with_logits_")) {
        OperatorPtr const op = make({{given.number("weight"), 1, {}}, given.number("positive_weight")});
        expect_golden_loss(op, given, DType::f32);
        if (!given.flag("soft")) { expect_golden_loss(op, given, DType::i32); }
    }
}

TEST(BceWithLogits, GradientsMatchFiniteDifferences) {
    Shape const shape{2, 2, 3, 5, 2};
    expect_gradients_match_finite_differences(
        make({{0.7, 1, {}}, 3}), {random_tensor(shape, DType::f64, 1), random_tensor(shape, DType::f64, 2, 0, 1)},
        logits_only(), 1e-6, true);
}

TEST(BceWithLogits, IsStableForLargeLogits) {
    HostTensor const logits{{1, 1, 1, 4, 1}, DType::f32, {1e4, -1e4, 1e4, -1e4}};
    HostTensor const targets{logits.shape, DType::i32, {1, 0, 0, 1}};
    OperatorRun const run = run_loss(make({}), {logits, targets}, logits_only());
    EXPECT_NEAR(run.outputs[0].values[0], 0.5e4, 1e-2);
    std::vector<double> const want{0, 0, 0.25, -0.25};
    for (std::size_t i = 0; i < 4; ++i) { EXPECT_NEAR(run.gradients[0]->values[i], want[i], 1e-30); }
}

TEST(BceWithLogits, CountsValidSamplesOnly) {
    Shape const shape{3, 1, 2, 2, 1};
    HostTensor const logits = random_tensor(shape, DType::f64, 1);
    HostTensor const targets = random_tensor(shape, DType::i32, 2, 0, 2);
    HostTensor few = logits, few_targets = targets;
    few.shape.n = few_targets.shape.n = 1;
    few.values.resize(4);
    few_targets.values.resize(4);
    HarnessOptions options = logits_only();
    options.context.valid_samples = 1;
    OperatorRun const padded = run_loss(make({}), {logits, targets}, options);
    OperatorRun const alone = run_loss(make({}), {few, few_targets}, logits_only());
    EXPECT_EQ(padded.outputs[0].values, alone.outputs[0].values);
    for (std::size_t i = 0; i < logits.values.size(); ++i) {
        EXPECT_EQ(padded.gradients[0]->values[i], i < 4 ? alone.gradients[0]->values[i] : 0);
    }
}

TEST(BceWithLogits, TilesOfTheGradientMatchWhole) {
    Shape const shape{2, 1, 5, 7, 2};
    expect_tiles_match_whole(std::make_shared<BceWithLogitsInputGradient>(BceWithLogitsAttributes{}),
                             {random_tensor(shape, DType::f32, 1), random_tensor(shape, DType::f32, 2, 0, 1)},
                             {1, 3, 2});
}

TEST(BceWithLogits, LeavesOutLabelsThatDoNotCount) {
    HostTensor const logits{{1, 1, 1, 4, 1}, DType::f64, {0.3, -1, 2, 0.7}};
    HarnessOptions options;
    options.wanted = {true, false};
    options.context.counted_labels = 2;
    OperatorRun const want =
        run_loss(make({}), {{{1, 1, 1, 2, 1}, DType::f64, {0.3, 2}}, {{1, 1, 1, 2, 1}, DType::f32, {1, 0}}}, options);
    for (DType const type : {DType::f32, DType::f64, DType::i32}) {
        HostTensor const labels{logits.shape, type, {1, 255, 0, 255}};
        OperatorRun const run = run_loss(make({{1, 1, 255}, 1}), {logits, labels}, options);
        EXPECT_EQ(run.outputs[0].values, want.outputs[0].values);
        EXPECT_EQ(run.gradients[0]->values,
                  (std::vector<double>{want.gradients[0]->values[0], 0, want.gradients[0]->values[1], 0}));
    }
}

TEST(BceWithLogits, RefusesTargetsOfAnotherSize) {
    BceWithLogits const op({});
    ValueType const logits{DType::f32, {2, 1, 4, 4, 1}};
    EXPECT_THROW((void)op.infer(std::array{logits, ValueType{DType::f32, {2, 1, 4, 3, 1}}}), Error);
    EXPECT_THROW((void)op.infer(std::array{logits, ValueType{DType::u8, {2, 1, 4, 4, 1}}}), Error);
}

}  // namespace aureole::test
