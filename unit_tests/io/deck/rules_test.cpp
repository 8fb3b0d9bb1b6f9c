#include <gtest/gtest.h>

#include "unit_tests/io/deck/deck_support.hpp"

namespace aureole::test {
namespace {

/// A rule between values: the replacement breaks it, and the message says so.
struct Case {
    char const* piece;
    char const* replacement;
    char const* place;
    char const* message;
};

constexpr auto model = "{name: resnet_cifar, depth: 20, classes: 10}";
constexpr auto source = "train: {kind: synthetic, samples: 64}";
constexpr auto steps = "steps: 100";
constexpr auto end = "  optimizer:";

class RulesTest : public ::testing::TestWithParam<Case> {};

TEST_P(RulesTest, reports_one_fault_at_its_place) {
    auto const& c = GetParam();
    std::string const found = fault_with(c.piece, c.replacement);
    EXPECT_EQ(found.rfind(std::string("deck.yaml:") + c.place + ": ", 0), 0U) << found;
    EXPECT_NE(found.find(c.message), std::string::npos) << found;
    EXPECT_EQ(found.find('\n'), std::string::npos) << found;
}

INSTANTIATE_TEST_SUITE_P(
    Model, RulesTest,
    ::testing::Values(
        Case{"name: small", "name: a/b", "1:7", "it names a folder"},
        Case{"depth: 20", "depth: 21", "2:36", "version 1 of resnet_cifar has 6n+2 layers): choose 20 or 26"},
        Case{"depth: 20", "version: 2, depth: 21", "2:48",
             "version 2 of resnet_cifar has 9n+2 layers): choose 20 or 29"},
        Case{model, "{name: resnet, depth: 20, classes: 10}", "2:30", "18, 34, 50, 101 or 152"},
        Case{model, "{name: resnet, depth: 18, classes: 1}", "2:43", "the softmax of one value"},
        Case{"[32, 32]", "[32, 32, 32]", "3:9", "ResNets are built for 2"},
        Case{model, "{name: amoebanet, cells: 20, filters: 64, classes: 10}", "2:33",
             "before, between and after two reductions): choose 18 or 21"},
        Case{model, "{name: unet, classes: 2, dimensions: 3}", "2:45", "image.size has 2 axes"},
        Case{model, "{name: unet, classes: 2, levels: 6}", "3:9",
             "a multiple of 64): make it [64, 64], or set model.levels to 5 or less"},
        Case{model, "{name: unet, classes: 2, norm_groups: 4}", "2:46", "belongs to norm: group"},
        Case{model, "{name: unet, classes: 2, norm: group, norm_groups: 5}", "2:59", "does not divide model.base, 32"},
        Case{"name: small", "parallel: {data: 2}", "1:18", "a multiple of 2"},
        Case{"name: small", "parallel: {local_data: 2, spatial: {tiles: 4}}", "1:24", "add a stage without tiles"},
        Case{"name: small", "parallel: {local_data: 9}", "1:24", "give 8 or less"},
        Case{"name: small", "parallel: {stages: 3, chunks: 2}", "1:31", "a multiple of chunks"},
        Case{"name: small", "parallel: {stages: 2, chunks: 2}", "1:31", "interleaved and breadth-first"},
        Case{"name: small", "parallel: {stages: 2, balance: [1, 2, 3]}", "1:23", "give one for each"},
        Case{"name: small", "parallel: {spatial: {stages: 2}}", "1:30", "give 1 or fewer"},
        Case{"name: small", "parallel: {spatial: {stage_tiles: [4, 2]}}", "1:22", "give 1 or fewer"},
        Case{"name: small", "parallel: {spatial: {stage_tiles: [4], tiles: [2, 1]}}", "1:22", "leave one of them out"},
        Case{"name: small", "parallel: {spatial: {tiles: 5}}", "1:29", "give 4 or 9"},
        Case{"name: small", "parallel: {spatial: {tiles: [40, 1]}}", "1:22", "give 32 or fewer"},
        Case{"name: small", "parallel: {spatial: {tiles: [2, 1], slice: vertical}}", "1:44", "leave it out"},
        Case{"name: small", "parallel: {spatial: {tiles: [3, 1], row_boundaries: [9]}}", "1:37", "give 2"},
        Case{"name: small", "parallel: {spatial: {tiles: [3, 1], row_boundaries: [9, 40]}}", "1:37", "ascending"},
        Case{"name: small", "output: {dump: {file: d.h5, step: 101}}", "1:35", "train.steps is 100"}));

INSTANTIATE_TEST_SUITE_P(
    Data, RulesTest,
    ::testing::Values(Case{source, "train: {file: a, x_axes: nxhw}", "5:28", "axes are the letters n d h w c"},
                      Case{source, "train: {file: a, y_axes: nhh}", "5:28", "each once"},
                      Case{source, "train: {file: a, y: ''}", "5:23", "every loss compares with labels"},
                      Case{source, "train: {file: a, label_map: {0: 1}, label_threshold: 1}", "5:20", "keep one"},
                      Case{source, "train: {file: a, label_invert: true}", "5:34", "without label_threshold"},
                      Case{source, "train: {kind: synthetic, samples: 4, first: 3, count: 2}", "5:47", "the set has 4"},
                      Case{"data:", "data:\n  normalize: {kind: given, mean: [1, 2], deviation: 1}", "5:28",
                           "the image has 3 channels"},
                      Case{"data:", "data:\n  normalize: {kind: scale, clip_lo: 2, clip_hi: 1}", "5:49",
                           "clip_lo is 2"},
                      Case{"data:", "data:\n  augment: {flip_d: true}", "5:21", "no depth"},
                      Case{"data:", "data:\n  augment: {crop_pad: 2, random_crop: true}", "5:39", "keep one"}));

INSTANTIATE_TEST_SUITE_P(
    Train, RulesTest,
    ::testing::Values(
        Case{"batch: 8", "batch: 8\n  micro_batches: 3", "9:18", "does not divide train.batch, 8"},
        Case{"batch: 8", "batch: 8\n  micro_batches: 2\n  norm_batch: 3", "10:15", "a micro-batch of 4 samples"},
        Case{"  steps: 100\n", "", "7:1", "neither steps nor epochs"},
        Case{end, "  schedule: {warmup_steps: 200}\n  optimizer:", "10:28", "train.steps is 100"},
        Case{end, "  schedule: {name: step, milestones: [60, 50]}\n  optimizer:", "10:26", "do not rise"},
        Case{end, "  schedule: {name: step, milestones: [0.5, 80]}\n  optimizer:", "10:26", "all of them fractions"},
        Case{end, "  schedule: {name: step, milestones: [50, 200]}\n  optimizer:", "10:26",
             "a milestone of train.schedule is 200"},
        Case{end, "  schedule: {name: cosine, final_lr: 1}\n  optimizer:", "10:38", "train.optimizer.lr is 0.1"},
        Case{"momentum: 0.9", "nesterov: true", "10:45", "momentum is 0"},
        Case{end, "  loss: [softmax_cross_entropy, bce_with_logits]\n  optimizer:", "10:3", "keep one of them"},
        Case{end, "  metrics: [iou, iou]\n  optimizer:", "10:3", "names a metric twice"},
        Case{end, "  init: {map: {a: b}}\n  optimizer:", "10:10", "without a file"}));

TEST(Rules, an_optimizer_without_state_cannot_share_it) {
    std::vector<std::string> const shared{"parallel.shard_optimizer=true"};
    EXPECT_EQ(fault(with("momentum: 0.9", "momentum: 0.5"), shared), "");
    EXPECT_NE(fault(with("momentum: 0.9", "weight_decay: 0.1"), shared).find("sgd without momentum keeps no state"),
              std::string::npos);
}

TEST(Rules, the_label_that_does_not_count_has_two_names) {
    std::string const loss = "train.loss={name: softmax_cross_entropy, ignore_index: -1}";
    std::string const deck = with("momentum: 0.9", "momentum: 0.5");
    EXPECT_EQ(fault(deck, {loss}), "");
    EXPECT_EQ(fault(deck, {loss, "data.ignore_label=-1"}), "");
    std::string const text = fault(deck, {loss, "data.ignore_label=255"});
    EXPECT_NE(text.find("train.loss.ignore_index is -1 (data.ignore_label is 255"), std::string::npos) << text;
}

TEST(Rules, extents_that_a_unet_cannot_halve_come_with_the_next_that_it_can_and_the_levels_that_fit) {
    std::string const deck = with(model, "{name: unet, classes: 2}");
    auto const remedy = [&](std::string const& size) {
        std::string const text = fault(deck, {"image.size=" + size});
        return text.substr(text.find("make it"));
    };
    EXPECT_EQ(remedy("[100, 96]"), "make it [112, 96], or set model.levels to 2 or less");
    EXPECT_EQ(remedy("[96, 90]"), "make it [96, 96], or set model.levels to 1");
    EXPECT_EQ(remedy("[96, 33]"), "make it [96, 48] (an odd extent cannot be halved at all)");
    EXPECT_EQ(fault(deck, {"image.size=[100, 96]", "model.levels=2"}), "");
}

TEST(Rules, evaluation_needs_samples) {
    std::string text = with("  eval: {kind: synthetic, samples: 16}\n", "");
    text += "  metrics: auroc\n  eval_every: 5\n  eval_batches: 2\n";
    auto const lines = faults(text);
    ASSERT_EQ(lines.size(), 3U);
    for (auto const& line : lines) { EXPECT_NE(line.find("add data.eval"), std::string::npos) << line; }
}

TEST(Rules, counted_metrics_need_no_evaluation) {
    EXPECT_EQ(fault(with("  eval: {kind: synthetic, samples: 16}\n", "") + "  metrics: accuracy\n"), "");
}

TEST(Rules, rotation_needs_square_images) {
    std::string const text = with("[32, 32]", "[32, 16]");
    EXPECT_EQ(fault(text), "");
    EXPECT_NE(fault(text, {"data.augment.rotate90=true"}).find("images of 32 x 16"), std::string::npos);
}

TEST(Rules, are_left_out_for_values_that_could_not_be_read) {
    EXPECT_EQ(faults(with("batch: 8", "batch: x\n  micro_batches: 3")).size(), 1U);
    EXPECT_EQ(faults(with("steps: 100", "stpes: 100")).size(), 1U);
    EXPECT_EQ(faults(with("depth: 20", "depth: 21, version: 3")).size(), 1U);
}

}  // namespace
}  // namespace aureole::test
