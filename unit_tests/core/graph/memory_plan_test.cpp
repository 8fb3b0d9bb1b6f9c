#include <gtest/gtest.h>

#include <functional>

#include "core/graph/differentiate.hpp"
#include "core/graph/fuse.hpp"
#include "core/graph/recompute.hpp"
#include "core/models/amoebanet.hpp"
#include "core/models/resnet.hpp"
#include "core/models/unet.hpp"
#include "core/ops/softmax_cross_entropy.hpp"
#include "unit_tests/core/graph/graph_support.hpp"

namespace aureole::test {
namespace {

std::size_t index(std::int32_t id) { return static_cast<std::size_t>(id); }

bool apart(std::size_t a, std::size_t a_bytes, std::size_t b, std::size_t b_bytes) {
    return a + a_bytes <= b || b + b_bytes <= a;
}

TEST(MemoryPlan, AViewLiesInItsSource) {
    SmallGraph small;
    ValueId const y = small.conv("conv", small.input);
    ValueId const flat = small.net.flatten("flatten", y);
    ValueId const out = small.net.linear("fc", flat, 3, false);
    MemoryPlan const plan = plan_memory(small.graph, request_of(small.graph));
    EXPECT_EQ(plan.storage[index(flat)], y);
    EXPECT_EQ(plan.value_offset[index(flat)], plan.value_offset[index(y)]);
    EXPECT_NE(plan.value_offset[index(out)], plan.value_offset[index(y)]);
}

TEST(MemoryPlan, AResultTakesOverMemoryOnlyFromAnInputThatDiesThere) {
    SmallGraph small;
    ValueId const y = small.conv("conv", small.input);
    ValueId const first = small.net.relu("first", y);    // y is read again below
    ValueId const second = small.net.relu("second", y);  // and dies here
    small.net.add("sum", first, second);
    MemoryPlan const plan = plan_memory(small.graph, request_of(small.graph));
    EXPECT_EQ(plan.storage[index(first)], first);
    EXPECT_EQ(plan.storage[index(second)], y);
}

TEST(MemoryPlan, AResultDoesNotTakeOverWhatIsReadThroughAView) {
    SmallGraph small;
    ValueId const y = small.conv("conv", small.input);
    ValueId const flat = small.net.flatten("flatten", y);
    ValueId const relu = small.net.relu("relu", y);  // y dies here, but its view lives on
    small.net.linear("fc", flat, 3, false);
    small.conv("conv2", relu);
    MemoryPlan const plan = plan_memory(small.graph, request_of(small.graph));
    EXPECT_EQ(plan.storage[index(relu)], relu);
}

TEST(MemoryPlan, AValueThatIsReadTwiceByTheSameNodeIsNotTakenOver) {
    SmallGraph small;
    ValueId const y = small.conv("conv", small.input);
    ValueId const twice = small.net.add("twice", y, y);
    MemoryPlan const plan = plan_memory(small.graph, request_of(small.graph));
    EXPECT_EQ(plan.storage[index(twice)], twice);
}

TEST(MemoryPlan, ParametersInputsAndWantedValuesAreNotTakenOver) {
    SmallGraph small;
    ValueId const from_input = small.net.relu("from_input", small.input);
    ValueId const wanted = small.conv("wanted", from_input);
    ValueId const relu = small.net.relu("relu", wanted);
    MemoryRequest request = request_of(small.graph);
    request.until_end[index(wanted)] = true;
    MemoryPlan const plan = plan_memory(small.graph, request);
    EXPECT_EQ(plan.storage[index(from_input)], from_input) << "the input must survive for the next run";
    EXPECT_EQ(plan.storage[index(relu)], relu);
    EXPECT_EQ(plan.value_offset[index(small.graph.find("wanted.weight"))], MemoryPlan::unplaced);
}

TEST(MemoryPlan, InputsHoldTheirMemoryFromTheStartAndWantedValuesToTheEnd) {
    SmallGraph small;
    ValueId y = small.conv("early", small.input);
    ValueId const early = y;
    for (int i = 0; i < 6; ++i) { y = small.conv("conv" + std::to_string(i), y); }
    ValueId const labels = small.net.labels(small.net.shape(y), DType::f64);
    small.net.add("last", y, labels);

    MemoryRequest request = request_of(small.graph);
    request.until_end[index(early)] = true;
    MemoryPlan const plan = plan_memory(small.graph, request);
    std::size_t const bytes = request.value_bytes[index(early)];
    for (std::size_t i = 0; i < small.graph.values().size(); ++i) {
        auto const id = static_cast<ValueId>(i);
        if (request.persistent[i] || id == early || id == labels) { continue; }
        EXPECT_TRUE(apart(plan.value_offset[i], bytes, plan.value_offset[index(labels)], bytes))
            << small.graph.value(id).name;
        if (id == small.input) { continue; }  // dies before `early` is written
        EXPECT_TRUE(apart(plan.value_offset[i], bytes, plan.value_offset[index(early)], bytes))
            << small.graph.value(id).name;
    }
}

TEST(MemoryPlan, AWorkspaceIsApartFromWhatItsNodeReadsAndWrites) {
    SmallGraph small;
    ValueId const a = small.conv("a", small.input);
    ValueId const b = small.conv("b", a);
    small.conv("c", b);
    MemoryRequest request = request_of(small.graph);
    request.workspace_bytes[1] = 100000;
    MemoryPlan const plan = plan_memory(small.graph, request);
    for (ValueId const id : {a, b}) {
        EXPECT_TRUE(
            apart(plan.workspace_offset[1], 100000, plan.value_offset[index(id)], request.value_bytes[index(id)]));
    }
    EXPECT_EQ(plan.peak_node, 1U);
    EXPECT_GE(plan.total, 100000 + 2 * request.value_bytes[index(a)]);
}

/// At every node its outputs, its workspace and all that is still to be read must be apart, unless they share memory by
/// intent. Checked from the node list alone, without the planner's lifetimes.
void expect_sound(Graph const& graph, MemoryRequest const& request, MemoryPlan const& plan) {
    std::vector<NodeId> last(graph.values().size(), none), first(graph.values().size(), none);
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        for (ValueId const id : graph.nodes()[n].inputs) { last[index(id)] = static_cast<NodeId>(n); }
        for (ValueId const id : graph.nodes()[n].outputs) { first[index(id)] = static_cast<NodeId>(n); }
    }
    auto const alive = [&](std::size_t i, NodeId at) {
        return !request.persistent[i] &&
               (request.comes_from_elsewhere(static_cast<ValueId>(i)) || (first[i] != none && first[i] <= at)) &&
               (request.until_end[i] || last[i] >= at || first[i] == at);
    };
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        auto const at = static_cast<NodeId>(n);
        for (ValueId const output : graph.node(at).outputs) {
            std::size_t const o = index(output);
            EXPECT_LE(plan.value_offset[o] + request.value_bytes[o], plan.total);
            for (std::size_t i = 0; i < graph.values().size(); ++i) {
                if (i == o || !alive(i, at) || plan.storage[i] == plan.storage[o]) { continue; }
                ASSERT_TRUE(
                    apart(plan.value_offset[o], request.value_bytes[o], plan.value_offset[i], request.value_bytes[i]))
                    << graph.node(at).name << " writes " << graph.value(output).name << " over "
                    << graph.values()[i].name;
            }
            // sharing by intent: whoever shares is dead after this node, or is a view
            for (std::size_t i = 0; i < graph.values().size(); ++i) {
                bool const shares = i != o && plan.storage[i] == plan.storage[o] && alive(i, at) && first[i] < at;
                if (!shares || graph.node(at).op->is_view()) { continue; }
                EXPECT_LE(last[i], at) << graph.node(at).name << " overwrites " << graph.values()[i].name;
                EXPECT_FALSE(request.until_end[i]);
            }
        }
    }
    EXPECT_GE(plan.total, plan.lower_bound);
}

