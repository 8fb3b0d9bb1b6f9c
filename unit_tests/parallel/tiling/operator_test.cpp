// Every operator in tiles against one rank: value, input gradients, weight gradients, statistics and counters, for
// random shapes, attributes and grids. A case is named by its seed; --gtest_random_seed=<number> gives other cases.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/metrics/confusion.hpp"
#include "core/ops/bce_with_logits.hpp"
#include "core/ops/cast.hpp"
#include "core/ops/dice.hpp"
#include "core/ops/reshape.hpp"
#include "core/ops/softmax_cross_entropy.hpp"
#include "core/tensor/arena.hpp"
#include "parallel/program/communication.hpp"
#include "unit_tests/parallel/tiling/tiled_graph.hpp"

namespace aureole::test {
namespace {

constexpr double f64_tolerance = 1e-12;

Comm const& world() {
    static Comm const comm = Comm::world();
    return comm;
}

/// Fails on every rank if planning failed on one: the others would wait for its messages.
std::unique_ptr<GraphRunner> plan_tiled(TestGraph const& graph, TileGrid const& grid, TilingOptions const& options) {
    std::unique_ptr<GraphRunner> runner;
    try {
        runner = std::make_unique<GraphRunner>(graph, grid, world(), options);
    } catch (std::exception const& error) { ADD_FAILURE() << "rank " << world().rank() << ": " << error.what(); }
    return world().all(runner != nullptr) ? std::move(runner) : nullptr;
}

void expect_tiles_equal_one_rank(Make const& make, std::uint64_t seed, double tolerance) {
    Shape image;
    TestGraph const graph = make_graph(make, seed, &image);
    Random random(mix(seed, static_cast<std::uint64_t>(world().size())));
    TileGrid const grid = random_grid(random, world().size(), image);
    SCOPED_TRACE(fmt::format("seed {}, rank {}, output {}, image {} in {} tiles\n{}", seed, world().rank(),
                             to_string(graph.graph.value(graph.output).type.shape), to_string(image), to_string(grid),
                             to_string(Layout::tiled(grid, image))));
    RunContext context;
    context.seed = seed;
    context.step = 3;
    context.first_sample = random.between(0, 4);
    context.valid_samples = random.below(3) == 0 ? random.between(1, image.n) : -1;
    if (random.coin()) { context.counted_labels = 7.5, context.counted_samples = 1.5; }
    GraphRunner one(graph);
    bool const defer = random.coin();
    auto const tiled = plan_tiled(graph, grid,
                                  {.defer_gradients = defer,
                                   .chain = static_cast<int>(random.between(1, 3)),
                                   .overlap = random.coin() ? Overlap::always : Overlap::never});
    ASSERT_NE(tiled, nullptr);
    for (int round = 0; round < 2; ++round) {  // messages are made once; counters and statistics go on
        one.run(context);
        tiled->run(context);
        Difference const difference = largest_difference(tiled->result(), one.result());
        EXPECT_LE(difference.relative, tolerance) << difference.name << ", round " << round;
    }
}

void expect_tiles_equal_one_rank(Make const& make, int cases, double tolerance = f64_tolerance) {
    // the flag as it was given: UnitTest::random_seed() is the time of day without one, another on every rank
    std::uint64_t const name = mix(stream_of(::testing::UnitTest::GetInstance()->current_test_info()->name()),
                                   static_cast<std::uint64_t>(GTEST_FLAG_GET(random_seed)));
    for (int i = 0; i < cases; ++i) {
        // the number can be typed in again
        expect_tiles_equal_one_rank(make, mix(name, static_cast<std::uint64_t>(i)) >> 40U, tolerance);
    }
}

TEST(TiledOperator, Convolution) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) {
            Windows const windows = make.windows(false);
            Index const groups = make.random.between(1, 3);
            ConvAttributes const conv{windows, groups * make.random.between(1, 2), groups, make.random.coin(),
                                      make.random.coin()};
            ValueId const x = make.source(groups * make.random.between(1, 3));
            std::vector<ValueId> inputs{x};
            if (conv.addend) {
                Shape y = output_shape(windows, make.image);
                y.c = conv.filters;
                inputs.push_back(make.source_of(y));
            }
            inputs.push_back(make.parameter("weight", conv_weight_shape(conv, make.shape(x).c)));
            if (conv.bias) { inputs.push_back(make.parameter("bias", {1, 1, 1, 1, conv.filters})); }
            return make.net.emit("conv", std::make_shared<Conv>(conv), inputs);
        },
        40);
}

