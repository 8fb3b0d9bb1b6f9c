// The process needs what was predicted.
#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "unit_tests/app/process.hpp"

namespace aureole::test {
namespace {

#if !defined(__SANITIZE_ADDRESS__)  // a sanitizer's own memory would be measured

double bytes_of(std::string const& number, std::string const& unit) {
    double const scale = unit == "GiB" ? 0x1p30 : unit == "MiB" ? 0x1p20 : unit == "KiB" ? 0x1p10 : 1;
    return std::stod(number) * scale;
}

void expect_predicted(std::string const& deck) {
    Workplace const place;
    place.write("deck.yaml", deck);
    Finished const finished = place.aureole({"run", "deck.yaml"});
    expect_code(finished, ExitCode::success);
    std::smatch process, arena;
    ASSERT_TRUE(std::regex_search(finished.output, process,
                                  std::regex("process: predicted ([0-9.]+) (\\w+), peak ([0-9.]+) (\\w+)")))
        << finished.output;
    double const predicted = bytes_of(process[1], process[2]), peak = bytes_of(process[3], process[4]);
    EXPECT_GT(predicted, 250 * 0x1p20) << "too small a deck shows nothing";
    EXPECT_LE(std::abs(peak - predicted), 0.08 * predicted + 60 * 0x1p20)
        << "predicted " << predicted / 0x1p20 << " MiB, peak " << peak / 0x1p20 << " MiB";
    ASSERT_TRUE(std::regex_search(finished.output, arena,
                                  std::regex("arena: predicted ([0-9]+) bytes, allocated ([0-9]+) bytes")));
    EXPECT_EQ(arena[1], arena[2]);
}

TEST(Memory, ResNetNeedsWhatIsPredicted) {
    expect_predicted(R"(
model: {name: resnet, depth: 50, classes: 10}
image: {size: [160, 192], channels: 3}
data: {train: {kind: synthetic, samples: 4}}
train:
  batch: 4
  steps: 2
  loss: softmax_cross_entropy
  optimizer: {name: sgd, lr: 0.01, momentum: 0.9}
)");
}

TEST(Memory, UNetNeedsWhatIsPredicted) {
    expect_predicted(R"(
model: {name: unet, base: 16, levels: 3, classes: 1}
image: {size: [512, 512], channels: 1}
data: {train: {kind: synthetic, samples: 2}}
train:
  batch: 1
  steps: 2
  loss: bce_with_logits
  optimizer: {name: adamw, lr: 0.001}
)");
}

#endif

}  // namespace
}  // namespace aureole::test
