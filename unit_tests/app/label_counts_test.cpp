// Labels that do not count, on any grid and in any parts of a batch.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "io/hdf5/file.hpp"
#include "unit_tests/app/compare.hpp"
#include "unit_tests/app/process.hpp"

namespace aureole::test {
namespace {

/// @param channels of the network's result
std::string counts_deck(int channels, int ignored, std::string const& loss, std::string const& metrics) {
    return fmt::format(R"(name: counts
model:
  layers:
    - conv: {{filters: 4, kernel: 3, name: first}}
    - relu: {{unit: true}}
    - conv: {{filters: {}, kernel: 3, name: last}}
image: {{size: [16, 12], channels: 2}}
data:
  train: {{kind: synthetic, samples: 24}}
  eval: {{kind: synthetic, samples: 6}}
  ignore_label: {}
  augment: {{crop_pad: 3}}
train:
  batch: 8
  steps: 2
  precision: f64
  loss: [{}, dice]
  metrics: [{}]
  optimizer: {{name: sgd, lr: 0.05}}
)",
                       channels, ignored, loss, metrics);
}

std::string const classes_deck = counts_deck(3, 0, "softmax_cross_entropy", "accuracy, iou");
std::string const values_deck = counts_deck(1, -1, "bce_with_logits", "accuracy, auroc, auprc, best_f1");

struct Grid {
    int ranks;
    std::vector<std::string> keys;
};

void expect_equal_on_grids(std::string const& deck) {
    Workplace const place;
    place.write("deck.yaml", deck);
    expect_code(place.aureole(training_run("one", "[first]", {})), ExitCode::success);
    std::string const want = place.read("one/metrics.csv");
    std::vector<Grid> const grids{
        {1, {"train.micro_batches=2"}},
        {1, {"train.micro_batches=8"}},
        {2, {"train.micro_batches=4", "parallel.data=2"}},
        {2, {"parallel.spatial.tiles=[2, 1]"}},
        {2, {"train.micro_batches=2", "parallel.stages=2"}},
        {2, {"train.micro_batches=2", "parallel.local_data=2"}},
        {4, {"train.micro_batches=4", "parallel.data=2", "parallel.spatial.tiles=[1, 2]"}},
    };
    int number = 0;
    for (Grid const& grid : grids) {
        SCOPED_TRACE(::testing::PrintToString(grid.keys));
        std::string const folder = "grid" + std::to_string(number++);
        std::vector<std::string> const arguments = training_run(folder, "[first]", grid.keys);
        expect_code(grid.ranks == 1 ? place.aureole(arguments) : place.launch(grid.ranks, arguments),
                    ExitCode::success);
        expect_near_metrics(place.read(folder + "/metrics.csv"), want);
    }
}

TEST(LabelCounts, AnyPartsGiveTheMeanOverAllClassesThatCount) { expect_equal_on_grids(classes_deck); }

TEST(LabelCounts, AnyPartsGiveTheMeanOverAllValuesThatCount) { expect_equal_on_grids(values_deck); }

/// Masks of VOC and Cityscapes: 255 is no class, and here there is nothing else.
TEST(LabelCounts, NothingCountsGivesZeroAndSaysSoOnce) {
    Workplace const place;
    {
        hdf5::File file = hdf5::File::create(place.path("void.h5"));
        file.write<float>("x", {8, 16, 12, 2}, std::vector<float>(8 * 16 * 12 * 2, 0.5F));
        file.write<std::uint8_t>("y", {8, 16, 12}, std::vector<std::uint8_t>(8 * 16 * 12, 255));
    }
    for (std::string const& deck : {classes_deck, values_deck}) {
        place.write("deck.yaml", deck);
        Finished const finished =
            place.aureole({"run", "deck.yaml", "train.resume=never", "data.ignore_label=255",
                           "data.train={file: void.h5}", "data.eval={file: void.h5}", "train.metrics=[accuracy]"});
        expect_code(finished, ExitCode::success);
        auto const first = finished.output.find("no label of the batch of step 1 counts");
        EXPECT_NE(first, std::string::npos) << finished.output;
        EXPECT_EQ(finished.output.find("no label of the batch", first + 1), std::string::npos) << finished.output;
        for (auto const& row : csv_rows(place.read("runs/counts/metrics.csv"))) {
            if (row[0] != "kind") { EXPECT_EQ(row[3], "0"); }
        }
    }
}

TEST(LabelCounts, PerImageClassesOfTiles) {
    Workplace const place;
    std::string deck = classes_deck;
    deck.replace(deck.find("    - conv: {filters: 3"),
                 std::string("    - conv: {filters: 3, kernel: 3, name: last}").size(),
                 "    - global_pool\n    - flatten\n    - linear: {features: 3}");
    deck.replace(deck.find("[softmax_cross_entropy, dice]"), 29, "softmax_cross_entropy");
    place.write("deck.yaml", deck);
    expect_code(place.launch(2, {"verify", "deck.yaml", "train.micro_batches=4", "parallel.spatial.tiles=[2, 1]"}),
                ExitCode::success);
}

TEST(LabelCounts, EvaluationsCountBatches) {
    Workplace const place;
    place.write("deck.yaml", classes_deck);
    for (std::string const micro_batches : {"1", "4"}) {
        Finished const finished =
            place.aureole({"run", "deck.yaml", "train.resume=never", "train.batch=4", "train.eval_batches=1",
                           "train.steps=1", "train.micro_batches=" + micro_batches});
        expect_code(finished, ExitCode::success);
        EXPECT_TRUE(finished.says("evaluation after step 1 on 4 samples")) << finished.output;
    }
}

}  // namespace
}  // namespace aureole::test