TEST(TiledOperator, ConvolutionOfTheWholeImage) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) {
            Shape const& image = make.image;
            Windows windows{Window{image.d}, Window{image.h}, Window{image.w}};
            if (make.random.coin()) { windows[2].pad_lo = 1; }
            return make.net.conv("conv", make.source(), {windows, 2, 1, true, false});
        },
        6);
}

TEST(TiledOperator, TransposedConvolution) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) {
            Index const groups = make.random.between(1, 2);
            TransposedConvAttributes conv{{}, groups * make.random.between(1, 2), groups, make.random.coin(), {}};
            for (;;) {
                for (std::size_t axis = make.three_dimensional ? 0 : 1; axis < 3; ++axis) {
                    Window& window = conv.window[axis];
                    window = {make.random.between(1, 4), make.random.between(1, 3), 0, 0, make.random.between(1, 2)};
                    window.pad_lo = make.random.between(0, window.reach() - 1);
                    window.pad_hi = make.random.between(0, window.reach() - 1);
                    conv.output_padding[axis] = make.random.below(window.stride);
                }
                Shape const y = transposed_conv_output_shape(conv, make.image);
                if (y.d > 0 && y.h > 0 && y.w > 0) { break; }
            }
            return make.net.transposed_conv("conv", make.source(groups * make.random.between(1, 2)), conv);
        },
        25);
}

ValueId pool(GraphMaker& make, PoolKind kind, ValueId x) {
    return make.net.pool("pool", x, {make.windows(true), kind, make.random.coin()});
}

TEST(TiledOperator, MaximumPooling) {
    expect_tiles_equal_one_rank([](GraphMaker& make) { return pool(make, PoolKind::max, make.source()); }, 15);
}

TEST(TiledOperator, MaximumPoolingOfEqualElements) {
    expect_tiles_equal_one_rank([](GraphMaker& make) { return pool(make, PoolKind::max, make.quantized_source()); }, 8);
}

TEST(TiledOperator, AveragePooling) {
    expect_tiles_equal_one_rank([](GraphMaker& make) { return pool(make, PoolKind::average, make.source()); }, 15);
}

ValueId upsample(GraphMaker& make, UpsampleMode mode) {
    UpsampleAttributes attributes{{1, make.random.between(1, 4), make.random.between(1, 4)}, mode};
    if (make.three_dimensional) { attributes.scale[0] = make.random.between(1, 3); }
    return make.net.upsample("up", make.source(), attributes);
}

TEST(TiledOperator, NearestUpsampling) {
    expect_tiles_equal_one_rank([](GraphMaker& make) { return upsample(make, UpsampleMode::nearest); }, 10);
}

TEST(TiledOperator, LinearUpsampling) {
    expect_tiles_equal_one_rank([](GraphMaker& make) { return upsample(make, UpsampleMode::linear); }, 15);
}

ValueId norm(GraphMaker& make, NormAttributes::Kind kind) {
    Random& random = make.random;
    make.image.h += 3;  // some pixels to take statistics of
    ValueId const x = make.source();
    NormAttributes norm;
    norm.kind = kind;
    norm.groups = kind == NormAttributes::Kind::group ? make.divisor(make.image.c) : 1;
    norm.samples_per_group = kind == NormAttributes::Kind::batch && random.coin() ? make.divisor(make.image.n) : 0;
    norm.epsilon = 1e-2;
    norm.affine = random.coin();
    norm.running = kind == NormAttributes::Kind::batch && random.coin();
    norm.fixed_statistics = norm.running && random.below(4) == 0;
    norm.residual = random.coin();
    if (random.coin()) { norm.activation = make.activation(); }
    Shape const per_channel{1, 1, 1, 1, make.image.c};
    std::vector<ValueId> sources;
    if (!norm.fixed_statistics) { sources.push_back(x); }
    if (norm.running) {
        sources.push_back(make.net.state("running_mean", per_channel, DType::f64, 0));
        sources.push_back(make.net.state("running_var", per_channel, DType::f64, 1));
    }
    OperatorPtr statistics = std::make_shared<NormStatistics>(norm);
    if (norm.fixed_statistics) { statistics = std::make_shared<RunningStatistics>(norm.epsilon); }
    Graph& graph = make.net.graph();
    auto const moments = graph.node(graph.add_node("statistics", statistics, sources)).outputs;
    std::vector<ValueId> inputs{x};
    if (norm.residual) { inputs.push_back(make.source()); }
    inputs.insert(inputs.end(), moments.begin(), moments.end());
    if (norm.affine) {
        inputs.push_back(make.parameter("gamma", per_channel));
        inputs.push_back(make.parameter("beta", per_channel));
    }
    return make.net.emit("norm", std::make_shared<Normalize>(norm), inputs);
}

