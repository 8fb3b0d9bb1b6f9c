// A run that was stopped goes on as if it had never stopped.
#include <gtest/gtest.h>

#include "unit_tests/app/process.hpp"

namespace aureole::test {
namespace {

/// All that has a state: optimizer moments, running statistics, a schedule, shuffling, augmentation, dropout,
/// micro-batches, normalisation by figures of the data set.
std::string const deck = R"(name: all
model:
  layers:
    - conv: {filters: 6, kernel: 3, bias: false}
    - batch_norm
    - relu
    - dropout: {rate: 0.3}
    - conv: {filters: 6, kernel: 3, stride: 2}
    - gelu
    - global_pool
    - linear: {features: 4}
image: {size: [12, 12], channels: 3}
data:
  train: {kind: synthetic, samples: 20}
  eval: {kind: synthetic, samples: 6}
  normalize: dataset
  augment: {flip_h: true, flip_w: true, rotate90: true, crop_pad: 2}
train:
  batch: 8
  micro_batches: 2
  steps: 8
  loss: softmax_cross_entropy
  metrics: [accuracy]
  optimizer: {name: adamw, lr: 0.01, weight_decay: 0.05}
  schedule: {name: cosine, warmup_steps: 2}
  clip_norm: 1
  eval_every: 4
  checkpoint: {every: 4, keep: 5}
)";

/// The metrics of every record, without the columns that hold times.
std::vector<std::vector<std::string>> results_of(std::string const& csv) {
    std::vector<std::vector<std::string>> results;
    for (std::vector<std::string> const& row : csv_rows(csv)) {
        results.push_back({row.at(0), row.at(1), row.at(2), row.at(3), row.at(4), row.back()});
    }
    return results;
}

class Resume : public ::testing::TestWithParam<char const*> {
  protected:
    Workplace place;
};

TEST_P(Resume, IsBitwiseTheUninterruptedRun) {
    place.write("deck.yaml", deck);
    std::string const precision = std::string("train.precision=") + GetParam();
    expect_code(place.aureole({"run", "deck.yaml", precision, "output.folder=whole"}), ExitCode::success);
    ASSERT_TRUE(place.contains("whole/checkpoints/step_0000000004.h5"));
    ASSERT_TRUE(place.contains("whole/checkpoints/step_0000000008.h5"));

    // from a named checkpoint, into a folder of its own
    std::filesystem::create_directories(place.path("named"));
    std::filesystem::copy_file(place.path("whole/statistics.txt"), place.path("named/statistics.txt"));
    Finished const named = place.aureole(
        {"run", "deck.yaml", precision, "output.folder=named", "train.resume=whole/checkpoints/step_0000000004.h5"});
    expect_code(named, ExitCode::success);
    EXPECT_TRUE(named.says("resumed after step 4"));
    expect_same_tensors(place.path("named/checkpoints/step_0000000008.h5"),
                        place.path("whole/checkpoints/step_0000000008.h5"));

    // from the newest one, in the same folder: the record of the steps done again is replaced
    std::string const before = place.read("whole/metrics.csv");
    std::filesystem::rename(place.path("whole/checkpoints/step_0000000008.h5"), place.path("want.h5"));
    expect_code(place.aureole({"run", "deck.yaml", precision, "output.folder=whole"}), ExitCode::success);
    expect_same_tensors(place.path("whole/checkpoints/step_0000000008.h5"), place.path("want.h5"));
    EXPECT_EQ(results_of(place.read("whole/metrics.csv")), results_of(before));
}

INSTANTIATE_TEST_SUITE_P(Precisions, Resume, ::testing::Values("f32", "bf16", "f64"));

TEST(ResumeAgain, AFinishedRunHasNothingLeftToDo) {
    Workplace const place;
    place.write("deck.yaml", small_deck());
    std::vector<std::string> const command{"run", "deck.yaml", "train.checkpoint.every=4"};
    expect_code(place.aureole(command), ExitCode::success);
    Finished const again = place.aureole(command);
    expect_code(again, ExitCode::success);
    EXPECT_TRUE(again.says("resumed after step 4"));
    EXPECT_FALSE(again.says("step 1/4"));
}

TEST(ResumeAgain, OldCheckpointsAreRemoved) {
    Workplace const place;
    place.write("deck.yaml", small_deck());
    expect_code(place.aureole({"run", "deck.yaml", "train.checkpoint.every=1", "train.checkpoint.keep=2"}),
                ExitCode::success);
    EXPECT_FALSE(place.contains("runs/small/checkpoints/step_0000000002.h5"));
    EXPECT_TRUE(place.contains("runs/small/checkpoints/step_0000000003.h5"));
    EXPECT_TRUE(place.contains("runs/small/checkpoints/step_0000000004.h5"));
}

TEST(ResumeAgain, OtherColumnsKeepTheOldRecordAndGoOn) {
    Workplace const place;
    place.write("deck.yaml", small_deck());
    std::vector<std::string> command{"run",
                                     "deck.yaml",
                                     "train.checkpoint.every=2",
                                     "train.log_every=1",
                                     "train.steps=2",
                                     "train.metrics=[accuracy]"};
    expect_code(place.aureole(command), ExitCode::success);
    std::string const old = place.read("runs/small/metrics.csv");
    command[4] = "train.steps=4";
    command[5] = "train.metrics=[iou, accuracy]";
    Finished const again = place.aureole(command);
    expect_code(again, ExitCode::success);
    EXPECT_TRUE(again.says("metrics_2.csv")) << again.output;
    EXPECT_EQ(place.read("runs/small/metrics_2.csv"), old);
    auto const before = csv_rows(old), rows = csv_rows(place.read("runs/small/metrics.csv"));
    std::size_t const columns = rows[0].size(), fixed = before[0].size() - 1;
    for (auto const& row : rows) { ASSERT_EQ(row.size(), columns); }
    EXPECT_EQ(rows[0][fixed], "iou");
    for (std::size_t i = 1; i < before.size(); ++i) {
        EXPECT_TRUE(
            std::equal(rows[i].begin(), rows[i].begin() + static_cast<std::ptrdiff_t>(fixed), before[i].begin()));
        EXPECT_EQ(rows[i][fixed], "");
        auto const accuracy =
            static_cast<std::size_t>(std::find(rows[0].begin(), rows[0].end(), "accuracy") - rows[0].begin());
        EXPECT_EQ(rows[i].at(accuracy), before[i][fixed]);
    }
    EXPECT_EQ(rows.back()[1], "4");
    EXPECT_NE(rows.back()[fixed], "");
    command[4] = "train.steps=6";  // the same columns: nothing is kept aside
    Finished const more = place.aureole(command);
    expect_code(more, ExitCode::success);
    EXPECT_FALSE(more.says("other columns"));
    EXPECT_FALSE(place.contains("runs/small/metrics_4.csv"));
}

TEST(ResumeAgain, ACheckpointOfAnotherNetworkIsRefused) {
    Workplace const place;
    place.write("deck.yaml", small_deck());
    expect_code(place.aureole({"run", "deck.yaml", "train.checkpoint.every=4"}), ExitCode::success);
    Finished const other = place.aureole({"run", "deck.yaml", "train.checkpoint.every=4", "model.width=6"});
    expect_code(other, ExitCode::data_error);
}

}  // namespace
}  // namespace aureole::test
