// Cutting graphs into stages: who has which nodes, and what crosses.
#include "parallel/stages/cut.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"
#include "unit_tests/parallel/stages/networks.hpp"

namespace aureole::test {
namespace {

NetworkSpec small_unet() { return unet2d({1, 1, 32, 32, 1}); }

/// Stages of as many units each as can be.
std::vector<int> even_cuts(Graph const& graph, int stages) {
    std::vector<int> cuts;
    for (int i = 0; i < stages; ++i) { cuts.push_back(i * static_cast<int>(graph.units().size()) / stages); }
    return cuts;
}

TEST(Cut, EveryNodeAndEveryParameterIsInOneStage) {
    for (RecomputeMode const mode : {RecomputeMode::none, RecomputeMode::cheap, RecomputeMode::blocks}) {
        NetworkSpec spec = small_unet();
        spec.first_units = even_cuts(build_test_network(spec).graph, 3);
        spec.recompute = mode;
        Graph const graph = build_test_network(spec).graph;
        StagedGraph const staged = cut(graph, spec.first_units);
        ASSERT_EQ(staged.stages.size(), 3U);
        std::size_t nodes = 0;
        std::map<std::string, int> parameters;
        for (Graph const& stage : staged.stages) {
            nodes += stage.nodes().size();
            for (std::size_t i = 0; i < stage.values().size(); ++i) {
                auto const id = static_cast<ValueId>(i);
                if (stage.value(id).role != Role::parameter) { continue; }
                ++parameters[stage.value(id).name];
                EXPECT_NE(stage.gradient_of(id), none) << stage.value(id).name;
            }
        }
        EXPECT_EQ(nodes, graph.nodes().size());
        std::size_t all = 0;
        for (Value const& value : graph.values()) { all += value.role == Role::parameter ? 1 : 0; }
        EXPECT_EQ(parameters.size(), all);
        for (auto const& [name, count] : parameters) { EXPECT_EQ(count, 1) << name; }
    }
}

TEST(Cut, SkipsGoFromTheirProducerToTheirUser) {
    NetworkSpec spec = small_unet();
    Graph const graph = build_test_network(spec).graph;
    StagedGraph const staged = cut(graph, even_cuts(graph, 4));
    bool far = false;
    for (Link const& link : links_of(staged)) {
        EXPECT_LT(link.from, link.to);
        far = far || link.to > link.from + 1;
    }
    EXPECT_TRUE(far) << "a U-Net in four stages has a skip over two";
    for (Crossing const& each : staged.crossings) { EXPECT_EQ(each.backward, each.to < each.from); }
}

TEST(Cut, TwoTensorsCrossBetweenCellsOfAmoebaNet) {
    Graph const graph = build_test_network(amoeba({1, 1, 64, 64, 3}, 16)).graph;
    for (int unit = 3; unit + 2 < static_cast<int>(graph.units().size()); ++unit) {
        StagedGraph const staged = cut(graph, std::vector<int>{0, unit});
        std::size_t forward = 0;
        for (Crossing const& each : staged.crossings) { forward += each.backward ? 0 : 1; }
        EXPECT_EQ(forward, 2U) << graph.units()[static_cast<std::size_t>(unit)];
    }
}

TEST(Cut, RefusesEmptyStages) {
    Graph const graph = build_test_network(small_unet()).graph;
    EXPECT_THROW(static_cast<void>(cut(graph, std::vector<int>{0, 2, 2})), Error);
    EXPECT_THROW(static_cast<void>(cut(graph, std::vector<int>{0, 1000})), Error);
}

}  // namespace
}  // namespace aureole::test
