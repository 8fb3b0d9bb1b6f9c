// A network written in the deck that uses every kind of layer, in two and in three dimensions.
#include <gtest/gtest.h>

#include <cmath>

#include "io/hdf5/file.hpp"
#include "unit_tests/app/process.hpp"

namespace aureole::test {
namespace {

std::string const layers = R"(
model:
  layers:
    - conv: {filters: 8, kernel: 5, stride: 2, bias: false}
    - batch_norm: {momentum: 0.2}
    - relu: {name: a}
    - conv: {filters: 8, kernel: 3, dilation: 2, groups: 4}
    - instance_norm
    - leaky_relu: {slope: 0.2, name: b}
    - group_norm: {groups: 2, from: a}
    - gelu
    - add: {from: b}
    - layer_norm: {unit: true}
    - gelu: {approximate: tanh}
    - dropout: {rate: 0.2, name: c}
    - max_pool: {kernel: 3, stride: 2, padding: 1, name: low}
    - sigmoid
    - upsample: {scale: 2, mode: linear, name: smooth}
    - transposed_conv: {filters: 6, kernel: 2, stride: 2, from: low, name: learned}
    - upsample: {scale: 2, from: low, name: sharp}
    - concat: {from: [smooth, learned, sharp], unit: true}
    - slice: {axis: c, begin: 1, end: 13, name: cut}
    - avg_pool: {kernel: 3, stride: 2, padding: 1, count_include_pad: false}
    - flatten
    - linear: {features: 4, name: from_all}
    - global_pool: {from: cut}
    - linear: {features: 4, bias: false, name: from_mean}
    - global_pool: {kind: max, from: c}
    - linear: {features: 4, name: from_max}
    - add: {from: [from_all, from_mean, from_max]}
)";

std::string const rest = R"(
data:
  train: {kind: synthetic, samples: 8}
  eval: {kind: synthetic, samples: 3}
train:
  batch: 4
  steps: 3
  loss: [{name: softmax_cross_entropy, label_smoothing: 0.1}]
  metrics: [accuracy, f1]
  optimizer: {name: adamw, lr: 0.01}
  clip_norm: 5
)";

void expect_trains(std::string const& image, std::string const& precision, std::string const& recompute) {
    SCOPED_TRACE(image + " " + precision + " " + recompute);
    Workplace const place;
    place.write("deck.yaml", "image: " + image + layers + rest);
    expect_code(place.aureole({"run", "deck.yaml", "train.precision=" + precision, "memory.recompute=" + recompute,
                               "--dump", "dump.h5"}),
                ExitCode::success);
    if (!place.contains("dump.h5")) { return; }
    auto const file = hdf5::File::open(place.path("dump.h5"));
    std::vector<std::string> const names = file.members("gradients");
    EXPECT_EQ(names, file.members("parameters"));
    double norm = 0;
    for (std::string const& name : names) {
        for (double const value : file.read<double>("gradients/" + name)) {
            ASSERT_TRUE(std::isfinite(value)) << name;
            norm += value * value;
        }
    }
    EXPECT_GT(norm, 0);
    for (char const* const name :
         {"from_all.weight", "from_mean.weight", "from_max.weight", "learned.weight", "conv1.weight"}) {
        double sum = 0;
        for (double const value : file.read<double>(std::string("gradients/") + name)) { sum += std::abs(value); }
        EXPECT_GT(sum, 0) << name << " is not reached";
    }
}

TEST(Layers, EveryKindTrainsInTwoDimensions) {
    for (std::string const precision : {"f32", "bf16", "f64"}) {
        expect_trains("{size: [16, 24], channels: 3}", precision, "none");
    }
    expect_trains("{size: [16, 24], channels: 3}", "f32", "blocks");
}

TEST(Layers, EveryKindTrainsInThreeDimensions) {
    for (std::string const precision : {"f32", "bf16", "f64"}) {
        expect_trains("{size: [8, 12, 16], channels: 2}", precision, "cheap");
    }
}

}  // namespace
}  // namespace aureole::test
