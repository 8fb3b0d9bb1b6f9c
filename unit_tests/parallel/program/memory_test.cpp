#include <gtest/gtest.h>

#include <cmath>

#include "parallel/engine/engine.hpp"
#include "unit_tests/parallel/program/networks.hpp"

namespace aureole::test {
namespace {

Engine make_engine(NetworkSpec const& spec, OptimizerSettings const& optimizer, bool keep_gradients = false) {
    EngineSpec engine;
    engine.train = build_test_network(spec).graph;
    engine.optimizer = optimizer;
    engine.micro_batches = spec.micro_batches;
    engine.keep_gradients = keep_gradients;
    return Engine(std::move(engine));
}

TEST(ProgramMemory, TheArenaHasExactlyThePredictedBytes) {
    for (NamedSpec const& each : small_networks()) {
        for (auto const kind : {OptimizerSettings::Kind::sgd, OptimizerSettings::Kind::adamw}) {
            SCOPED_TRACE(each.name);
            OptimizerSettings settings;
            settings.kind = kind;
            settings.momentum = 0.9;
            settings.clip_norm = 1;
            Engine engine = make_engine(each.spec, settings);
            MemoryUse const predicted = engine.memory();
            EXPECT_EQ(engine.arena_bytes(), 0U) << "nothing is allocated before the plan is accepted";
            engine.allocate(1);
            EXPECT_EQ(engine.arena_bytes(), predicted.total());
            EXPECT_EQ(predicted.total(), predicted.persistent() + predicted.train_transient);
            EXPECT_EQ(predicted.persistent(), engine.persistent().bytes());
            std::size_t const slots = kind == OptimizerSettings::Kind::adamw ? 2 : 1;
            EXPECT_EQ(predicted.optimizer, slots * predicted.parameters);
        }
    }
}

TEST(ProgramMemory, GradientsPersistOnlyOverMicroBatchesOrForADump) {
    NetworkSpec spec = branches();
    EXPECT_EQ(make_engine(spec, {}).memory().gradients, 0U);
    MemoryUse const dump = make_engine(spec, {}, true).memory();
    EXPECT_EQ(dump.gradients, dump.parameters);
    spec.micro_batches = 2;
    MemoryUse const micro = make_engine(spec, {}).memory();
    EXPECT_EQ(micro.gradients, micro.parameters);
}

TEST(ProgramMemory, NothingIsReadThatNobodyWrote) {
    for (NamedSpec const& each : small_networks()) {
        for (auto const choice : {KernelChoice::native, KernelChoice::automatic}) {
            for (auto const dtype : {DType::f64, DType::f32, DType::bf16}) {
                SCOPED_TRACE(each.name);
                SCOPED_TRACE(name_of(dtype));
                NetworkSpec spec = each.spec;
                spec.dtype = dtype;
                spec.recompute = RecomputeMode::cheap;
                NetworkRunner const poisoned(spec, choice);  // arena full of NaN
                NetworkRunner const zeroed(spec, choice, std::byte{0});
                EXPECT_TRUE(std::isnan(poisoned.loss()));
                for (NetworkRunner const* const runner : {&poisoned, &zeroed}) {
                    runner->write_random();
                    runner->run();
                }
                expect_same(poisoned.result(), zeroed.result());
            }
        }
    }
}

TEST(ProgramMemory, EveryTensorAndWorkspaceIsInsideTheTransientPart) {
    for (NamedSpec const& each : small_networks()) {
        SCOPED_TRACE(each.name);
        NetworkRunner const runner(each.spec);
        MemoryPlan const& plan = runner.program().memory();
        Graph const& graph = runner.program().graph();
        for (std::size_t i = 0; i < graph.values().size(); ++i) {
            if (plan.value_offset[i] == MemoryPlan::unplaced) { continue; }
            EXPECT_LE(plan.value_offset[i] + runner.program().tensor(static_cast<ValueId>(i)).bytes(), plan.total);
        }
        for (std::size_t i = 0; i < runner.program().steps().size(); ++i) {
            Step const& step = runner.program().steps()[i];
            if (step.kernel) { EXPECT_LE(plan.workspace_offset[i] + step.kernel->workspace_bytes(), plan.total); }
        }
        EXPECT_LE(static_cast<double>(plan.total), 1.15 * static_cast<double>(plan.lower_bound));
    }
}

TEST(ProgramMemory, RecomputationSavesTransientMemory) {
    for (NamedSpec const& each :
         {NamedSpec{"resnet v1", resnet_v1()}, NamedSpec{"resnet v2", resnet_v2()}, NamedSpec{"unet", unet_2d()}}) {
        SCOPED_TRACE(each.name);
        NetworkSpec spec = each.spec;
        spec.image.h *= 4;
        auto const bytes = [&](RecomputeMode mode) {
            spec.recompute = mode;
            return NetworkRunner(spec).program().transient_bytes();
        };
        std::size_t const kept = bytes(RecomputeMode::none);
        EXPECT_LT(static_cast<double>(bytes(RecomputeMode::cheap)), 0.9 * static_cast<double>(kept));
        EXPECT_LT(static_cast<double>(bytes(RecomputeMode::blocks)), 0.9 * static_cast<double>(kept));
    }
}

}  // namespace
}  // namespace aureole::test