struct Case {
    char const* name;
    std::function<ValueId(NetworkBuilder&, ValueId)> build;
};

TEST(MemoryPlan, NothingAliveIsOverwrittenInWholeNetworks) {
    std::vector<Case> const cases{{"resnet v1",
                                   [](NetworkBuilder& net, ValueId x) {
                                       return resnet_cifar(net, x, {14, 1, 4, 5});
                                   }},
                                  {"resnet v2",
                                   [](NetworkBuilder& net, ValueId x) {
                                       return resnet_cifar(net, x, {11, 2, 4, 5});
                                   }},
                                  {"amoebanet",
                                   [](NetworkBuilder& net, ValueId x) {
                                       return amoebanet(net, x, {3, 8, 5});
                                   }},
                                  {"unet", [](NetworkBuilder& net, ValueId x) {
                                       UNetOptions options;
                                       options.base = 4;
                                       options.levels = 3;
                                       options.classes = 2;
                                       return unet(net, x, options);
                                   }}};
    for (Case const& each : cases) {
        std::vector<std::size_t> totals;
        for (auto const mode : {RecomputeMode::none, RecomputeMode::cheap, RecomputeMode::blocks}) {
            Graph graph;
            NetworkBuilder net(graph, {Mode::train, DType::f32, 0});
            ValueId const logits = each.build(net, net.image({2, 1, 32, 32, 3}));
            Shape shape = net.shape(logits);
            shape.c = 1;
            ValueId const loss =
                net.emit("loss", std::make_shared<SoftmaxCrossEntropy>(SoftmaxCrossEntropyAttributes{}),
                         {logits, net.labels(shape, DType::i32)});
            graph.value(loss).role = Role::loss;
            fuse(graph);
            differentiate(graph);
            recompute(graph, mode);
            MemoryRequest const request = request_of(graph);
            MemoryPlan const plan = plan_memory(graph, request);
            SCOPED_TRACE(each.name);
            expect_sound(graph, request, plan);
            EXPECT_LE(static_cast<double>(plan.total), 1.1 * static_cast<double>(plan.lower_bound));
            totals.push_back(plan.total);
        }
        EXPECT_LT(totals[1], totals[0]) << each.name << ": recompute cheap must save memory";
        EXPECT_LT(totals[2], totals[0]) << each.name << ": recompute blocks must save memory";
    }
}

}  // namespace
}  // namespace aureole::test
