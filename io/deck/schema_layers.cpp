#include "io/deck/sections.hpp"

namespace aureole::deck {
namespace {

using Axes = std::vector<Index>;

constexpr auto per_axis_note = "one number for all axes, or one per axis ([h, w] or [d, h, w])";

Field per_axis(std::string key, Index initial, std::string help) {
    Field result = attribute<Axes>(std::move(key), Axes{initial}, std::move(help) + "; " + per_axis_note);
    result.items(1, 3).at_least(1).in("pixels");
    return result;
}

Field required_axes(std::string key, std::string help) {
    Field result = per_axis(std::move(key), 1, std::move(help));
    return result.is_required();
}

/// The stride of a pooling; left out, it is the kernel.
Field pool_stride() {
    Field result = attribute<Axes>("stride", Axes{}, std::string("distance of neighbouring windows; ") + per_axis_note);
    result.items(0, 3).at_least(1).in("pixels").otherwise("the kernel");
    return result;
}

Field padding(Padding::Mode initial) {
    return attribute<Padding>(
        "padding", Padding{initial, {}},
        "zeros beyond the border: same (ceil(size / stride) pixels come out), valid (none), a number, a "
        "list with a number per axis, or a list with a pair [before, after] per axis");
}

/// One kind of layer: its own attributes, then those that every layer has.
Field layer(std::string kind, std::string help, std::vector<Field> attributes = {}) {
    Field result;
    result.key = std::move(kind);
    result.help = std::move(help);
    result.type = Type::section;
    result.fields = std::move(attributes);
    result.fields.push_back(
        field("name", &LayerSpec::name, "name for `from` and for dumps").otherwise("chosen by the program"));
    if (result.find("from") == nullptr) {
        Field from = field("from", &LayerSpec::from, "name of the layer that is read; 'input' is the image");
        result.fields.push_back(from.items(0, 1).otherwise("the layer before"));
    }
    result.fields.push_back(
        field("unit", &LayerSpec::unit, "starts a unit: cuts between stages and recomputed blocks fall between units"));
    return result;
}

Field filters() { return attribute<Index>("filters", 1, "output channels").is_required().at_least(1).in("channels"); }
Field groups() {
    return attribute<Index>("groups", 1, "groups of channels convolved apart; divides input and output channels")
        .at_least(1);
}
Field norm_epsilon() { return attribute<double>("epsilon", 1e-5, "added to the variance").above(0); }

Field convolution() {
    return layer(
        "conv", "Convolution, 2-D or 3-D as the image.",
        {filters(), required_axes("kernel", "window"), per_axis("stride", 1, "distance of neighbouring windows"),
         padding(Padding::Mode::same), per_axis("dilation", 1, "distance of neighbouring window points"), groups(),
         attribute<bool>("bias", true, "adds a number per output channel")});
}

Field transposed_convolution() {
    Field extra =
        attribute<Axes>("output_padding", Axes{0}, std::string("rows added at the far border; ") + per_axis_note);
    extra.items(1, 3).at_least(0).in("pixels");
    return layer(
        "transposed_conv",
        "Transposed convolution (the input gradient of a convolution with these attributes): (size - 1) * stride - "
        "padding + dilation * (kernel - 1) + 1 + output_padding pixels come out.",
        {filters(), required_axes("kernel", "window"), per_axis("stride", 1, "distance of neighbouring windows"),
         padding(Padding::Mode::valid), extra, per_axis("dilation", 1, "distance of neighbouring window points"),
         groups(), attribute<bool>("bias", true, "adds a number per output channel")});
}

std::vector<Field> normalisations() {
    return {
        layer("batch_norm", "Batch normalisation over the samples of train.norm_batch.",
              {attribute<double>("momentum", 0.1, "weight of the newest statistics in the running ones").between(0, 1),
               norm_epsilon()}),
        layer("instance_norm", "Normalisation per sample and channel.",
              {norm_epsilon(), attribute<bool>("affine", true, "trained scale and shift per channel")}),
        layer("group_norm", "Normalisation per sample and group of channels.",
              {attribute<Index>("groups", 1, "groups of channels; divides the channels").is_required().at_least(1),
               norm_epsilon()}),
        layer("layer_norm", "Normalisation over the channels of every pixel.", {norm_epsilon()})};
}

std::vector<Field> activations() {
    return {
        layer("relu", "max(x, 0)."),
        layer("leaky_relu", "x where positive, slope * x elsewhere.",
              {attribute<double>("slope", 0.01, "factor of negative values")}),
        layer("gelu", "Gaussian error linear unit.",
              {attribute<std::string>("approximate", "none", "none: with the error function; tanh: the approximation")
                   .one_of({"none", "tanh"})}),
        layer("sigmoid", "1 / (1 + exp(-x))."),
        layer("dropout", "Zeroes values at random in training and scales the others by 1 / (1 - rate).",
              {attribute<double>("rate", 0.5, "probability of a zero").from_up_to(0, 1)})};
}

std::vector<Field> poolings() {
    return {
        layer("max_pool", "Largest value of each window.",
              {required_axes("kernel", "window"), pool_stride(), padding(Padding::Mode::valid)}),
        layer("avg_pool", "Mean of each window.",
              {required_axes("kernel", "window"), pool_stride(), padding(Padding::Mode::valid),
               attribute<bool>("count_include_pad", true, "padding counts in the mean")}),
        layer("global_pool", "One value per sample and channel.",
              {attribute<std::string>("kind", "average", "what is taken of all pixels").one_of({"average", "max"})}),
        layer("upsample", "Enlarges the image.",
              {required_axes("scale", "factor of enlargement").in("times"),
               attribute<std::string>("mode", "nearest",
                                      "nearest neighbour, or linear interpolation between pixel centres")
                   .one_of({"nearest", "linear"})})};
}

std::vector<Field> joints() {
    Field other =
        field("from", &LayerSpec::from, "names of the layers to add; a single name is added to the layer before");
    Field parts = field("from", &LayerSpec::from,
                        "names of the layers to join, in order; a single name is joined behind the layer before");
    return {
        layer("linear", "Matrix product over the channels of every pixel; after flatten, a fully connected layer.",
              {attribute<Index>("features", 1, "output channels").is_required().at_least(1).in("channels"),
               attribute<bool>("bias", true, "adds a number per output channel")}),
        layer("add", "Sum of layers of equal shape.", {other.is_required().items(1, Field::unlimited)}),
        layer("concat", "Channels of several layers side by side.", {parts.is_required().items(1, Field::unlimited)}),
        layer("slice", "Part of the input along one axis.",
              {attribute<std::string>("axis", "c", "axis that is cut").is_required().one_of({"d", "h", "w", "c"}),
               attribute<Index>("begin", 0, "first index kept").at_least(0),
               attribute<Index>("end", 1, "index after the last kept").is_required().at_least(1)}),
        layer("flatten", "All pixels and channels of a sample become channels, in the order (d, h, w, c).")};
}

void append(std::vector<Field>& all, std::vector<Field> part) {
    for (auto& field : part) { all.push_back(std::move(field)); }
}

}  // namespace

void describe(Field& field, Of<LayerSpec> /*type*/) {
    field.type = Type::layer;
    field.fields = {convolution(), transposed_convolution()};
    append(field.fields, normalisations());
    append(field.fields, activations());
    append(field.fields, poolings());
    append(field.fields, joints());
}

}  // namespace aureole::deck
