// Gradients of micro-batches add up to that of the batch.
#include <gtest/gtest.h>

#include "unit_tests/parallel/program/networks.hpp"

namespace aureole::test {
namespace {

std::vector<double> part_of(std::vector<double> const& whole, Index part, Index parts) {
    auto const size = static_cast<std::ptrdiff_t>(whole.size()) / parts;
    return {whole.begin() + part * size, whole.begin() + (part + 1) * size};
}

/// One update's gradients over the batch of spec.image.n samples, cut into `parts`.
StepResult run_in_parts(NetworkSpec spec, Index parts) {
    Shape const batch = spec.image;
    spec.image.n = batch.n / parts;
    spec.micro_batches = parts;
    NetworkRunner const runner(spec);
    Shape labels = runner.label_shape();
    labels.n *= parts;
    std::vector<double> const x = random_images(batch), y = random_labels(labels, runner.classes());
    StepResult sum;
    for (Index part = 0; part < parts; ++part) {
        runner.write(part_of(x, part, parts), part_of(y, part, parts));
        RunContext context;
        context.seed = 5;
        context.step = 7;
        context.first_sample = part * spec.image.n;
        context.accumulate = part > 0;
        runner.run(context);
        StepResult const result = runner.result();
        sum.loss += result.loss / static_cast<double>(parts);
        sum.logits.insert(sum.logits.end(), result.logits.begin(), result.logits.end());
        sum.gradients = result.gradients;  // they accumulate in the program
    }
    return sum;
}

TEST(MicroBatch, GradientsAddUpWhereNothingCouplesSamples) {
    std::vector<NamedSpec> cases{{"branches, with dropout", branches()}, {"unet with instance norm", unet_3d()}};
    cases[1].spec.image.n = 4;
    for (NamedSpec const& each : cases) {
        SCOPED_TRACE(each.name);
        StepResult const whole = run_in_parts(each.spec, 1);
        expect_close(run_in_parts(each.spec, 2), whole, 1e-12);
        expect_close(run_in_parts(each.spec, 4), whole, 1e-12);
    }
}

TEST(MicroBatch, BatchNormOverFewerSamplesIsTheSameInOneOrInSeveralParts) {
    for (NamedSpec each : {NamedSpec{"resnet", resnet_v1()}, NamedSpec{"unet", unet_2d()}}) {
        SCOPED_TRACE(each.name);
        each.spec.image.n = 4;
        each.spec.samples_per_norm = 2;
        expect_close(run_in_parts(each.spec, 2), run_in_parts(each.spec, 1), 1e-12);
        each.spec.samples_per_norm = 1;
        expect_close(run_in_parts(each.spec, 4), run_in_parts(each.spec, 1), 1e-12);
    }
}

TEST(MicroBatch, StatisticsOverTheMicroBatchDependOnItsSize) {
    NetworkSpec spec = resnet_v1();
    spec.image.n = 4;
    EXPECT_NE(run_in_parts(spec, 1).logits, run_in_parts(spec, 2).logits);
}

TEST(MicroBatch, DropoutDependsOnSeedStepAndSample) {
    NetworkRunner const runner(branches());
    auto const loss = [&](RunContext const& context) {
        runner.write_random();
        runner.run(context);
        return runner.loss();
    };
    RunContext context;
    double const first = loss(context);
    EXPECT_EQ(loss(context), first);
    context.step = 1;
    EXPECT_NE(loss(context), first);
    context.step = 0;
    context.seed = 1;
    EXPECT_NE(loss(context), first);
    context.seed = 0;
    context.first_sample = 4;
    EXPECT_NE(loss(context), first);
}

}  // namespace
}  // namespace aureole::test