TEST(TiledOperator, BatchNorm) {
    expect_tiles_equal_one_rank([](GraphMaker& make) { return norm(make, NormAttributes::Kind::batch); }, 20);
}

TEST(TiledOperator, InstanceNorm) {
    expect_tiles_equal_one_rank([](GraphMaker& make) { return norm(make, NormAttributes::Kind::instance); }, 10);
}

TEST(TiledOperator, GroupNorm) {
    expect_tiles_equal_one_rank([](GraphMaker& make) { return norm(make, NormAttributes::Kind::group); }, 12);
}

TEST(TiledOperator, LayerNorm) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) { return make.net.layer_norm("norm", make.source(make.random.between(3, 9)), 1e-2); }, 8);
}

TEST(TiledOperator, Linear) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) {
            return make.net.linear("linear", make.source(), make.random.between(1, 5), make.random.coin());
        },
        8);
}

TEST(TiledOperator, Activation) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) { return make.net.activation("act", make.source(), make.activation()); }, 10);
}

TEST(TiledOperator, Add) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) {
            ValueId const a = make.source();
            ValueId const b = make.random.coin() ? make.net.activation("act", a, make.activation()) : make.source();
            return make.net.add("add", a, b);
        },
        10);
}

TEST(TiledOperator, Concat) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) {
            std::vector<ValueId> parts;
            for (Index i = make.random.between(2, 4); i > 0; --i) { parts.push_back(make.source(i)); }
            if (make.random.coin()) { parts.push_back(parts[0]); }
            return make.net.concat("concat", parts);
        },
        8);
}

TEST(TiledOperator, SliceOfAnyAxis) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) {
            auto const axis = make.random.of(std::vector{Axis::n, Axis::d, Axis::h, Axis::w, Axis::c});
            ValueId const x = make.source();
            Index const begin = make.random.below(make.image[axis]);
            return make.net.slice("slice", x, axis, begin, make.random.between(begin + 1, make.image[axis]));
        },
        20);
}

TEST(TiledOperator, CastToF32AndBack) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) {
            ValueId const x = make.net.emit("to_f32", std::make_shared<Cast>(DType::f32), {make.source()});
            ValueId const y = make.net.pool("pool", x, {make.windows(true), PoolKind::average, true});
            return make.net.emit("to_f64", std::make_shared<Cast>(DType::f64), {y});
        },
        8, 1e-6);
}

TEST(TiledOperator, Dropout) {
    expect_tiles_equal_one_rank([](GraphMaker& make) { return make.net.dropout("dropped", make.source(), 0.4); }, 8);
}

ValueId global_pool(GraphMaker& make, PoolKind kind, ValueId x) {
    ValueId const y = make.net.global_pool("pool", x, kind);
    return make.random.coin() ? make.net.linear("linear", y, 3) : y;
}

TEST(TiledOperator, GlobalAverage) {
    expect_tiles_equal_one_rank([](GraphMaker& make) { return global_pool(make, PoolKind::average, make.source()); },
                                8);
}

TEST(TiledOperator, GlobalMaximum) {
    expect_tiles_equal_one_rank([](GraphMaker& make) { return global_pool(make, PoolKind::max, make.source()); }, 8);
}

TEST(TiledOperator, GlobalMaximumOfEqualElements) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) { return global_pool(make, PoolKind::max, make.quantized_source()); }, 8);
}

TEST(TiledOperator, FlattenAndLinear) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) { return make.net.linear("linear", make.net.flatten("flat", make.source()), 4); }, 8);
}

TEST(TiledOperator, FeaturesBecomeAnImage) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) {
            ValueId const features = make.net.linear("linear", make.net.flatten("flat", make.source()), 12);
            ValueId const image =
                make.net.emit("unflatten", std::make_shared<Reshape>(Shape{make.image.n, 1, 3, 4, 1}), {features});
            ValueId const y = make.net.conv("conv", image, {windows(Dimensions::two, 3, 1, 1), 2, 1, true, false});
            if (make.random.coin()) { return y; }
            return make.net.upsample("up", y, {{1, 2, 2}, UpsampleMode::linear});
        },
        8);
}

