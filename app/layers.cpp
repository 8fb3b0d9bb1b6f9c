#include "app/layers.hpp"

#include <fmt/format.h>

#include <functional>
#include <map>

#include "core/error.hpp"

namespace aureole {

namespace {

/// One layer about to be built: its description, its inputs and the network.
struct Layer {
    NetworkBuilder& net;
    LayerSpec const& spec;
    std::string name;
    std::vector<ValueId> inputs;
    std::size_t axes;  ///< 2: h, w; 3: d, h, w

    [[nodiscard]] ValueId x() const { return inputs[0]; }

    /// A list over the image axes as (d, h, w), with `other` for d in two dimensions.
    [[nodiscard]] std::array<Index, 3> numbers(std::string_view key, Index other) const {
        std::vector<Index> const given = spec.integers(key, axes);
        if (axes == 3) { return {given[0], given[1], given[2]}; }
        return {other, given[0], given[1]};
    }

    [[nodiscard]] Windows window(std::array<Index, 3> const& size, std::array<Index, 3> const& stride,
                                 std::array<Index, 3> const& dilation) const {
        Padding const& padding = spec.padding("padding");
        require(padding.sides.size() <= 1 || padding.sides.size() == axes, ExitCode::bad_deck,
                "padding has {} entries for {} image axes: give one, or one per axis", padding.sides.size(), axes);
        Windows result;
        for (std::size_t i = 3 - axes; i < 3; ++i) {
            result[i] = {size[i], stride[i], 0, 0, dilation[i]};
            Index const all = dilation[i] * (size[i] - 1);
            if (padding.mode == Padding::Mode::same) {
                result[i].pad_lo = all / 2;
                result[i].pad_hi = all - all / 2;
            } else if (padding.mode == Padding::Mode::given) {
                auto const& side = padding.sides.size() == 1 ? padding.sides[0] : padding.sides[i - (3 - axes)];
                result[i].pad_lo = side[0];
                result[i].pad_hi = side[1];
            }
        }
        return result;
    }
    [[nodiscard]] Windows conv_window() const {
        return window(numbers("kernel", 1), numbers("stride", 1), numbers("dilation", 1));
    }
    [[nodiscard]] Windows pool_window() const {
        auto const size = numbers("kernel", 1);
        bool const given = !std::get<std::vector<Index>>(spec.attributes.at("stride")).empty();
        return window(size, given ? numbers("stride", 1) : size, {1, 1, 1});
    }
};

ValueId build_conv(Layer const& layer) {
    LayerSpec const& spec = layer.spec;
    return layer.net.conv(
        layer.name, layer.x(),
        {layer.conv_window(), spec.integer("filters"), spec.integer("groups"), spec.flag("bias"), false});
}

/// `padding: same`: the result has the input's extent times the stride, as the adjoint of a convolution that halves
/// has.
void pad_to_multiple(Window& window, Index& output_padding) {
    Index const surplus = window.reach() - window.stride + output_padding;
    window.pad_lo = std::max<Index>(surplus, 0) / 2;
    window.pad_hi = std::max<Index>(surplus, 0) - window.pad_lo;
    output_padding += std::max<Index>(-surplus, 0);
}

ValueId build_transposed_conv(Layer const& layer) {
    LayerSpec const& spec = layer.spec;
    Windows window = layer.conv_window();
    std::array<Index, 3> output_padding = layer.numbers("output_padding", 0);
    if (spec.padding("padding").mode == Padding::Mode::same) {
        for (std::size_t i = 3 - layer.axes; i < 3; ++i) { pad_to_multiple(window[i], output_padding[i]); }
    }
    return layer.net.transposed_conv(
        layer.name, layer.x(),
        {window, spec.integer("filters"), spec.integer("groups"), spec.flag("bias"), output_padding});
}

ValueId build_batch_norm(Layer const& layer) {
    NormAttributes attributes;
    attributes.momentum = layer.spec.real("momentum");
    attributes.epsilon = layer.spec.real("epsilon");
    return layer.net.norm(layer.name, layer.x(), attributes);
}

ValueId build_instance_norm(Layer const& layer) {
    NormAttributes attributes;
    attributes.kind = NormAttributes::Kind::instance;
    attributes.epsilon = layer.spec.real("epsilon");
    attributes.affine = layer.spec.flag("affine");
    return layer.net.norm(layer.name, layer.x(), attributes);
}

ValueId build_group_norm(Layer const& layer) {
    NormAttributes attributes;
    attributes.kind = NormAttributes::Kind::group;
    attributes.groups = layer.spec.integer("groups");
    attributes.epsilon = layer.spec.real("epsilon");
    return layer.net.norm(layer.name, layer.x(), attributes);
}

ValueId build_activation(Layer const& layer, ActivationKind kind, double slope = 0) {
    return layer.net.activation(layer.name, layer.x(), {kind, slope});
}

ValueId build_gelu(Layer const& layer) {
    bool const exact = layer.spec.text("approximate") == "none";
    return build_activation(layer, exact ? ActivationKind::gelu_erf : ActivationKind::gelu_tanh);
}

ValueId build_upsample(Layer const& layer) {
    auto const mode = layer.spec.text("mode") == "nearest" ? UpsampleMode::nearest : UpsampleMode::linear;
    return layer.net.upsample(layer.name, layer.x(), {layer.numbers("scale", 1), mode});
}

ValueId build_add(Layer const& layer) {
    ValueId sum = layer.inputs[0];
    for (std::size_t i = 1; i < layer.inputs.size(); ++i) {
        bool const last = i + 1 == layer.inputs.size();
        sum = layer.net.add(last ? layer.name : fmt::format("{}.{}", layer.name, i), sum, layer.inputs[i]);
    }
    return sum;
}

ValueId build_slice(Layer const& layer) {
    static std::map<std::string, Axis> const axes{{"d", Axis::d}, {"h", Axis::h}, {"w", Axis::w}, {"c", Axis::c}};
    LayerSpec const& spec = layer.spec;
    return layer.net.slice(layer.name, layer.x(), axes.at(spec.text("axis")), spec.integer("begin"),
                           spec.integer("end"));
}

using Build = std::function<ValueId(Layer const&)>;

/// Every key of the deck's layer schema.
std::map<std::string, Build> const& builders() {
    static std::map<std::string, Build> const table{
        {"conv", build_conv},
        {"transposed_conv", build_transposed_conv},
        {"batch_norm", build_batch_norm},
        {"instance_norm", build_instance_norm},
        {"group_norm", build_group_norm},
        {"layer_norm", [](Layer const& l) { return l.net.layer_norm(l.name, l.x(), l.spec.real("epsilon")); }},
        {"relu", [](Layer const& l) { return build_activation(l, ActivationKind::relu); }},
        {"leaky_relu",
         [](Layer const& l) { return build_activation(l, ActivationKind::leaky_relu, l.spec.real("slope")); }},
        {"gelu", build_gelu},
        {"sigmoid", [](Layer const& l) { return build_activation(l, ActivationKind::sigmoid); }},
        {"dropout", [](Layer const& l) { return l.net.dropout(l.name, l.x(), l.spec.real("rate")); }},
        {"max_pool",
         [](Layer const& l) {
             return l.net.pool(l.name, l.x(), {l.pool_window(), PoolKind::max, true});
         }},
        {"avg_pool",
         [](Layer const& l) {
             return l.net.pool(l.name, l.x(), {l.pool_window(), PoolKind::average, l.spec.flag("count_include_pad")});
         }},
        {"global_pool",
         [](Layer const& l) {
             auto const kind = l.spec.text("kind") == "average" ? PoolKind::average : PoolKind::max;
             return l.net.global_pool(l.name, l.x(), kind);
         }},
        {"upsample", build_upsample},
        {"linear",
         [](Layer const& l) { return l.net.linear(l.name, l.x(), l.spec.integer("features"), l.spec.flag("bias")); }},
        {"add", build_add},
        {"concat", [](Layer const& l) { return l.net.concat(l.name, l.inputs); }},
        {"slice", build_slice},
        {"flatten", [](Layer const& l) { return l.net.flatten(l.name, l.x()); }},
    };
    return table;
}

bool joins(std::string const& op) { return op == "add" || op == "concat"; }

}  // namespace

ValueId build_layers(NetworkBuilder& net, ValueId x, Dimensions dimensions, std::vector<LayerSpec> const& layers) {
    std::map<std::string, ValueId> results{{"input", x}};
    std::map<std::string, int> counters;
    ValueId previous = x;
    net.graph().begin_unit("layers");
    for (LayerSpec const& spec : layers) {
        std::string const name = spec.name.empty() ? fmt::format("{}{}", spec.op, ++counters[spec.op]) : spec.name;
        if (spec.unit) { net.graph().begin_unit(name); }
        Layer layer{net, spec, name, {}, static_cast<std::size_t>(dimensions)};
        if (spec.from.empty() || (joins(spec.op) && spec.from.size() == 1)) { layer.inputs.push_back(previous); }
        try {
            for (std::string const& from : spec.from) {
                auto const found = results.find(from);
                require(found != results.end(), ExitCode::bad_deck, "no layer '{}' comes before: check `from`", from);
                layer.inputs.push_back(found->second);
            }
            previous = builders().at(spec.op)(layer);
        } catch (Error const& error) {
            fail(ExitCode::bad_deck, "{}: layer {}: {}", to_string(spec.place), name, error.what());
        }
        results[name] = previous;
    }
    return previous;
}

}  // namespace aureole
