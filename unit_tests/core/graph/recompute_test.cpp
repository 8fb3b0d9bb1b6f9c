#include "core/graph/recompute.hpp"

#include <gtest/gtest.h>

#include <set>

#include "core/graph/differentiate.hpp"
#include "core/graph/fuse.hpp"
#include "core/ops/softmax_cross_entropy.hpp"
#include "unit_tests/core/graph/graph_support.hpp"

namespace aureole::test {
namespace {

/// Units of conv - norm - relu with a loss, differentiated.
struct Chain : SmallGraph {
    std::vector<ValueId> blocks;

    explicit Chain(int units) {
        ValueId x = input;
        for (int i = 0; i < units; ++i) {
            std::string const name = "block" + std::to_string(i);
            graph.begin_unit(name);
            x = net.relu(name, net.norm(name + ".norm", conv(name + ".conv", x), {}));
            blocks.push_back(x);
        }
        ValueId const logits = net.global_pool("pool", x, PoolKind::average);
        ValueId const labels = net.labels({2, 1, 1, 1, 1}, DType::i32);
        ValueId const loss =
            net.emit("loss", std::make_shared<SoftmaxCrossEntropy>(SoftmaxCrossEntropyAttributes{}), {logits, labels});
        graph.value(loss).role = Role::loss;
        fuse(graph);
        differentiate(graph);
    }
};

bool is_backward(Node const& node) {
    return node.phase == Phase::input_gradient || node.phase == Phase::weight_gradient;
}

/// Values of the forward pass that the backward pass reads.
std::set<std::string> kept_for_backward(Graph const& graph) {
    std::set<std::string> names;
    for (Node const& node : graph.nodes()) {
        if (!is_backward(node) && node.phase != Phase::recompute) { continue; }
        for (ValueId const id : node.inputs) {
            NodeId const producer = graph.value(id).producer;
            if (producer != none && graph.node(producer).phase == Phase::forward) {
                names.insert(graph.value(id).name);
            }
        }
    }
    return names;
}

void expect_well_formed(Graph const& graph) {
    std::set<std::string> names;
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        Node const& node = graph.nodes()[n];
        EXPECT_TRUE(names.insert(node.name).second) << node.name << " occurs twice";
        for (ValueId const id : node.inputs) {
            EXPECT_LT(graph.value(id).producer, static_cast<NodeId>(n)) << node.name;
        }
    }
}

TEST(Recompute, NoneLeavesTheGraphAsItIs) {
    Chain chain(3);
    std::size_t const nodes = chain.graph.nodes().size();
    recompute(chain.graph, RecomputeMode::none);
    EXPECT_EQ(chain.graph.nodes().size(), nodes);
}

TEST(Recompute, CheapDropsNormalisedValuesAndKeepsConvolutions) {
    Chain chain(4);
    recompute(chain.graph, RecomputeMode::cheap);
    expect_well_formed(chain.graph);
    std::set<std::string> const kept = kept_for_backward(chain.graph);
    for (int i = 0; i < 4; ++i) {
        std::string const name = "block" + std::to_string(i);
        EXPECT_EQ(kept.count(name + ".conv"), 1U) << "results of convolutions are costly";
        EXPECT_EQ(kept.count(name), 0U) << name << " is cheap to compute again";
    }
    for (Node const& node : chain.graph.nodes()) {
        if (node.phase == Phase::recompute) { EXPECT_EQ(node.op->recompute(), Recompute::cheap) << node.name; }
    }
}

TEST(Recompute, BlocksKeepOnlyWhatCrossesUnitsAndStatistics) {
    Chain chain(4);
    recompute(chain.graph, RecomputeMode::blocks);
    expect_well_formed(chain.graph);
    std::set<std::string> const kept = kept_for_backward(chain.graph);
    for (int i = 0; i < 4; ++i) {
        std::string const name = "block" + std::to_string(i);
        EXPECT_EQ(kept.count(name + ".conv"), 0U);
        if (i < 3) { EXPECT_EQ(kept.count(name), 1U) << "read by the next unit"; }
        EXPECT_EQ(kept.count(name + ".norm.statistics"), 1U) << "statistics have side effects and are small";
    }
}

TEST(Recompute, EveryCloneIsTheOperatorOfItsOriginalOnEquivalentInputs) {
    for (auto const mode : {RecomputeMode::cheap, RecomputeMode::blocks}) {
        Chain chain(4);
        recompute(chain.graph, mode);
        auto const original_name = [](std::string const& name) { return name.substr(0, name.find(".recompute")); };
        int clones = 0;
        for (Node const& node : chain.graph.nodes()) {
            if (node.phase != Phase::recompute) { continue; }
            ++clones;
            Node const& original = producer_of(chain.graph, original_name(node.name));
            EXPECT_EQ(node.op, original.op);
            EXPECT_EQ(node.unit, original.unit);
            ASSERT_EQ(node.inputs.size(), original.inputs.size());
            for (std::size_t i = 0; i < node.inputs.size(); ++i) {
                EXPECT_EQ(original_name(chain.graph.value(node.inputs[i]).name),
                          chain.graph.value(original.inputs[i]).name);
            }
        }
        EXPECT_GE(clones, 3);
    }
}

TEST(Recompute, KeptValuesAreNotDropped) {
    Chain chain(4);
    recompute(chain.graph, RecomputeMode::cheap, {chain.blocks[1]});
    std::set<std::string> const kept = kept_for_backward(chain.graph);
    EXPECT_EQ(kept.count("block1"), 1U);
    EXPECT_EQ(kept.count("block2"), 0U);
}

TEST(Recompute, AChainOfCheapOperatorsIsCutSoThatNoneIsComputedFromItsBeginning) {
    SmallGraph small;
    ValueId x = small.conv("stem", small.input);
    for (int i = 0; i < 12; ++i) {  // as residual additions follow one another
        x = small.net.add("sum" + std::to_string(i), x,
                          small.conv("conv" + std::to_string(i), small.net.relu("relu" + std::to_string(i), x)));
    }
    ValueId const logits = small.net.global_pool("pool", x, PoolKind::average);
    ValueId const loss = small.net.emit("loss", std::make_shared<SoftmaxCrossEntropy>(SoftmaxCrossEntropyAttributes{}),
                                        {logits, small.net.labels({2, 1, 1, 1, 1}, DType::i32)});
    small.graph.value(loss).role = Role::loss;
    differentiate(small.graph);
    recompute(small.graph, RecomputeMode::cheap);
    expect_well_formed(small.graph);
    Index clones = 0;
    for (Node const& node : small.graph.nodes()) { clones += node.phase == Phase::recompute ? 1 : 0; }
    EXPECT_GT(clones, 0);
    EXPECT_LE(clones, 48) << "at most a few clones per block, not a chain per block";
}

}  // namespace
}  // namespace aureole::test
