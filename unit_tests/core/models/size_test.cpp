// Numbers of parameters and shapes of the results of the networks that we build.
#include <gtest/gtest.h>

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
}

}  // namespace
}  // namespace aureole
