#include "core/ops/dice.hpp"

#include "core/error.hpp"
#include "unit_tests/core/ops/pointwise_cases.hpp"

namespace aureole::test {

namespace {

OperatorPtr make(DiceAttributes const& attributes) { return std::make_shared<Dice>(attributes); }

HarnessOptions logits_only() {
    HarnessOptions options;
    options.wanted = {true, false};
    return options;
}

}  // namespace

TEST(Dice, AgreesWithItsFormulaInPyTorch) {
    for (PointwiseCase const& given : pointwise_cases("dice_")) {
        LossAttributes loss{given.number("weight"), 1, {}};
        if (given.flag("ignores")) { loss.ignore_label = static_cast<Index>(given.number("ignore_index")); }
        OperatorPtr const op = make({loss, given.number("smooth")});
        expect_golden_loss(op, given, DType::i32);
    }
}

TEST(Dice, GradientsMatchFiniteDifferences) {
    HostTensor const labels = random_tensor({2, 1, 5, 7, 1}, DType::i32, 2, 0, 3);
    expect_gradients_match_finite_differences(
        make({{0.7, 1, {}}, 0.5}), {random_tensor({2, 1, 5, 7, 3}, DType::f64, 1), labels}, logits_only(), 1e-6, true);
    HostTensor const targets = random_tensor({2, 1, 5, 7, 1}, DType::f64, 2, 0, 1);
    expect_gradients_match_finite_differences(make({}), {random_tensor({2, 1, 5, 7, 1}, DType::f64, 1), targets},
                                              logits_only(), 1e-6, true);
}

TEST(Dice, GradientsWithAbsentClassesMatchFiniteDifferences) {
    HostTensor labels = random_tensor({3, 1, 5, 7, 1}, DType::i32, 2, 0, 4);  // of five classes, one never occurs
    std::fill_n(labels.values.begin(), 35, 2.0);
    std::fill_n(labels.values.begin() + 35, 30, 1.0);
    for (std::optional<Index> const ignored : {std::optional<Index>(), std::optional<Index>(1)}) {
        expect_gradients_match_finite_differences(make({{0.7, 1, ignored}, 0.5}),
                                                  {random_tensor({3, 1, 5, 7, 5}, DType::f64, 1), labels},
                                                  logits_only(), 1e-6, true);
    }
}

/// Whatever is thought of a class that is absent, the mean is one over the others, and each sample weighs the same.
TEST(Dice, IsAMeanOverTheClassesThatOccur) {
    HostTensor labels{{2, 1, 1, 4, 1}, DType::i32, {0, 0, 0, 0, 1, 1, 2, 2}};
    HostTensor logits{{2, 1, 1, 4, 4}, DType::f64, std::vector<double>(32, -50)};
    for (std::size_t pixel = 0; pixel < 8; ++pixel) {
        std::size_t const answer = pixel < 4 ? 3 : static_cast<std::size_t>(labels.values[pixel]);
        logits.values[4 * pixel + answer] = 50;  // all of the first sample is wrong, all of the second right
    }
    DiceAttributes attributes;
    attributes.smooth = 0;
    EXPECT_NEAR(run_loss(make(attributes), {logits, labels}, logits_only()).outputs[0].values[0], 0.5, 1e-12);
}

TEST(Dice, AnEmptyMaskOfOneClassCounts) {
    HostTensor const labels{{1, 1, 1, 4, 1}, DType::f64, {0, 0, 0, 0}};
    HostTensor const logits{{1, 1, 1, 4, 1}, DType::f64, {50, 50, 50, 50}};
    EXPECT_NEAR(run_loss(make({}), {logits, labels}, logits_only()).outputs[0].values[0], 0.8, 1e-12);
}

TEST(Dice, IsNearZeroForACertainAndRightAnswer) {
    HostTensor const labels = random_tensor({1, 1, 20, 30, 1}, DType::i32, 2, 0, 2);
    HostTensor logits{labels.shape, DType::f32, labels.values};
    for (double& value : logits.values) { value = value > 0 ? 40 : -40; }
    EXPECT_NEAR(run_loss(make({}), {logits, labels}, logits_only()).outputs[0].values[0], 0, 1e-12);
    for (double& value : logits.values) { value = -value; }
    EXPECT_NEAR(run_loss(make({}), {logits, labels}, logits_only()).outputs[0].values[0], 1, 2.0 / 600);
}

TEST(Dice, CountsValidSamplesOnly) {
    HostTensor const logits = random_tensor({3, 1, 2, 2, 2}, DType::f64, 1);
    HostTensor const labels = random_tensor({3, 1, 2, 2, 1}, DType::i32, 2, 0, 2);
    HostTensor few = logits, few_labels = labels;
    few.shape.n = few_labels.shape.n = 2;
    few.values.resize(16);
    few_labels.values.resize(8);
    HarnessOptions options = logits_only();
    options.context.valid_samples = 2;
    OperatorRun const padded = run_loss(make({}), {logits, labels}, options);
    OperatorRun const alone = run_loss(make({}), {few, few_labels}, logits_only());
    EXPECT_EQ(padded.outputs[0].values, alone.outputs[0].values);
    for (std::size_t i = 0; i < logits.values.size(); ++i) {
        EXPECT_EQ(padded.gradients[0]->values[i], i < 16 ? alone.gradients[0]->values[i] : 0);
    }
}

TEST(Dice, LeavesOutLabelsThatDoNotCount) {
    HostTensor logits = random_tensor({2, 1, 1, 6, 2}, DType::f64, 1), labels{{2, 1, 1, 6, 1}, DType::i32, {}};
    labels.values = {0, 1, 255, 1, 255, 0, 255, 255, 255, 255, 255, 255};  // nothing of the second sample counts
    HostTensor few = logits, few_labels{{1, 1, 1, 4, 1}, DType::i32, {0, 1, 1, 0}};
    few.shape = {1, 1, 1, 4, 2};
    few.values.clear();
    for (std::size_t const pixel : {0U, 1U, 3U, 5U}) {
        few.values.insert(few.values.end(), {logits.values[2 * pixel], logits.values[2 * pixel + 1]});
    }
    for (double const smooth : {0.0, 1.0}) {
        HarnessOptions options = logits_only();
        options.context.counted_samples = 1;
        OperatorRun const run = run_loss(make({{1, 1, 255}, smooth}), {logits, labels}, options);
        OperatorRun const want = run_loss(make({{}, smooth}), {few, few_labels}, logits_only());
        EXPECT_NEAR(run.outputs[0].values[0], want.outputs[0].values[0], 1e-14);
        std::size_t next = 0;
        for (std::size_t i = 0; i < logits.values.size(); ++i) {
            bool const counts = labels.values[i / 2] != 255;
            EXPECT_NEAR(run.gradients[0]->values[i], counts ? want.gradients[0]->values[next++] : 0, 1e-14);
        }
    }
}

TEST(Dice, RefusesLabelsThatDoNotFit) {
    Dice const op({});
    ValueType const logits{DType::f32, {2, 1, 4, 4, 3}};
    EXPECT_THROW((void)op.infer(std::array{logits, ValueType{DType::f32, {2, 1, 4, 4, 1}}}), Error);
    EXPECT_THROW((void)op.infer(std::array{logits, ValueType{DType::i32, {2, 1, 4, 4, 3}}}), Error);
}

}  // namespace aureole::test
