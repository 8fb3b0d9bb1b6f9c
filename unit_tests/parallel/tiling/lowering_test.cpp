// Lowering of graphs to ranks of a grid, without running them: which exchanges there are, and what they send.
#include <gtest/gtest.h>

#include "core/metrics/confusion.hpp"
#include "core/models/resnet.hpp"
#include "core/models/unet.hpp"
#include "core/optim/update.hpp"
#include "parallel/program/communicate.hpp"
#include "parallel/program/communication.hpp"
#include "unit_tests/parallel/tiling/tiled_graph.hpp"
#include "unit_tests/support/network_runner.hpp"

namespace aureole::test {
namespace {

using Counts = std::array<Index, 3>;

/// `depth` convolutions with windows of 3 x 3 over an image of f64.
Make chain(Index depth, Shape const& image, Index channels) {
    return [=](GraphMaker& make) {
        ValueId x = make.real_input("image", image, DType::f64, -1, 1);
        for (Index i = 0; i < depth; ++i) {
            x = make.net.conv("conv" + std::to_string(i), x, {windows(Dimensions::two, 3, 1, 1), channels, 1});
        }
        return x;
    };
}

std::vector<Node const*> nodes_of_kind(Graph const& graph, std::string_view kind) {
    std::vector<Node const*> nodes;
    for (Node const& node : graph.nodes()) {
        if (node.op->kind() == kind) { nodes.push_back(&node); }
    }
    return nodes;
}

bool is_inside(LocalGraph const& local, ValueId value, ValueId host) {
    return std::any_of(local.inside.begin(), local.inside.end(),
                       [&](Inside const& each) { return each.value == value && each.host == host; });
}

TEST(Tile, OneTileChangesNothing) {
    TestGraph const test = make_graph(chain(3, {1, 1, 8, 8, 2}, 2), 1);
    LocalGraph const local = tile(test.graph, TileGrid{}, 0);
    ASSERT_EQ(local.graph.nodes().size(), test.graph.nodes().size());
    EXPECT_TRUE(local.inside.empty());
    Traffic const traffic = traffic_of(local);
    EXPECT_EQ(traffic.exchanges + traffic.messages + traffic.bytes + traffic.reductions + traffic.reduced_bytes, 0U);
}

TEST(Tile, AChainCutAlongHSendsItsRows) {
    Index const depth = 5, w = 12, c = 3;
    for (int const ranks : {2, 3, 4}) {
        TestGraph const test = make_graph(chain(depth, {1, 1, 16, w, c}, c), 1);
        for (int rank = 0; rank < ranks; ++rank) {
            SCOPED_TRACE(rank);
            LocalGraph const local = tile(test.graph, TileGrid(Counts{1, ranks, 1}), rank);
            Traffic const traffic = traffic_of(local);
            // Forward: the input of every convolution but the first. Backward: dy of every one but the first, whose
            // input needs no gradient; weight gradients use the halos that are there.
            std::size_t const exchanges = 2 * (depth - 1), neighbours = rank == 0 || rank + 1 == ranks ? 1 : 2;
            EXPECT_EQ(traffic.exchanges, exchanges);
            EXPECT_EQ(traffic.messages, exchanges * neighbours);
            EXPECT_EQ(traffic.bytes, exchanges * neighbours * static_cast<std::size_t>(w * c) * sizeof(double));
            EXPECT_EQ(traffic.reductions, static_cast<std::size_t>(depth) + 1) << "weights and the loss";
            EXPECT_EQ(traffic.reduced_bytes, (static_cast<std::size_t>(depth * 9 * c * c) + 1) * sizeof(double));
        }
    }
}

TEST(Tile, AChainCutBothWaysSendsEdgesAndCorners) {
    Index const depth = 3, h = 10, w = 12, c = 2;
    TestGraph const test = make_graph(chain(depth, {1, 1, h, w, c}, c), 1);
    for (int rank = 0; rank < 4; ++rank) {
        Traffic const traffic = traffic_of(tile(test.graph, TileGrid(Counts{1, 2, 2}), rank));
        std::size_t const exchanges = 2 * (depth - 1), pixels = h / 2 + w / 2 + 1;
        EXPECT_EQ(traffic.exchanges, exchanges);
        EXPECT_EQ(traffic.messages, 3 * exchanges);
        EXPECT_EQ(traffic.bytes, exchanges * pixels * static_cast<std::size_t>(c) * sizeof(double));
    }
}

TEST(Tile, RowsAreExchangedWhereTheyLie) {
    TestGraph const test = make_graph(chain(4, {1, 1, 16, 12, 3}, 3), 1);
    for (int rank = 0; rank < 4; ++rank) {
        LocalGraph const local = tile(test.graph, TileGrid(Counts{1, 4, 1}), rank);
        auto const begins = nodes_of_kind(local.graph, "redistribute_begin");
        EXPECT_EQ(begins.size(), 6U);
        for (Node const* begin : begins) {
            EXPECT_EQ(local.graph.value(begin->outputs[1]).type.shape.volume(), 0) << begin->name << " needs a buffer";
            EXPECT_TRUE(is_inside(local, begin->inputs[0], begin->outputs[0])) << begin->name << " copies";
        }
        for (Node const* part : nodes_of_kind(local.graph, "local_part")) { EXPECT_TRUE(part->op->is_view()); }
    }
}

std::size_t position_of(LocalGraph const& local, std::string_view node) {
    auto const& nodes = local.graph.nodes();
    auto const at = std::find_if(nodes.begin(), nodes.end(), [&](Node const& each) { return each.name == node; });
    EXPECT_NE(at, nodes.end()) << "no node " << node;
    return static_cast<std::size_t>(at - nodes.begin());
}

TEST(Tile, SumsOfGradientsTravelWhileTheBackwardPassGoesOn) {
    TestGraph test = make_graph(chain(6, {1, 1, 16, 12, 3}, 3), 1);
    insert_updates(test.graph, {});
    LocalGraph const local = tile(test.graph, TileGrid(Counts{1, 2, 1}), 1);
    for (std::string const conv : {"conv5", "conv4", "conv3"}) {
        std::string const name = conv + ".weight_gradient";
        std::size_t const made = position_of(local, name), begun = position_of(local, name + ".all_reduce.begin");
        std::size_t const ended = position_of(local, name + ".all_reduce");
        EXPECT_EQ(begun, made + 1);
        EXPECT_EQ(position_of(local, conv + ".weight.update"), ended + 1);
        auto const& nodes = local.graph.nodes();
        auto const computes = [](Node const& node) { return node.op->kind() == "conv_input_gradient"; };
        EXPECT_TRUE(std::any_of(nodes.begin() + static_cast<std::ptrdiff_t>(begun),
                                nodes.begin() + static_cast<std::ptrdiff_t>(ended), computes));
    }
    EXPECT_EQ(nodes_of_kind(local.graph, "optimizer_update").size(), 6U);
    EXPECT_EQ(nodes_of_kind(local.graph, "all_reduce_begin").size(),
              nodes_of_kind(local.graph, "all_reduce_finish").size());
}

TEST(Tile, WhatNeedsNoStripIsComputedBeforeTheyArrive) {
    TestGraph const test = make_graph(chain(4, {1, 1, 48, 12, 3}, 3), 1);
    for (int rank = 0; rank < 4; ++rank) {
        LocalGraph const local = tile(test.graph, TileGrid(Counts{1, 4, 1}), rank, {.overlap = Overlap::always});
        ValueId const x = local.graph.node(static_cast<NodeId>(position_of(local, "conv1.join"))).outputs[0];
        std::string const halo = local.graph.value(x).name + ".halo";
        std::size_t const interior = position_of(local, "conv2.between");
        EXPECT_LT(position_of(local, halo + ".begin"), interior);
        EXPECT_LT(interior, position_of(local, halo));
        EXPECT_LT(position_of(local, halo), position_of(local, "conv2.before"));
        // the parts of a value lie in its memory, it lies in the tensor with its halo: nothing is copied
        Node const& join = local.graph.node(static_cast<NodeId>(position_of(local, "conv1.join")));
        for (ValueId const part : join.inputs) {
            if (!local.box(part).empty()) { EXPECT_TRUE(is_inside(local, part, x)); }
        }
        EXPECT_EQ(local.box(join.inputs[0]).shape().h, rank == 0 || rank == 3 ? 11 : 10);
        for (Node const* part : nodes_of_kind(local.graph, "local_part")) {
            if (!local.box(part->outputs[0]).empty()) { EXPECT_TRUE(part->op->is_view()) << part->name; }
        }
    }
    // columns of a row do not lie together
    EXPECT_TRUE(
        nodes_of_kind(tile(test.graph, TileGrid(Counts{1, 1, 4}), 0, {.overlap = Overlap::always}).graph, "join_parts")
            .empty());
}

TEST(Tile, SlabsAreMadeWhereTheExchangeIsDear) {
    TestGraph const test = make_graph(chain(3, {1, 1, 512, 512, 3}, 16), 1);
    auto const slabs = [&](double message_bytes) {
        TilingOptions options;
        options.machine.message_bytes = message_bytes;
        return nodes_of_kind(tile(test.graph, TileGrid(Counts{1, 2, 1}), 0, options).graph, "join_parts").size();
    };
    EXPECT_EQ(slabs(1e12), 0U);
    EXPECT_GE(slabs(1e7), 2U);
}

TEST(Tile, MemoryIsSplitByUse) {
    Index const w = 12, c = 3;
    TestGraph const test = make_graph(chain(4, {1, 1, 16, w, c}, c), 1);
    std::size_t const row = static_cast<std::size_t>(w * c) * sizeof(double);
    for (bool const columns : {false, true}) {
        for (int const ranks : {1, 2}) {
            TileGrid const grid(columns ? Counts{1, 1, ranks} : Counts{1, ranks, 1});
            ProgramOptions options;
            options.kernels = KernelChoice::native;
            options.guard = false;
            Program const program(tile(test.graph, grid, 0), options);
            MemorySplit const split = program.transient_split();
            EXPECT_EQ(split.total(), program.transient_bytes());
            EXPECT_LT(split.gaps, program.transient_bytes() / 10) << "a gap cannot be negative";
            EXPECT_GT(split.activations, 8 * row) << "of at least one tile";
            EXPECT_EQ(split.halo > 0, ranks > 1);
            EXPECT_EQ(split.messages > 0, ranks > 1 && columns) << "rows are sent from where they lie";
            if (ranks > 1 && !columns) { EXPECT_EQ(split.halo % row, 0U) << "rows of the neighbour"; }
        }
    }
}

TEST(Tile, ColumnsNeedBuffers) {
    TestGraph const test = make_graph(chain(2, {1, 1, 16, 12, 3}, 3), 1);
    LocalGraph const local = tile(test.graph, TileGrid(Counts{1, 1, 2}), 0);
    for (Node const* begin : nodes_of_kind(local.graph, "redistribute_begin")) {
        // 16 x 1 x 3 doubles out and in
        EXPECT_EQ(local.graph.value(begin->outputs[1]).type.shape.volume(), 2 * 16 * 3 * 8);
        EXPECT_FALSE(is_inside(local, begin->inputs[0], begin->outputs[0]));
    }
}

TEST(Tile, InputsDoNotTravel) {
    TestGraph const test = make_graph(chain(3, {2, 1, 16, 12, 3}, 3), 1);
    LocalGraph const local = tile(test.graph, TileGrid(Counts{1, 2, 2}), 3);
    for (Node const* begin : nodes_of_kind(local.graph, "redistribute_begin")) {
        EXPECT_NE(local.graph.value(begin->inputs[0]).role, Role::input);
    }
    EXPECT_EQ(local.box(local.graph.find("image")), (Box{{0, 0, 7, 5, 0}, {2, 1, 16, 12, 3}}));
    EXPECT_EQ(local.box(local.graph.find("targets")), (Box{{0, 0, 8, 6, 0}, {2, 1, 16, 12, 3}}));
}

TEST(Tile, GradientsMayWaitForTheLastMicroBatch) {
    TestGraph const test = make_graph(chain(3, {1, 1, 16, 12, 3}, 3), 1);
    LocalGraph const now = tile(test.graph, TileGrid(Counts{1, 2, 1}), 0);
    LocalGraph const later = tile(test.graph, TileGrid(Counts{1, 2, 1}), 0, {.defer_gradients = true});
    EXPECT_TRUE(now.partial_gradients.empty());
    EXPECT_EQ(later.partial_gradients.size(), 3U);
    EXPECT_EQ(traffic_of(now).reductions, 4U);
    EXPECT_EQ(traffic_of(later).reductions, 1U);
    for (char const* const weight : {"conv0.weight", "conv1.weight", "conv2.weight"}) {
        ValueId const gradient = later.graph.gradient_of(later.graph.find(weight));
        EXPECT_EQ(later.partial_gradients.count(gradient), 1U) << weight;
    }
}

TEST(Tile, AnExchangeBeginsBeforeAndEndsAtItsFirstUser) {
    TestGraph const test = make_graph(chain(4, {1, 1, 16, 12, 3}, 3), 1);
    LocalGraph const local = tile(test.graph, TileGrid(Counts{1, 2, 2}), 1);
    std::vector<bool> made(local.graph.values().size(), false);
    for (std::size_t i = 0; i < made.size(); ++i) {
        Role const role = local.graph.values()[i].role;
        made[i] = role == Role::input || role == Role::parameter || role == Role::state;
    }
    for (Node const& node : local.graph.nodes()) {
        for (ValueId const id : node.inputs) { EXPECT_TRUE(made[static_cast<std::size_t>(id)]) << node.name; }
        for (ValueId const id : node.outputs) {
            EXPECT_FALSE(made[static_cast<std::size_t>(id)]) << node.name;
            made[static_cast<std::size_t>(id)] = true;
        }
    }
    for (Node const* finish : nodes_of_kind(local.graph, "redistribute_finish")) {
        EXPECT_FALSE(local.graph.consumers(finish->outputs[0]).empty());
    }
}

/// Names and kinds of what crosses ranks, and layouts and how results are combined: what all ranks must agree on, or
/// they would wait for each other.
std::vector<std::string> crossings(LocalGraph const& local) {
    std::vector<std::string> all;
    for (Node const& node : local.graph.nodes()) {
        std::string text = std::string(node.op->kind()) + " " + node.name;
        if (node.op->kind() == "redistribute_begin") {
            auto const& op = static_cast<RedistributeBegin const&>(*node.op);
            text += "\n" + to_string(op.from()) + "to\n" + to_string(op.to());
        }
        if (node.op->kind() == "all_reduce_begin") {
            auto const& op = static_cast<AllReduceBegin const&>(*node.op);
            text += " " + std::to_string(static_cast<int>(op.how()));
            for (ValueId const id : node.outputs) { text += " " + to_string(local.graph.value(id).type.shape); }
        }
        all.push_back(text);
    }
    return all;
}

void expect_ranks_agree(Graph const& graph, TileGrid const& grid) {
    for (bool const defer : {false, true}) {
        auto const want = crossings(tile(graph, grid, 0, {.defer_gradients = defer}));
        for (int rank = 1; rank < grid.ranks(); ++rank) {
            auto const got = crossings(tile(graph, grid, rank, {.defer_gradients = defer}));
            ASSERT_EQ(got, want) << "rank " << rank << " of " << to_string(grid);
        }
    }
}

/// Every message that a rank sends in an exchange is one that its peer waits for.
void expect_messages_match(Graph const& graph, TileGrid const& grid) {
    std::size_t sent = 0, received = 0;
    for (int rank = 0; rank < grid.ranks(); ++rank) {
        LocalGraph const local = tile(graph, grid, rank);
        for (Node const* begin : nodes_of_kind(local.graph, "redistribute_begin")) {
            auto const& op = static_cast<RedistributeBegin const&>(*begin->op);
            Redistribution const plan = plan_redistribution(op.from(), op.to(), rank);
            sent += plan.sends.size();
            received += plan.receives.size();
            EXPECT_EQ(op.from()[rank], local.box(begin->inputs[0]));
            EXPECT_EQ(op.to()[rank], local.box(begin->outputs[0]));
        }
    }
    EXPECT_EQ(sent, received);
}

TEST(Tile, AllRanksDoTheSameInTheSameOrder) {
    NetworkSpec resnet_spec;
    resnet_spec.image = {2, 1, 32, 32, 3};
    resnet_spec.model = [](NetworkBuilder& net, ValueId x) { return resnet_cifar(net, x, {11, 2, 4, 5}); };
    NetworkSpec unet_spec;
    unet_spec.image = {1, 1, 16, 24, 1};
    unet_spec.labels = NetworkSpec::Labels::values;
    unet_spec.model = [](NetworkBuilder& net, ValueId x) {
        UNetOptions options;
        options.base = 2;
        options.levels = 3;
        return unet(net, x, options);
    };
    for (NetworkSpec const& spec : {resnet_spec, unet_spec}) {
        Graph const graph = build_test_network(spec).graph;
        for (Counts const& counts : {Counts{1, 2, 1}, Counts{1, 1, 3}, Counts{1, 2, 2}, Counts{1, 5, 3}}) {
            expect_ranks_agree(graph, TileGrid(counts));  // 5 x 3: empty tiles in the deep layers
            expect_messages_match(graph, TileGrid(counts));
        }
        TileGrid const uneven(Counts{1, 3, 2}, {{{}, {1, 3}, {5}}}, Counts{1, spec.image.h, spec.image.w});
        expect_ranks_agree(graph, uneven);
        expect_messages_match(graph, uneven);
    }
}

TEST(Tile, RanksOfRandomGridsAgree) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        Shape image;
        TestGraph const test = make_graph(
            [](GraphMaker& make) {
                ValueId const x = make.source();
                ValueId const y = make.net.conv("conv", x, {make.windows(false), 3, 1});
                return make.net.norm("norm", y, {});
            },
            seed, &image);
        TileGrid const grid = random_grid(random, static_cast<int>(random.between(2, 9)), image);
        expect_ranks_agree(test.graph, grid);
        expect_messages_match(test.graph, grid);
    }
}

TEST(Tile, CountersAreOfThisRankWhereTheirPixelsAreTiled) {
    for (bool const per_pixel : {true, false}) {
        TestGraph const test = make_graph(
            [&](GraphMaker& make) {
                make.image = {2, 1, 8, 8, 3};
                ValueId x = make.source();
                if (!per_pixel) { x = make.net.global_pool("pool", x, PoolKind::average); }
                Shape labels = make.shape(x);
                labels.c = 1;
                make.net.graph().add_node(
                    "metric", std::make_shared<MetricConfusion>(),
                    {x, make.labels(labels, DType::i32, 0, 2),
                     make.net.state("counts", metric_confusion_shape(make.shape(x)), DType::f64, 0)});
                return x;
            },
            1);
        LocalGraph const local = tile(test.graph, TileGrid(Counts{1, 2, 1}), 1);
        EXPECT_EQ(local.partial_states.count("counts"), per_pixel ? 1U : 0U);
    }
}

}  // namespace
}  // namespace aureole::test
