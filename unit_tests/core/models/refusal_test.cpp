// What cannot be built is refused with the reason and a remedy.
#include <gtest/gtest.h>

#include "core/error.hpp"
#include "core/models/amoebanet.hpp"
#include "core/models/resnet.hpp"
#include "core/models/unet.hpp"

namespace aureole {
namespace {

template <class Model>
void expect_refused(Shape const& image, std::initializer_list<std::string> words, Model const& model) {
    Graph graph;
    NetworkBuilder net(graph, {Mode::train, DType::f32, 0});
    ValueId const x = net.image(image);
    try {
        static_cast<void>(model(net, x));
    } catch (Error const& error) {
        std::string const message = error.what();
        EXPECT_EQ(error.code(), ExitCode::bad_deck) << message;
        for (std::string const& word : words) {
            EXPECT_NE(message.find(word), std::string::npos) << "'" << word << "' is missing in: " << message;
        }
        return;
    }
    ADD_FAILURE() << "was built";
}

TEST(ModelRefusal, ResNetDepthsThatDoNotExist) {
    expect_refused({1, 1, 64, 64, 3}, {"depth 51", "18, 34, 50, 101 or 152"},
                   [](NetworkBuilder& net, ValueId x) { return resnet(net, x, 51, 10); });
}

TEST(ModelRefusal, CifarDepthsThatAreNoMultipleNameTheNearestOne) {
    expect_refused({1, 1, 32, 32, 3}, {"depth 21", "6n + 2", "20"}, [](NetworkBuilder& net, ValueId x) {
        return resnet_cifar(net, x, {21, 1, 16, 10});
    });
    expect_refused({1, 1, 32, 32, 3}, {"depth 100", "9n + 2", "101"}, [](NetworkBuilder& net, ValueId x) {
        return resnet_cifar(net, x, {100, 2, 16, 10});
    });
    expect_refused({1, 1, 32, 32, 3}, {"version 3"}, [](NetworkBuilder& net, ValueId x) {
        return resnet_cifar(net, x, {20, 3, 16, 10});
    });
    expect_refused({1, 1, 32, 32, 3}, {"depth 2"}, [](NetworkBuilder& net, ValueId x) {
        return resnet_cifar(net, x, {2, 1, 16, 10});
    });
}

TEST(ModelRefusal, Version2NeedsRoomForItsPooling) {
    expect_refused({1, 1, 28, 32, 3}, {"28 x 32", "32 x 32"}, [](NetworkBuilder& net, ValueId x) {
        return resnet_cifar(net, x, {11, 2, 16, 10});
    });
}

TEST(ModelRefusal, AmoebaNetCellsComeInThrees) {
    expect_refused({1, 1, 64, 64, 3}, {"17 cells", "18"}, [](NetworkBuilder& net, ValueId x) {
        return amoebanet(net, x, {17, 16, 10});
    });
    expect_refused({1, 1, 64, 64, 3}, {"1 cells", "3"}, [](NetworkBuilder& net, ValueId x) {
        return amoebanet(net, x, {1, 16, 10});
    });
    expect_refused({1, 1, 64, 64, 3}, {"7 filters", "8 or more"}, [](NetworkBuilder& net, ValueId x) {
        return amoebanet(net, x, {3, 7, 10});
    });
}

TEST(ModelRefusal, UNetExtentsMustBeMultiplesOfTwoToTheLevels) {
    UNetOptions options;
    options.base = 4;
    options.levels = 3;
    expect_refused({1, 1, 64, 36, 1}, {"multiples of 8", "64 x 36"},
                   [&](NetworkBuilder& net, ValueId x) { return unet(net, x, options); });
    options.dimensions = Dimensions::three;
    expect_refused({1, 12, 64, 64, 1}, {"multiples of 8", "12 x 64 x 64"},
                   [&](NetworkBuilder& net, ValueId x) { return unet(net, x, options); });
}

TEST(ModelRefusal, TwoLayersOfOneName) {
    expect_refused({1, 1, 8, 8, 1}, {"called same", "name of its own"},
                   [](NetworkBuilder& net, ValueId x) { return net.linear("same", net.linear("same", x, 4), 4); });
}

}  // namespace
}  // namespace aureole
