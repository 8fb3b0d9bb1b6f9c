#include "core/models/unet.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace aureole {

namespace {

class UNetBuilder {
  public:
    UNetBuilder(NetworkBuilder& net, UNetOptions const& options) : net_(net), options_(options) {}

    ValueId build(ValueId x) {
        require_divisible(net_.shape(x));
        std::vector<ValueId> skips;
        for (Index level = 0; level < options_.levels; ++level) {
            std::string const name = fmt::format("encoder.{}", level);
            net_.graph().begin_unit(name);
            skips.push_back(double_conv(name, x, options_.base << level));
            x = net_.pool(name + ".pool", skips.back(), {windows(options_.dimensions, 2, 2), PoolKind::max, true});
        }
        net_.graph().begin_unit("bottleneck");
        x = double_conv("bottleneck", x, options_.base << options_.levels);
        for (Index level = options_.levels - 1; level >= 0; --level) {
            std::string const name = fmt::format("decoder.{}", level);
            net_.graph().begin_unit(name);
            ValueId const up = enlarge(name + ".up", x, options_.base << level);
            ValueId const both = net_.concat(name + ".concat", {up, skips[static_cast<std::size_t>(level)]});
            x = double_conv(name, both, options_.base << level);
        }
        net_.graph().begin_unit("head");
        return net_.conv("head", x, {windows(options_.dimensions, 1), options_.classes, 1, true, false});
    }

  private:
    NetworkBuilder& net_;
    UNetOptions const& options_;

    void require_divisible(Shape const& shape) const {
        Index const factor = Index{1} << options_.levels;
        bool const deep = options_.dimensions == Dimensions::three;
        bool const fits = (!deep || shape.d % factor == 0) && shape.h % factor == 0 && shape.w % factor == 0;
        require(
            fits, ExitCode::bad_deck,
            "unet: {} levels halve the image {} times, so its extents must be multiples of {}; {} x {} x {} are not: "
            "crop the image or use fewer levels",
            options_.levels, options_.levels, factor, shape.d, shape.h, shape.w);
    }

    ValueId norm(std::string const& name, ValueId x) {
        NormAttributes attributes;
        switch (options_.norm) {
            case UNetOptions::Norm::none: return x;
            case UNetOptions::Norm::batch: attributes.kind = NormAttributes::Kind::batch; break;
            case UNetOptions::Norm::instance: attributes.kind = NormAttributes::Kind::instance; break;
            case UNetOptions::Norm::group:
                attributes.kind = NormAttributes::Kind::group;
                attributes.groups = options_.norm_groups;
                break;
        }
        return net_.norm(name, x, attributes);
    }

    ValueId double_conv(std::string const& name, ValueId x, Index filters) {
        bool const bias = options_.norm == UNetOptions::Norm::none;
        for (int i = 1; i <= 2; ++i) {
            std::string const suffix = std::to_string(i);
            x = net_.conv(name + ".conv" + suffix, x, {windows(options_.dimensions, 3, 1, 1), filters, 1, bias, false});
            x = net_.relu(name + ".relu" + suffix, norm(name + ".norm" + suffix, x));
        }
        return x;
    }

    ValueId enlarge(std::string const& name, ValueId x, Index filters) {
        if (options_.up == UNetOptions::Up::transposed) {
            return net_.transposed_conv(name, x, {windows(options_.dimensions, 2, 2), filters, 1, true, {}});
        }
        Index const deep = options_.dimensions == Dimensions::three ? 2 : 1;
        auto const mode = options_.up == UNetOptions::Up::nearest ? UpsampleMode::nearest : UpsampleMode::linear;
        // the 1 x 1 convolution comes first: it commutes with the interpolation and is 4 to 8 times cheaper there
        x = net_.conv(name + ".conv", x, {windows(options_.dimensions, 1), filters, 1, true, false});
        return net_.upsample(name, x, {{deep, 2, 2}, mode});
    }
};

}  // namespace

ValueId unet(NetworkBuilder& net, ValueId x, UNetOptions const& options) { return UNetBuilder(net, options).build(x); }

}  // namespace aureole
