// Numbers of parameters and shapes of the results of the networks that we build.
#include <gtest/gtest.h>

#include <tuple>

#include "core/models/amoebanet.hpp"
#include "core/models/resnet.hpp"
#include "core/models/unet.hpp"

namespace aureole {
namespace {

struct Built {
    Graph graph;
    Shape logits;

    template <class Model>
    Built(Shape const& image, Model const& model) {
        NetworkBuilder net(graph, {Mode::train, DType::f32, 0});
        logits = net.shape(model(net, net.image(image)));
    }
    [[nodiscard]] Index parameters() const {
        Index sum = 0;
        for (Value const& value : graph.values()) {
            if (value.role == Role::parameter) { sum += value.type.shape.volume(); }
        }
        return sum;
    }
};

/// Parameters of torchvision.models.resnet18 ... resnet152, version 0.14.
TEST(ModelSize, ResNetsOfTheImageNetFamilyHaveTorchvisionsNumbers) {
    std::vector<std::pair<Index, Index>> const expected{
        {18, 11689512}, {34, 21797672}, {50, 25557032}, {101, 44549160}, {152, 60192808}};
    for (auto const& [depth, parameters] : expected) {
        Built const built({2, 1, 224, 224, 3},
                          [d = depth](NetworkBuilder& net, ValueId x) { return resnet(net, x, d, 1000); });
        EXPECT_EQ(built.parameters(), parameters) << "depth " << depth;
        EXPECT_EQ(built.logits, (Shape{2, 1, 1, 1, 1000}));
    }
}

Built cifar(Index depth, Index version, Index size) {
    return {{1, 1, size, size, 3}, [&](NetworkBuilder& net, ValueId x) {
                return resnet_cifar(net, x, {depth, version, 16, 10});
            }};
}

/// The reference implementation reports 7,185,008 for depth 110, version 2 at 32 x 32, of which 22,086 belong to
/// normalisations that it registers and never calls.
TEST(ModelSize, ResNet110Version2HasTheReferencesNumbersWithoutItsUnusedOnes) {
    EXPECT_EQ(cifar(110, 2, 32).parameters(), 7185008 - 22086);
    // the head pools 8 x 8, so its linear layer grows with the image
    Index const head = 256 * 10;
    EXPECT_EQ(cifar(110, 2, 512).parameters() - cifar(110, 2, 32).parameters(), head * (16 * 16 - 1));
}

/// Version 1 by the sizes of its layers: stem, then per block two 3 x 3 convolutions with norms.
TEST(ModelSize, ResNetCifarVersion1FollowsItsLayerList) {
    for (Index const depth : {8, 20, 56}) {
        Index const blocks = (depth - 2) / 6;
        auto const conv = [](Index in, Index out, Index size) { return in * out * size * size; };
        Index expected = conv(3, 16, 3) + 2 * 16;
        Index in = 16;
        for (Index const width : {16, 32, 64}) {
            for (Index block = 0; block < blocks; ++block) {
                expected +=
                    conv(in, width, 3) + conv(width, width, 3) + 4 * width + (in != width ? conv(in, width, 1) : 0);
                in = width;
            }
        }
        expected += 64 * 10 + 10;
        EXPECT_EQ(cifar(depth, 1, 32).parameters(), expected) << "depth " << depth;
    }
}

Built amoeba(AmoebaNetOptions const& options, Index h, Index w) {
    return {{1, 1, h, w, 3}, [&](NetworkBuilder& net, ValueId x) { return amoebanet(net, x, options); }};
}

/// Parameters of the implementation for PyTorch that works on model parallelism use, which the two corrections keep.
TEST(ModelSize, AmoebaNetsHaveTheReferencesNumbers) {
    EXPECT_EQ(amoeba({18, 416, 10}, 512, 512).parameters(), 312433690);
    EXPECT_EQ(amoeba({18, 256, 10}, 64, 64).parameters(), 118414090);
    EXPECT_EQ(amoeba({18, 214, 10}, 64, 64).parameters(), 81242028);
    EXPECT_EQ(amoeba({18, 208, 10}, 64, 64).parameters(), 78209830);
    EXPECT_EQ(amoeba({18, 512, 10}, 64, 64).parameters(), 473157130);
    EXPECT_EQ(amoeba({18, 512, 1000}, 64, 64).parameters(), 481268200);
    EXPECT_EQ(amoeba({6, 416, 10}, 64, 64).parameters(), 112355994);
    EXPECT_EQ(amoeba({3, 208, 10}, 64, 64).parameters(), 16099574);
}

/// Forward work of the convolutions in multiply-adds times two, as the reference counts it.
TEST(ModelSize, AmoebaNetsHaveTheReferencesWork) {
    for (auto const& [filters, giga] : std::vector<std::pair<Index, double>>{{416, 418.2}, {214, 108.7}}) {
        Built const built = amoeba({18, filters, 10}, 512, 512);
        double flops = 0;
        for (Node const& node : built.graph.nodes()) {
            if (node.op->kind() != "conv") { continue; }
            std::vector<ValueType> inputs, outputs;
            for (ValueId const id : node.inputs) { inputs.push_back(built.graph.value(id).type); }
            for (ValueId const id : node.outputs) { outputs.push_back(built.graph.value(id).type); }
            flops += node.op->cost(inputs, outputs).flops;
        }
        EXPECT_NEAR(flops * 1e-9, giga, 0.05) << filters;
    }
}

/// Steps of stride 2 round up: stem1 halves once, stem2, stem3, cell2 and cell4 too; channels are 3 or 4 times those of
/// the cell.
TEST(ModelSize, AmoebaNetCellsHaveTheirShapesForImagesOfAnySize) {
    for (auto const& [h, w] : std::vector<std::pair<Index, Index>>{{512, 512}, {77, 51}, {33, 1}}) {
        Built const built = amoeba({6, 416, 10}, h, w);
        std::vector<std::tuple<std::string, int, Index>> const expected{
            {"stem1.bn", 1, 104}, {"stem2", 2, 624},    {"stem3", 3, 1248}, {"cell1.0", 3, 1664}, {"cell1.1", 3, 1664},
            {"cell2", 4, 2496},   {"cell3.1", 4, 3328}, {"cell4", 5, 4992}, {"cell5.0", 5, 6656}, {"cell5.1", 5, 6656}};
        for (auto const& [name, halvings, channels] : expected) {
            auto const halved = [k = halvings](Index extent) { return (extent + (Index{1} << k) - 1) >> k; };
            ValueId const id = built.graph.find(name);
            ASSERT_NE(id, none) << name;
            EXPECT_EQ(built.graph.value(id).type.shape, (Shape{1, 1, halved(h), halved(w), channels})) << name;
        }
        EXPECT_EQ(built.logits, (Shape{1, 1, 1, 1, 10}));
    }
}

Index power(Index base, Index exponent) { return exponent == 0 ? 1 : base * power(base, exponent - 1); }

Index unet_parameters(UNetOptions const& options, Index channels) {
    auto const axes = static_cast<Index>(options.dimensions);
    Index const per_output = options.norm == UNetOptions::Norm::none ? 1 : 2;  // bias, or scale and shift
    auto const double_conv = [&](Index in, Index out) {
        return power(3, axes) * (in + out) * out + 2 * per_output * out;
    };
    Index sum = 0;
    Index in = channels;
    for (Index level = 0; level <= options.levels; ++level) {
        sum += double_conv(in, options.base << level);
        in = options.base << level;
    }
    Index const up = options.up == UNetOptions::Up::transposed ? power(2, axes) : 1;
    for (Index level = 0; level < options.levels; ++level) {
        Index const f = options.base << level;
        sum += up * 2 * f * f + f + double_conv(2 * f, f);
    }
    return sum + options.base * options.classes + options.classes;
}

TEST(ModelSize, UNetsFollowTheFormula) {
    for (auto const dimensions : {Dimensions::two, Dimensions::three}) {
        for (auto const norm : {UNetOptions::Norm::batch, UNetOptions::Norm::instance, UNetOptions::Norm::group,
                                UNetOptions::Norm::none}) {
            for (auto const up : {UNetOptions::Up::transposed, UNetOptions::Up::nearest, UNetOptions::Up::linear}) {
                UNetOptions const options{dimensions, 8, 3, 5, norm, 4, up};
                Index const depth = dimensions == Dimensions::three ? 16 : 1;
                Built const built({2, depth, 24, 32, 3},
                                  [&](NetworkBuilder& net, ValueId x) { return unet(net, x, options); });
                EXPECT_EQ(built.parameters(), unet_parameters(options, 3));
                EXPECT_EQ(built.logits, (Shape{2, depth, 24, 32, 5}));
            }
        }
    }
}

/// The U-Net of the paper with padding and batch norm, 64 filters, 3 channels, 2 classes, as widely used PyTorch
/// implementations count it.
TEST(ModelSize, TheUNetOfThePaperHas31MillionParameters) {
    UNetOptions options;
    options.base = 64;
    options.classes = 2;
    Built const built({1, 1, 64, 64, 3}, [&](NetworkBuilder& net, ValueId x) { return unet(net, x, options); });
    EXPECT_EQ(built.parameters(), 31037698);
}

TEST(ModelSize, UnitsAreTheStemTheBlocksAndTheHead) {
    EXPECT_EQ(cifar(20, 1, 32).graph.units().size(), 3U * 3U + 2U);
    EXPECT_EQ(cifar(110, 2, 32).graph.units().size(), 3U * 12U + 2U);
    Built const built({1, 1, 64, 64, 3}, [](NetworkBuilder& net, ValueId x) { return resnet(net, x, 50, 10); });
    EXPECT_EQ(built.graph.units().size(), 16U + 2U);
    for (Node const& node : built.graph.nodes()) { EXPECT_LT(node.unit, 18); }
    for (Index const cells : {3, 18}) {
        EXPECT_EQ(amoeba({cells, 16, 10}, 64, 64).graph.units().size(), static_cast<std::size_t>(cells) + 6U);
    }
}

}  // namespace
}  // namespace aureole