ValueId cross_entropy(GraphMaker& make, ValueId logits) {
    Random& random = make.random;
    SoftmaxCrossEntropyAttributes loss{{0.5, 0.25, {}}, random.coin() ? 0.1 : 0.0};
    Index const classes = make.shape(logits).c;
    if (random.coin()) { loss.loss.ignore_label = random.coin() ? -1 : random.below(classes); }
    bool const all_ignored = loss.loss.ignore_label && random.below(5) == 0;
    Shape shape = make.shape(logits);
    shape.c = 1;
    Index const first = all_ignored ? *loss.loss.ignore_label : loss.loss.ignore_label == -1 ? -1 : 0;
    ValueId const labels = make.labels(shape, DType::i32, first, all_ignored ? *loss.loss.ignore_label : classes - 1);
    make.add_loss(std::make_shared<SoftmaxCrossEntropy>(loss), {logits, labels});
    return logits;
}

TEST(TiledOperator, CrossEntropyPerPixel) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) { return cross_entropy(make, make.source(make.random.between(2, 5))); }, 20);
}

TEST(TiledOperator, CrossEntropyPerSample) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) {
            ValueId const x = make.source(make.random.between(2, 5));
            return cross_entropy(make, make.net.global_pool("pool", x, PoolKind::average));
        },
        8);
}

TEST(TiledOperator, BinaryCrossEntropy) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) {
            ValueId const logits = make.source();
            BceWithLogitsAttributes loss{{0.5, 0.25, {}}, 3};
            if (make.random.coin()) { loss.loss.ignore_label = 0; }
            DType const dtype = make.random.of(std::vector{DType::i32, DType::f32, DType::f64});
            ValueId const targets = make.labels(make.shape(logits), dtype, 0, 1);
            make.add_loss(std::make_shared<BceWithLogits>(loss), {logits, targets});
            return logits;
        },
        8);
}

ValueId dice(GraphMaker& make, ValueId logits) {
    Shape shape = make.shape(logits);
    Index const classes = shape.c;
    shape.c = 1;
    DType const dtype = classes == 1 && make.random.coin() ? DType::f64 : DType::i32;
    std::optional<Index> const ignored = make.random.coin() ? std::optional<Index>(0) : std::nullopt;
    Index const largest = classes > 1 ? make.random.between(0, classes) : 1;  // some classes occur nowhere
    ValueId const labels = make.labels(shape, dtype, classes > 1 ? -1 : 0, largest);
    make.add_loss(std::make_shared<Dice>(DiceAttributes{{0.5, 0.25, ignored}, 0.5}), {logits, labels});
    return logits;
}

TEST(TiledOperator, DiceOfOneClass) {
    expect_tiles_equal_one_rank([](GraphMaker& make) { return dice(make, make.source(1)); }, 8);
}

TEST(TiledOperator, DiceOfSeveralClasses) {
    expect_tiles_equal_one_rank([](GraphMaker& make) { return dice(make, make.source(make.random.between(2, 4))); }, 8);
}

TEST(TiledOperator, SeveralLosses) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) { return dice(make, cross_entropy(make, make.source(make.random.between(2, 4)))); }, 8);
}

TEST(TiledOperator, ConfusionCounts) {
    expect_tiles_equal_one_rank(
        [](GraphMaker& make) {
            ValueId const logits = make.source(make.random.between(1, 3));
            Index const classes = std::max<Index>(2, make.shape(logits).c);
            Shape shape = make.shape(logits);
            shape.c = 1;
            ValueId const labels = make.labels(shape, DType::i32, -1, classes - 1);
            Shape const counts = metric_confusion_shape(make.shape(logits));
            make.net.graph().add_node("metric", std::make_shared<MetricConfusion>(),
                                      {logits, labels, make.net.state("counts", counts, DType::f64, 0)});
            return logits;
        },
        10);
}

