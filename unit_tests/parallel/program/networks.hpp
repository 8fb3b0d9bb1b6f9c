#pragma once
#include "core/models/amoebanet.hpp"
#include "core/models/resnet.hpp"
#include "core/models/unet.hpp"
#include "unit_tests/support/network_runner.hpp"

namespace aureole::test {

// Small networks in f64 that between them use every pattern of the graph passes.

inline NetworkSpec resnet_v1() {
    NetworkSpec spec;
    spec.image = {2, 1, 16, 20, 3};
    spec.model = [](NetworkBuilder& net, ValueId x) { return resnet_cifar(net, x, {14, 1, 6, 5}); };
    return spec;
}

inline NetworkSpec resnet_v2() {
    NetworkSpec spec;
    spec.model = [](NetworkBuilder& net, ValueId x) { return resnet_cifar(net, x, {11, 2, 4, 5}); };
    return spec;
}

/// Odd extents where the image is halved.
inline NetworkSpec amoebanet_d() {
    NetworkSpec spec;
    spec.image = {2, 1, 25, 34, 3};
    spec.model = [](NetworkBuilder& net, ValueId x) { return amoebanet(net, x, {3, 8, 5}); };
    return spec;
}

inline NetworkSpec unet_2d() {
    NetworkSpec spec;
    spec.image = {2, 1, 16, 24, 1};
    spec.labels = NetworkSpec::Labels::values;
    spec.model = [](NetworkBuilder& net, ValueId x) {
        UNetOptions options;
        options.base = 4;
        options.levels = 2;
        return unet(net, x, options);
    };
    return spec;
}

inline NetworkSpec unet_3d() {
    NetworkSpec spec;
    spec.image = {2, 4, 8, 12, 2};
    spec.model = [](NetworkBuilder& net, ValueId x) {
        return unet(net, x, {Dimensions::three, 3, 2, 4, UNetOptions::Norm::instance, 1, UNetOptions::Up::linear});
    };
    return spec;
}

/// Dropout, concatenation, slices, layer norm, several users of one value, chains of cheap operators; no statistics
/// over samples, so that it may be cut into micro-batches.
inline NetworkSpec branches() {
    NetworkSpec spec;
    spec.image = {4, 1, 10, 9, 3};
    spec.model = [](NetworkBuilder& net, ValueId x) {
        auto const conv = [&](std::string const& name, ValueId from, Index filters, Index stride = 1) {
            return net.conv(name, from, {windows(Dimensions::two, 3, stride, 1), filters, 1, true, false});
        };
        net.graph().begin_unit("first");
        ValueId const a = net.relu("a", conv("conv_a", x, 8));
        ValueId const dropped = net.dropout("dropped", a, 0.3);
        ValueId const b =
            net.activation("b", net.layer_norm("norm_b", conv("conv_b", dropped, 8)), {ActivationKind::gelu_erf});
        ValueId const c = net.activation("c", net.add("a_plus_b", a, b), {ActivationKind::leaky_relu, 0.1});
        net.graph().begin_unit("second");
        ValueId const low = net.slice("low", c, Axis::c, 0, 3);
        ValueId const high = net.slice("high", b, Axis::c, 3, 8);
        ValueId const both = net.concat("both", {low, high, dropped});
        ValueId const d = net.dropout("dropped_again", net.relu("d", conv("conv_d", both, 6, 2)), 0.5);
        ValueId const sum = net.add("sum", d, net.activation("s", d, {ActivationKind::sigmoid}));
        return net.linear(
            "fc", net.flatten("flat", net.pool("pool", sum, {windows(Dimensions::two, 2, 1), PoolKind::max, true})), 4);
    };
    return spec;
}

struct NamedSpec {
    char const* name;
    NetworkSpec spec;
};

inline std::vector<NamedSpec> small_networks() {
    return {{"resnet v1", resnet_v1()}, {"resnet v2", resnet_v2()}, {"amoebanet", amoebanet_d()},
            {"unet 2-D", unet_2d()},    {"unet 3-D", unet_3d()},    {"branches", branches()}};
}

}  // namespace aureole::test
