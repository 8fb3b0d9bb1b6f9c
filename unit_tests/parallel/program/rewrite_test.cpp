// The passes that rewrite a graph change how it is computed, never what.
#include <gtest/gtest.h>

#include "unit_tests/parallel/program/networks.hpp"

namespace aureole::test {
namespace {

TEST(Rewrite, RecomputedValuesGiveBitwiseTheSameStep) {
    for (NamedSpec const& each : small_networks()) {
        SCOPED_TRACE(each.name);
        NetworkSpec spec = each.spec;
        StepResult const kept = run_step(spec);
        for (auto const mode : {RecomputeMode::cheap, RecomputeMode::blocks}) {
            SCOPED_TRACE(static_cast<int>(mode));
            spec.recompute = mode;
            expect_same(run_step(spec), kept);
        }
    }
}

TEST(Rewrite, FusedOperatorsGiveTheSameStepToRounding) {
    for (NamedSpec const& each : small_networks()) {
        SCOPED_TRACE(each.name);
        NetworkSpec spec = each.spec;
        StepResult const fused = run_step(spec);
        spec.fused = false;
        NetworkRunner const runner(spec);
        EXPECT_GE(runner.program().steps().size(), NetworkRunner(each.spec).program().steps().size());
        runner.write_random();
        runner.run();
        expect_close(runner.result(), fused, 1e-12);
    }
}

TEST(Rewrite, UnfusedAndRecomputedTogether) {
    for (NamedSpec const& each : small_networks()) {
        SCOPED_TRACE(each.name);
        NetworkSpec spec = each.spec;
        spec.fused = false;
        StepResult const kept = run_step(spec);
        spec.recompute = RecomputeMode::blocks;
        expect_same(run_step(spec), kept);
    }
}

}  // namespace
}  // namespace aureole::test
