#pragma once
#include "core/models/amoebanet.hpp"
#include "core/models/unet.hpp"
#include "unit_tests/support/network_runner.hpp"

namespace aureole::test {

/// Skips over all levels.
inline NetworkSpec unet2d(Shape const& image) {
    UNetOptions options;
    options.base = 4;
    options.levels = 3;
    NetworkSpec spec;
    spec.image = image;
    spec.labels = NetworkSpec::Labels::values;
    spec.model = [options](NetworkBuilder& net, ValueId x) { return unet(net, x, options); };
    return spec;
}

/// Two tensors from cell to cell.
inline NetworkSpec amoeba(Shape const& image, Index filters) {
    NetworkSpec spec;
    spec.image = image;
    spec.model = [filters](NetworkBuilder& net, ValueId x) { return amoebanet(net, x, {3, filters, 7}); };
    return spec;
}

}  // namespace aureole::test
