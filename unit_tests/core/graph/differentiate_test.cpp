#include "core/graph/differentiate.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"
#include "core/ops/softmax_cross_entropy.hpp"
#include "unit_tests/core/graph/graph_support.hpp"

namespace aureole::test {
namespace {

/// Ends the graph in a loss over the mean of every channel.
ValueId add_loss(SmallGraph& small, ValueId y) {
    ValueId const logits = small.net.global_pool("pool", y, PoolKind::average);
    ValueId const labels = small.net.labels({2, 1, 1, 1, 1}, DType::i32);
    ValueId const loss = small.net.emit("loss", std::make_shared<SoftmaxCrossEntropy>(SoftmaxCrossEntropyAttributes{}),
                                        {logits, labels});
    small.graph.value(loss).role = Role::loss;
    return loss;
}

void expect_runnable(Graph const& graph) {
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        for (ValueId const id : graph.nodes()[n].inputs) {
            EXPECT_LT(graph.value(id).producer, static_cast<NodeId>(n));
        }
    }
}

TEST(Differentiate, EveryTrainedParameterGetsAGradientOfItsShape) {
    SmallGraph small;
    ValueId const y = small.net.relu("relu", small.net.norm("norm", small.conv("conv", small.input), {}));
    add_loss(small, y);
    differentiate(small.graph);
    expect_runnable(small.graph);
    for (char const* const name : {"conv.weight", "norm.weight", "norm.bias"}) {
        ValueId const id = small.graph.find(name);
        ValueId const gradient = small.graph.gradient_of(id);
        ASSERT_NE(gradient, none) << name;
        EXPECT_EQ(small.graph.value(gradient).type, small.graph.value(id).type);
        EXPECT_EQ(small.graph.value(gradient).role, Role::gradient);
    }
    EXPECT_EQ(small.graph.gradient_of(small.graph.find("norm.running_mean")), none) << "state is not trained";
}

TEST(Differentiate, ContributionsOfSeveralUsersAreAdded) {
    SmallGraph small;
    ValueId const x = small.conv("x", small.input);
    ValueId sum = small.conv("a", x);
    for (char const* const name : {"b", "c", "d"}) {
        sum = small.net.add(std::string("sum_") + name, sum, small.conv(name, x));
    }
    add_loss(small, sum);
    Index const before = count_kind(small.graph, "add");
    differentiate(small.graph);
    expect_runnable(small.graph);
    EXPECT_EQ(count_kind(small.graph, "add") - before, 3) << "four users of x give four terms";
    EXPECT_EQ(count_kind(small.graph, "conv_weight_gradient"), 5);
    EXPECT_EQ(count_kind(small.graph, "conv_input_gradient"), 4) << "nobody asks for the gradient of the image";
}

TEST(Differentiate, AParameterThatDoesNotReachTheLossHasNoGradient) {
    SmallGraph small;
    ValueId const y = small.conv("used", small.input);
    small.conv("unused", small.input);
    add_loss(small, y);
    differentiate(small.graph);
    EXPECT_NE(small.graph.gradient_of(small.graph.find("used.weight")), none);
    EXPECT_EQ(small.graph.gradient_of(small.graph.find("unused.weight")), none);
    EXPECT_EQ(count_kind(small.graph, "conv_weight_gradient"), 1);
}

TEST(Differentiate, FurtherGradientsAreGivenOnRequest) {
    SmallGraph small;
    ValueId const x = small.conv("x", small.input);
    ValueId const y = small.net.add("y", small.conv("a", x), small.conv("b", x));
    ValueId const apart = small.conv("apart", small.input);
    add_loss(small, y);
    std::vector<ValueId> const gradients = differentiate(small.graph, {small.input, x, apart});
    ASSERT_EQ(gradients.size(), 3U);
    EXPECT_EQ(small.graph.value(gradients[0]).type, small.graph.value(small.input).type);
    EXPECT_EQ(small.graph.value(gradients[1]).type, small.graph.value(x).type);
    EXPECT_EQ(gradients[2], none) << "nothing contributes";
}

TEST(Differentiate, AParameterUsedTwiceIsRefused) {
    SmallGraph small;
    ValueId const weight = small.net.parameter("shared", {1, 3, 3, 4, 4}, {Initializer::Kind::normal, 0, 1});
    auto const op = std::make_shared<Conv>(ConvAttributes{windows(Dimensions::two, 3, 1, 1), 4, 1, false, false});
    ValueId const once = small.net.emit("once", op, {small.input, weight});
    add_loss(small, small.net.emit("twice", op, {once, weight}));
    EXPECT_THROW(differentiate(small.graph), Error);
}

TEST(Differentiate, BackwardNodesCarryTheirUnitAndPhase) {
    SmallGraph small;
    small.graph.begin_unit("first");
    ValueId const x = small.conv("x", small.input);
    small.graph.begin_unit("second");
    ValueId const y = small.conv("y", x);
    add_loss(small, y);
    differentiate(small.graph);
    for (Node const& node : small.graph.nodes()) {
        if (node.op->kind() == "conv_weight_gradient") {
            EXPECT_EQ(node.phase, Phase::weight_gradient);
            EXPECT_EQ(node.unit, node.name.front() == 'x' ? 0 : 1) << node.name;
        }
        if (node.op->kind() == "conv_input_gradient") { EXPECT_EQ(node.phase, Phase::input_gradient); }
    }
}

}  // namespace
}  // namespace aureole::test
