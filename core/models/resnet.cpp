#include "core/models/resnet.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"

namespace aureole {

namespace {

ConvAttributes convolution(Index filters, Index size, Index stride = 1) {
    return {windows(Dimensions::two, size, stride, (size - 1) / 2), filters, 1, false, false};
}

ConvAttributes with_bias(ConvAttributes attributes) {
    attributes.bias = true;
    return attributes;
}

PoolAttributes pooling(PoolKind kind, Index size, Index stride, Index pad) {
    return {windows(Dimensions::two, size, stride, pad), kind, true};
}

ValueId projection(NetworkBuilder& net, std::string const& name, ValueId x, Index filters, Index stride) {
    return net.norm(name + ".1", net.conv(name + ".0", x, convolution(filters, 1, stride)), {});
}

ValueId basic_block(NetworkBuilder& net, std::string const& name, ValueId x, Index width, Index stride) {
    ValueId y = net.conv(name + ".conv1", x, convolution(width, 3, stride));
    y = net.relu(name + ".relu1", net.norm(name + ".bn1", y, {}));
    y = net.norm(name + ".bn2", net.conv(name + ".conv2", y, convolution(width, 3)), {});
    ValueId const shortcut =
        stride != 1 || net.shape(x).c != width ? projection(net, name + ".downsample", x, width, stride) : x;
    return net.relu(name, net.add(name + ".add", y, shortcut));
}

ValueId bottleneck(NetworkBuilder& net, std::string const& name, ValueId x, Index width, Index stride) {
    Index const out = 4 * width;
    ValueId y =
        net.relu(name + ".relu1", net.norm(name + ".bn1", net.conv(name + ".conv1", x, convolution(width, 1)), {}));
    y = net.conv(name + ".conv2", y, convolution(width, 3, stride));
    y = net.relu(name + ".relu2", net.norm(name + ".bn2", y, {}));
    y = net.norm(name + ".bn3", net.conv(name + ".conv3", y, convolution(out, 1)), {});
    ValueId const shortcut =
        stride != 1 || net.shape(x).c != out ? projection(net, name + ".downsample", x, out, stride) : x;
    return net.relu(name, net.add(name + ".add", y, shortcut));
}

/// Basic block of version 1: the projection has neither norm nor bias.
ValueId cifar_block(NetworkBuilder& net, std::string const& name, ValueId x, Index width, Index stride) {
    ValueId y = net.conv(name + ".conv1", x, convolution(width, 3, stride));
    y = net.relu(name + ".relu1", net.norm(name + ".bn1", y, {}));
    y = net.norm(name + ".bn2", net.conv(name + ".conv2", y, convolution(width, 3)), {});
    ValueId const shortcut =
        net.shape(x).c != width ? net.conv(name + ".shortcut", x, convolution(width, 1, stride)) : x;
    return net.relu(name, net.add(name + ".add", y, shortcut));
}

struct PreactivationCell {
    Index inner, outer, stride;
    bool first_of_network, first_of_stage;
};

ValueId preactivation_cell(NetworkBuilder& net, std::string const& name, ValueId x, PreactivationCell const& cell) {
    ValueId y = x;
    if (!cell.first_of_network) { y = net.relu(name + ".relu1", net.norm(name + ".bn1", y, {})); }
    y = net.conv(name + ".conv1", y, with_bias(convolution(cell.inner, 3, cell.stride)));
    y = net.relu(name + ".relu2", net.norm(name + ".bn2", y, {}));
    y = net.conv(name + ".conv2", y, with_bias(convolution(cell.inner, 3)));
    y = net.relu(name + ".relu3", net.norm(name + ".bn3", y, {}));
    y = net.conv(name + ".conv3", y, with_bias(convolution(cell.outer, 1)));
    ValueId const shortcut =
        cell.first_of_stage ? net.conv(name + ".shortcut", x, with_bias(convolution(cell.outer, 1, cell.stride))) : x;
    return net.add(name, y, shortcut);
}

ValueId resnet_cifar_v1(NetworkBuilder& net, ValueId x, ResNetCifarOptions const& options) {
    Index const blocks = (options.depth - 2) / 6;
    net.graph().begin_unit("stem");
    ValueId y = net.relu("relu1", net.norm("bn1", net.conv("conv1", x, convolution(options.width, 3)), {}));
    for (Index stage = 0; stage < 3; ++stage) {
        for (Index block = 0; block < blocks; ++block) {
            std::string const name = fmt::format("layer{}.{}", stage + 1, block);
            net.graph().begin_unit(name);
            y = cifar_block(net, name, y, options.width << stage, stage > 0 && block == 0 ? 2 : 1);
        }
    }
    net.graph().begin_unit("head");
    return net.linear("fc", net.global_pool("avgpool", y, PoolKind::average), options.classes);
}

ValueId resnet_cifar_v2(NetworkBuilder& net, ValueId x, ResNetCifarOptions const& options) {
    Index const blocks = (options.depth - 2) / 9;
    require(net.shape(x).h >= 32 && net.shape(x).w >= 32, ExitCode::bad_deck,
            "resnet_cifar version 2 ends in 8 x 8 pooling after two halvings, {} x {} pixels are too few: use at least "
            "32 x 32",
            net.shape(x).h, net.shape(x).w);
    net.graph().begin_unit("stem");
    ValueId y = net.conv("conv1", x, with_bias(convolution(options.width, 3)));
    y = net.relu("relu1", net.norm("bn1", y, {}));
    Index inner = options.width;
    Index outer = 4 * options.width;
    for (Index stage = 0; stage < 3; ++stage) {
        for (Index block = 0; block < blocks; ++block) {
            std::string const name = fmt::format("layer{}.{}", stage + 1, block);
            net.graph().begin_unit(name);
            Index const stride = stage > 0 && block == 0 ? 2 : 1;
            y = preactivation_cell(net, name, y, {inner, outer, stride, stage == 0 && block == 0, block == 0});
        }
        inner = outer;
        outer *= 2;
    }
    net.graph().begin_unit("head");
    y = net.relu("relu2", net.norm("bn2", y, {}));
    y = net.flatten("flatten", net.pool("avgpool", y, pooling(PoolKind::average, 8, 8, 0)));
    return net.linear("fc", y, options.classes);
}

}  // namespace

ValueId resnet(NetworkBuilder& net, ValueId x, Index depth, Index classes) {
    struct Family {
        Index depth;
        bool bottleneck;
        std::array<Index, 4> blocks;
    };
    static constexpr std::array<Family, 5> families{{{18, false, {2, 2, 2, 2}},
                                                     {34, false, {3, 4, 6, 3}},
                                                     {50, true, {3, 4, 6, 3}},
                                                     {101, true, {3, 4, 23, 3}},
                                                     {152, true, {3, 8, 36, 3}}}};
    auto const* const family =
        std::find_if(families.begin(), families.end(), [&](Family const& each) { return each.depth == depth; });
    require(family != families.end(), ExitCode::bad_deck, "resnet: no depth {}: choose 18, 34, 50, 101 or 152", depth);

    net.graph().begin_unit("stem");
    ValueId y = net.relu("relu", net.norm("bn1", net.conv("conv1", x, convolution(64, 7, 2)), {}));
    y = net.pool("maxpool", y, pooling(PoolKind::max, 3, 2, 1));
    for (Index stage = 0; stage < 4; ++stage) {
        for (Index block = 0; block < family->blocks[static_cast<std::size_t>(stage)]; ++block) {
            std::string const name = fmt::format("layer{}.{}", stage + 1, block);
            net.graph().begin_unit(name);
            Index const stride = stage > 0 && block == 0 ? 2 : 1;
            auto const make = family->bottleneck ? bottleneck : basic_block;
            y = make(net, name, y, Index{64} << stage, stride);
        }
    }
    net.graph().begin_unit("head");
    return net.linear("fc", net.global_pool("avgpool", y, PoolKind::average), classes);
}

ValueId resnet_cifar(NetworkBuilder& net, ValueId x, ResNetCifarOptions const& options) {
    require(options.version == 1 || options.version == 2, ExitCode::bad_deck,
            "resnet_cifar: no version {}: choose 1 or 2", options.version);
    Index const step = options.version == 1 ? 6 : 9;
    require(options.depth > 2 && (options.depth - 2) % step == 0, ExitCode::bad_deck,
            "resnet_cifar: depth {} is not {}n + 2: choose e.g. {}", options.depth, step,
            step * std::max<Index>(1, (options.depth - 2 + step / 2) / step) + 2);
    return options.version == 1 ? resnet_cifar_v1(net, x, options) : resnet_cifar_v2(net, x, options);
}

}  // namespace aureole
