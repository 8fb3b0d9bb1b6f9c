#include <gtest/gtest.h>

#include "core/error.hpp"
#include "unit_tests/io/deck/deck_support.hpp"

namespace aureole::test {
namespace {

/// A deck whose network is the given list of layers, one per line.
std::string deck_of(std::string const& layers, std::string const& size = "[16, 16]") {
    return "image: {size: " + size + ", channels: 1}\n" + R"(data: {train: {kind: synthetic, samples: 4}}
train: {batch: 2, epochs: 1, optimizer: {lr: 0.1}}
model:
  layers:
)" + layers;
}

std::vector<LayerSpec> layers_of(std::string const& layers, std::string const& size = "[16, 16]") {
    return parse(deck_of(layers, size)).model.layers;
}

TEST(Layers, have_their_attributes_and_defaults) {
    auto const layers = layers_of(R"(
    - conv: {filters: 8, kernel: [3, 5], stride: 2, padding: [[1, 0], [2, 3]], bias: false, name: first, unit: true}
    - relu
    - leaky_relu: {slope: 0.2}
    - max_pool: {kernel: 2}
    - add: {from: [first, input], name: sum}
    - gelu: {approximate: tanh}
    - upsample: {scale: 2, mode: linear}
)");
    ASSERT_EQ(layers.size(), 7U);
    LayerSpec const& conv = layers[0];
    EXPECT_EQ(conv.op, "conv");
    EXPECT_EQ(conv.name, "first");
    EXPECT_TRUE(conv.unit);
    EXPECT_EQ(conv.integer("filters"), 8);
    EXPECT_EQ(conv.integers("kernel", 2), (std::vector<Index>{3, 5}));
    EXPECT_EQ(conv.integers("stride", 2), (std::vector<Index>{2, 2}));
    EXPECT_EQ(conv.integers("dilation", 3), (std::vector<Index>{1, 1, 1}));
    EXPECT_EQ(conv.integer("groups"), 1);
    EXPECT_FALSE(conv.flag("bias"));
    EXPECT_EQ(conv.padding("padding"), (Padding{Padding::Mode::given, {{1, 0}, {2, 3}}}));
    EXPECT_EQ(to_string(conv.place), "deck.yaml:7:7");
    EXPECT_EQ(layers[1].op, "relu");
    EXPECT_EQ(layers[2].real("slope"), 0.2);
    EXPECT_EQ(layers[3].padding("padding").mode, Padding::Mode::valid);
    EXPECT_EQ(layers[4].from, (std::vector<std::string>{"first", "input"}));
    EXPECT_EQ(layers[5].text("approximate"), "tanh");
    EXPECT_EQ(layers[6].text("mode"), "linear");
    EXPECT_THROW((void)conv.integer("no_such"), Error);
    EXPECT_THROW((void)conv.integers("kernel", 3), Error);
}

TEST(Layers, take_paddings_in_every_form) {
    auto const padding = [](std::string const& text) {
        return layers_of("    - conv: {filters: 1, kernel: 3, padding: " + text + "}\n").front().padding("padding");
    };
    EXPECT_EQ(padding("same"), (Padding{Padding::Mode::same, {}}));
    EXPECT_EQ(padding("valid"), (Padding{Padding::Mode::valid, {}}));
    EXPECT_EQ(padding("2"), (Padding{Padding::Mode::given, {{2, 2}}}));
    EXPECT_EQ(padding("[1, 2]"), (Padding{Padding::Mode::given, {{1, 1}, {2, 2}}}));
    EXPECT_EQ(padding("[[0, 1], 2]"), (Padding{Padding::Mode::given, {{0, 1}, {2, 2}}}));
    for (auto const* text : {"most", "-1", "[[1, 2, 3]]", "[]", "[1, 1, 1, 1]", "'2'", "{a: 1}"}) {
        auto const found = fault(deck_of("    - conv: {filters: 1, kernel: 3, padding: " + std::string(text) + "}\n"));
        EXPECT_NE(found.find("it takes same, valid, a number"), std::string::npos) << text << ": " << found;
    }
}

TEST(Layers, name_their_faults) {
    auto const layer_fault = [](std::string const& layers) { return fault(deck_of(layers)); };
    EXPECT_NE(layer_fault("    - cnov: {filters: 1}\n").find("did you mean 'conv'?"), std::string::npos);
    EXPECT_NE(layer_fault("    - fourier\n").find("choose one of them"), std::string::npos);
    EXPECT_NE(layer_fault("    - conv:\n      filters: 1\n").find("indent the attributes below the kind"),
              std::string::npos);
    EXPECT_NE(layer_fault("    - [conv]\n").find("model.layers.0 is a list"), std::string::npos);
    EXPECT_NE(layer_fault("    - linear\n").find("model.layers.0.linear.features is missing"), std::string::npos);
    EXPECT_NE(layer_fault("    - relu: {slope: 1}\n").find("'slope' is not a key of model.layers.0.relu"),
              std::string::npos);
    EXPECT_NE(layer_fault("    - gelu: {approximate: erf}\n").find("one of none, tanh"), std::string::npos);
    EXPECT_NE(layer_fault("    - conv: {filters: 1, kernel: 0}\n").find("allowed: 1 to 2^31 - 1"), std::string::npos);
    EXPECT_NE(layer_fault("    - conv: {filters: 1, kernel: [3, 3, 3]}\n")
                  .find("kernel has 3 entries (the image has 2 axes)"),
              std::string::npos);
    EXPECT_NE(layer_fault("    - conv: {filters: 3, kernel: 3, groups: 2}\n").find("does not divide filters, 3"),
              std::string::npos);
    EXPECT_NE(layer_fault("    - slice: {axis: h, begin: 3, end: 3}\n").find("is empty"), std::string::npos);
    EXPECT_NE(layer_fault("    - max_pool: {kernel: 2, padding: 2}\n").find("pad less than the kernel"),
              std::string::npos);
    EXPECT_NE(layer_fault("    - relu: {name: a/b}\n").find("it names datasets of dumps"), std::string::npos);
    EXPECT_NE(layer_fault("    - relu: {name: input}\n").find("that is the image"), std::string::npos);
    EXPECT_NE(layer_fault("    - relu: {name: a}\n    - relu: {name: a}\n").find("'a' is taken (layer 0 has it)"),
              std::string::npos);
    EXPECT_NE(layer_fault("    - relu: {name: first}\n    - add: {from: frist}\n").find("did you mean 'first'?"),
              std::string::npos);
    EXPECT_NE(
        layer_fault("    - add: {from: [b, input]}\n    - relu: {name: b}\n").find("'b' is not the name of an earlier"),
        std::string::npos);
    EXPECT_NE(layer_fault("    - relu: {from: [input, input]}\n").find("it takes 0 to 1"), std::string::npos);
    EXPECT_NE(fault(deck_of("    - conv: {filters: 1, kernel: [3, 3]}\n", "[8, 8, 8]")).find("the image has 3 axes"),
              std::string::npos);
}

}  // namespace
}  // namespace aureole::test