/// Several operators one after the other, values with several users, skips: exchanges are shared, memory is reused.
ValueId random_network(GraphMaker& make) {
    Random& random = make.random;
    std::vector<ValueId> values{make.source()};
    Shape const first = make.shape(values[0]);
    for (int i = 0; i < 6; ++i) {
        std::string const name = "layer" + std::to_string(i);
        ValueId const x = values.back();
        make.image = make.shape(x);
        Dimensions const dimensions = make.three_dimensional ? Dimensions::three : Dimensions::two;
        switch (random.below(9)) {
            case 0:
            case 1: {
                Index const dilation = random.between(1, 2);
                values.push_back(make.net.conv(
                    name, x, {windows(dimensions, 3, 1, dilation, dilation), random.between(1, 4), 1, true, false}));
                break;
            }
            case 2: values.push_back(make.net.conv(name, x, {make.windows(false), 3, 1, false, false})); break;
            case 3: {
                NormAttributes norm;
                norm.epsilon = 1e-2;
                values.push_back(make.net.norm(name, x, norm));
                break;
            }
            case 4: values.push_back(make.net.activation(name, x, make.activation())); break;
            case 5: values.push_back(make.net.pool(name, x, {make.windows(true), PoolKind::max, true})); break;
            case 6: values.push_back(make.net.upsample(name, x, {{1, 2, 1}, UpsampleMode::linear})); break;
            default: {
                std::vector<ValueId> same;  // a skip
                for (ValueId const other : values) {
                    Shape shape = make.shape(other);
                    if (other == x) { continue; }
                    shape.c = make.shape(x).c;
                    if (shape == make.shape(x)) { same.push_back(other); }
                }
                if (same.empty()) { break; }
                ValueId const other = random.of(same);
                bool const add = make.shape(other) == make.shape(x) && random.coin();
                values.push_back(add ? make.net.add(name, other, x) : make.net.concat(name, {x, other}));
            }
        }
        if (make.shape(values.back()).volume() > 20000) { break; }
    }
    make.image = first;
    return values.back();
}

TEST(TiledOperator, RandomNetworks) { expect_tiles_equal_one_rank(random_network, 50); }

// The comparison must be able to fail.

/// Sets what came from other ranks to zero, as if every tile were an image of its own.
void forget_halo(Node const& node, Program const& program) {
    if (node.op->kind() != "redistribute_finish") { return; }
    Box const with_halo = program.spec(node.outputs[0]).box, own = program.spec(node.inputs[2]).box;
    std::vector<double> values = read_values(program.tensor(node.outputs[0]));
    for_positions(with_halo, [&](auto const& at) {
        Box pixel{at, at};
        for (Index& hi : pixel.hi) { ++hi; }
        if (!contains(own, pixel)) { values[place_in(with_halo, at)] = 0; }
    });
    write_values(values, program.tensor(node.outputs[0]));
}

ValueId two_convolutions(GraphMaker& make) {
    make.image = {1, 1, 12, 12, 2};
    make.three_dimensional = false;
    ValueId x = make.real_input("image", make.image, DType::f64, -1, 1);
    for (std::string const name : {"first", "second"}) {
        x = make.net.conv(name, x, {windows(Dimensions::two, 3, 1, 1), 3, 1, true, false});
    }
    return x;
}

TEST(TiledComparison, NoticesALostHalo) {
    if (world().size() == 1) { GTEST_SKIP() << "one tile has no halo"; }
    TestGraph const graph = make_graph(two_convolutions, 1);
    TileGrid const grid(std::array<Index, 3>{1, world().size(), 1});
    GraphRunner one(graph), tiled(graph, grid, world());
    one.run({});
    tiled.run({});
    EXPECT_LE(largest_difference(tiled.result(), one.result()).relative, f64_tolerance);
    tiled.run({}, [&](Node const& node) { forget_halo(node, tiled.program()); });
    EXPECT_GT(largest_difference(tiled.result(), one.result()).relative, 1e-3);
    tiled.run({});
    EXPECT_LE(largest_difference(tiled.result(), one.result()).relative, f64_tolerance);
}

TEST(TiledComparison, NoticesAnExchangeThatDidNotHappen) {
    if (world().size() == 1) { GTEST_SKIP() << "one tile has no halo"; }
    TestGraph const graph = make_graph(two_convolutions, 1);
    TileGrid const grid(std::array<Index, 3>{1, world().size(), 1});
    GraphRunner one(graph);
    one.run({});
    LocalGraph local = tile(graph.graph, grid, world().rank());
    std::vector<Node> nodes = local.graph.nodes();
    for (Node& node : nodes) {
        if (node.op->kind() != "redistribute_begin") { continue; }
        auto const& op = static_cast<RedistributeBegin const&>(*node.op);
        auto const own = std::make_shared<Layout const>(op.from());
        node.op = std::make_shared<RedistributeBegin>(own, own, 0);  // whoever wants a halo gets none
    }
    local.graph.replace_nodes(nodes);
    GraphRunner tiled(graph, std::move(local), world());
    tiled.run({});
    EXPECT_FALSE(largest_difference(tiled.result(), one.result()).relative <= f64_tolerance);
}

}  // namespace
}  // namespace aureole::test
