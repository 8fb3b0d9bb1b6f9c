#include "core/graph/fuse.hpp"

#include <gtest/gtest.h>

#include "unit_tests/core/graph/graph_support.hpp"

namespace aureole::test {
namespace {

NormAttributes const& norm_of(Graph const& graph, std::string_view name) {
    return dynamic_cast<Normalize const&>(*producer_of(graph, name).op).attributes();
}

TEST(Fuse, NormAndActivationBecomeOne) {
    SmallGraph small;
    ValueId const y = small.net.norm("norm", small.conv("conv", small.input), {});
    small.net.relu("relu", y);
    fuse(small.graph);
    EXPECT_EQ(count_kind(small.graph, "activation"), 0);
    EXPECT_EQ(norm_of(small.graph, "relu").activation.kind, ActivationKind::relu);
    EXPECT_FALSE(norm_of(small.graph, "relu").residual);
}

TEST(Fuse, NormAdditionAndActivationBecomeOneWhicheverSideTheNormIsOn) {
    for (bool const norm_first : {true, false}) {
        SmallGraph small;
        ValueId const shortcut = small.conv("shortcut", small.input);
        ValueId const relu =
            small.net.relu("keeps_shortcut", shortcut);  // so that the addition cannot go into the conv
        ValueId const y = small.net.norm("norm", small.conv("conv", relu), {});
        ValueId const sum = norm_first ? small.net.add("sum", y, shortcut) : small.net.add("sum", shortcut, y);
        small.net.relu("out", sum);
        fuse(small.graph);
        EXPECT_EQ(count_kind(small.graph, "add"), 0);
        Node const& node = producer_of(small.graph, "out");
        EXPECT_TRUE(norm_of(small.graph, "out").residual);
        EXPECT_EQ(norm_of(small.graph, "out").activation.kind, ActivationKind::relu);
        EXPECT_EQ(node.inputs[1], shortcut) << "the residual is the input after x";
    }
}

TEST(Fuse, AnAdditionGoesIntoTheConvolution) {
    SmallGraph small;
    ValueId const x = small.net.relu("x", small.input);
    ValueId const sum = small.net.add("sum", small.conv("conv", x), x);
    fuse(small.graph);
    EXPECT_EQ(count_kind(small.graph, "add"), 0);
    Node const& node = producer_of(small.graph, "sum");
    EXPECT_TRUE(dynamic_cast<Conv const&>(*node.op).attributes().addend);
    EXPECT_EQ(node.inputs[1], x);
    EXPECT_EQ(small.graph.value(sum).name, "sum");
}

TEST(Fuse, OfTwoConvolutionsOneTakesTheAddition) {
    SmallGraph small;
    small.net.add("sum", small.conv("a", small.input), small.conv("b", small.input));
    fuse(small.graph);
    EXPECT_EQ(count_kind(small.graph, "add"), 0);
    EXPECT_EQ(count_kind(small.graph, "conv"), 2);
    Node const& node = producer_of(small.graph, "sum");
    NodeId const other = small.graph.value(node.inputs[1]).producer;
    ASSERT_NE(other, none);
    EXPECT_LT(other, small.graph.value(small.graph.find("sum")).producer) << "the addend is computed first";
}

TEST(Fuse, AResultWithAnotherUserStays) {
    SmallGraph small;
    ValueId const y = small.net.norm("norm", small.conv("conv", small.input), {});
    small.net.relu("relu", y);
    small.conv("reads_norm", y);
    ValueId const c = small.conv("c", small.input);
    small.net.add("sum", c, small.input);
    small.conv("reads_c", c);
    fuse(small.graph);
    EXPECT_EQ(count_kind(small.graph, "activation"), 1);
    EXPECT_EQ(count_kind(small.graph, "add"), 1);
}

TEST(Fuse, AResultThatIsKeptStays) {
    SmallGraph small;
    ValueId const y = small.net.norm("norm", small.conv("conv", small.input), {});
    small.net.relu("relu", y);
    fuse(small.graph, {y});
    EXPECT_EQ(count_kind(small.graph, "activation"), 1);
    EXPECT_EQ(norm_of(small.graph, "norm").activation.kind, ActivationKind::none);
}

TEST(Fuse, AnActivatedNormTakesNoAddition) {
    SmallGraph small;
    ValueId const y = small.net.relu("relu", small.net.norm("norm", small.conv("conv", small.input), {}));
    small.net.add("sum", y, small.input);
    fuse(small.graph);
    EXPECT_EQ(count_kind(small.graph, "add"), 1) << "relu(norm) + x is not relu(norm + x)";
    EXPECT_EQ(count_kind(small.graph, "activation"), 0);
}

TEST(Fuse, ASumWithItselfStays) {
    SmallGraph small;
    ValueId const y = small.conv("conv", small.input);
    small.net.add("sum", y, y);
    fuse(small.graph);
    EXPECT_EQ(count_kind(small.graph, "add"), 1);
}

TEST(Fuse, NodesStayInAnOrderInWhichTheyCanRun) {
    SmallGraph small;
    ValueId x = small.conv("stem", small.input);
    for (int i = 0; i < 4; ++i) {
        std::string const name = "block" + std::to_string(i);
        ValueId const y = small.net.norm(name + ".norm", small.conv(name + ".conv", x), {});
        ValueId const shortcut = small.net.norm(name + ".down", small.conv(name + ".proj", x), {});
        x = small.net.relu(name, small.net.add(name + ".add", y, shortcut));
    }
    fuse(small.graph);
    EXPECT_EQ(count_kind(small.graph, "add") + count_kind(small.graph, "activation"), 0);
    for (std::size_t n = 0; n < small.graph.nodes().size(); ++n) {
        for (ValueId const id : small.graph.nodes()[n].inputs) {
            EXPECT_LT(small.graph.value(id).producer, static_cast<NodeId>(n));
        }
        for (ValueId const id : small.graph.nodes()[n].outputs) {
            EXPECT_EQ(small.graph.value(id).producer, static_cast<NodeId>(n));
        }
    }
}

}  // namespace
}  // namespace aureole::test
