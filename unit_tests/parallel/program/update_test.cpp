// Updates within the backward pass are those of an optimizer step after it.
#include <gtest/gtest.h>

#include "parallel/engine/engine.hpp"
#include "unit_tests/parallel/program/networks.hpp"

namespace aureole::test {
namespace {

struct Trained {
    std::map<std::string, std::vector<double>> tensors;  ///< parameters, running statistics, optimizer slots
    MemoryUse memory;
};

Trained train(NetworkSpec const& spec, OptimizerSettings const& settings, bool keep_gradients) {
    TestNetwork network = build_test_network(spec);
    EngineSpec engine_spec;
    engine_spec.train = std::move(network.graph);
    engine_spec.optimizer = settings;
    engine_spec.kernels = KernelChoice::native;
    engine_spec.keep_gradients = keep_gradients;
    Engine engine(std::move(engine_spec));
    engine.allocate(1);
    for (Index step = 0; step < 3; ++step) {
        Tensor const x = engine.train().tensor(network.input), y = engine.train().tensor(network.labels);
        write_values(random_images(x.shape, static_cast<std::uint64_t>(step)), x);
        write_values(random_labels(y.shape, 2, static_cast<std::uint64_t>(step)), y);
        RunContext context;
        context.step = static_cast<std::uint64_t>(step);
        context.learning_rate = 0.01 / static_cast<double>(1 + step);
        context.update = step;
        engine.run_batch(context, [](Program const&, int, Index) {});
        engine.update(context.learning_rate, step);
    }
    Trained trained{{}, engine.memory()};
    for (Persistent const& entry : engine.persistent().entries()) {
        if (entry.kind != Persistent::Kind::gradient) {
            trained.tensors[entry.name] = read_values(engine.tensor(entry));
        }
    }
    return trained;
}

TEST(Update, WithinTheBackwardPassIsBitwiseTheSameAsAfterIt) {
    for (NamedSpec const& each : small_networks()) {
        for (auto const kind : {OptimizerSettings::Kind::sgd, OptimizerSettings::Kind::adamw}) {
            SCOPED_TRACE(each.name);
            OptimizerSettings settings;
            settings.kind = kind;
            settings.momentum = 0.9;
            settings.weight_decay = 0.01;
            settings.clip_value = 0.05;
            Trained const within = train(each.spec, settings, false), after = train(each.spec, settings, true);
            ASSERT_EQ(within.tensors.size(), after.tensors.size());
            for (auto const& [name, values] : after.tensors) {
                ASSERT_EQ(within.tensors.count(name), 1U) << name;
                EXPECT_TRUE(within.tensors.at(name) == values) << name;
            }
            EXPECT_EQ(within.memory.parameters, after.memory.parameters);
            EXPECT_EQ(within.memory.optimizer, after.memory.optimizer);
            EXPECT_EQ(within.memory.state, after.memory.state);
            EXPECT_EQ(within.memory.gradients, 0U);
            EXPECT_LT(within.memory.total(), after.memory.total());
        }
    }
}

TEST(Update, MovesEveryParameter) {
    OptimizerSettings settings;
    settings.weight_decay = 0.01;
    settings.decay_norm_and_bias = true;
    NetworkRunner const before(branches());
    Trained const after = train(branches(), settings, false);
    for (Persistent const& entry : before.persistent().entries()) {
        if (entry.kind != Persistent::Kind::parameter) { continue; }
        EXPECT_NE(read_values(before.tensor(entry)), after.tensors.at(entry.name)) << entry.name;
    }
}

}  // namespace
}  // namespace aureole::test
