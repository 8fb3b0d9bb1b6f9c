// A run that was stopped goes on as if it had never stopped.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

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
    std::vector<std::string> const results{"deck.yaml", "summary.json", "curves.svg", "metrics.csv", "final.h5"};
    std::vector<std::string> before;
    for (std::string const& name : results) { before.push_back(place.read("runs/small/" + name)); }
    Finished const again = place.aureole({"run", "deck.yaml", "train.checkpoint.every=4", "train.checkpoint.keep=7"});
    expect_code(again, ExitCode::success);
    EXPECT_TRUE(again.says("nothing to do: step 4 of 4"));
    for (std::size_t i = 0; i < results.size(); ++i) {
        EXPECT_EQ(place.read("runs/small/" + results[i]), before[i]) << results[i];
    }
}

TEST(ResumeAgain, TheEndOfAShorterRunIsNotTheEnd) {
    Workplace const place;
    place.write("deck.yaml", small_deck());
    std::vector<std::string> const shorter{"run", "deck.yaml", "train.checkpoint.every=4"};
    std::vector<std::string> const longer{"run", "deck.yaml", "train.checkpoint.every=4", "train.steps=8"};
    expect_code(place.aureole(shorter), ExitCode::success);
    std::filesystem::copy(place.path("runs/small/final.h5"), place.path("old.h5"));
    expect_code(place.aureole(longer), ExitCode::success);
    std::filesystem::rename(place.path("runs/small/final.h5"), place.path("want.h5"));
    std::filesystem::rename(place.path("old.h5"),
                            place.path("runs/small/final.h5"));  // as a kill after step 8 leaves it
    Finished const again = place.aureole(longer);
    expect_code(again, ExitCode::success);
    EXPECT_FALSE(again.says("nothing to do")) << again.output;
    expect_same_tensors(place.path("runs/small/final.h5"), place.path("want.h5"));
}

TEST(ResumeAgain, ASummarySaysWhatWasRun) {
    Workplace const place;
    place.write("deck.yaml", deck);
    expect_code(place.aureole({"run", "deck.yaml", "output.folder=o", "train.steps=2"}), ExitCode::success);
    std::string const summary = place.read("o/summary.json");
    for (char const* const part : {"\"steps\": 2", "\"loss\": ", "\"accuracy\": ", "\"ranks\": 1", "\"git_hash\": ",
                                   "\"train.steps=2\"", "\"started\": \"20", "\"ended\": \"20", "\"hosts\": ["}) {
        EXPECT_NE(summary.find(part), std::string::npos) << part << " in\n" << summary;
    }
}

TEST(ResumeAgain, ARunWithoutCheckpointsLeavesItsWeights) {
    Workplace const place;
    place.write("deck.yaml", small_deck());
    expect_code(place.aureole({"run", "deck.yaml"}), ExitCode::success);
    EXPECT_FALSE(place.contains("runs/small/checkpoints"));
    expect_code(place.aureole({"run", "deck.yaml", "output.folder=other", "train.checkpoint.every=2"}),
                ExitCode::success);
    expect_same_tensors(place.path("runs/small/final.h5"), place.path("other/final.h5"));
    expect_same_tensors(place.path("other/checkpoints/step_0000000004.h5"), place.path("other/final.h5"));
    expect_code(place.aureole({"run", "deck.yaml", "output.folder=other", "train.checkpoint.every=2",
                               "train.resume=never", "train.checkpoint.asynchronous=false"}),
                ExitCode::success);
    expect_same_tensors(place.path("other/checkpoints/step_0000000002.h5"),
                        place.path("other.1/checkpoints/step_0000000002.h5"));
    expect_same_tensors(place.path("other/final.h5"), place.path("other.1/final.h5"));
}

TEST(ResumeAgain, TheBestEvaluationIsKept) {
    Workplace const place;
    place.write("deck.yaml", deck);
    // a rate at which the network gets worse with every step
    std::vector<std::string> command{"run",
                                     "deck.yaml",
                                     "train.optimizer.lr=3",
                                     "train.schedule=constant",
                                     "train.eval_every=1",
                                     "train.checkpoint={every: 1, keep: 20}",
                                     "output.folder=o"};
    expect_code(place.aureole(command), ExitCode::success);
    auto const best_of = [&](std::size_t column, bool less) {
        std::string step;
        double best = 0;
        for (auto const& row : csv_rows(place.read("o/metrics.csv"))) {
            if (row[0] != "eval") { continue; }
            double const value = std::stod(row.at(column));
            if (!step.empty() && (less ? value >= best : value <= best)) { continue; }
            best = value;
            step = row[1];
        }
        return "o/checkpoints/step_000000000" + step + ".h5";
    };
    expect_same_tensors(place.path("o/best.h5"), place.path(best_of(3, true)));
    command.emplace_back("train.best=accuracy");
    command.emplace_back("train.resume=never");
    expect_code(place.aureole(command), ExitCode::success);
    std::size_t const last = csv_rows(place.read("o/metrics.csv")).front().size() - 1;
    expect_same_tensors(place.path("o/best.h5"), place.path(best_of(last, false)));
    command[7] = "train.best=iou";
    Finished const unknown = place.aureole(command);
    expect_code(unknown, ExitCode::bad_deck);
    EXPECT_TRUE(unknown.says("train.best"));
}

TEST(ResumeAgain, ADamagedCheckpointIsPassedOver) {
    Workplace const place;
    place.write("deck.yaml", deck);
    std::vector<std::string> const command{"run", "deck.yaml", "train.checkpoint.every=2", "output.folder=o"};
    expect_code(place.aureole(command), ExitCode::success);
    std::filesystem::rename(place.path("o/checkpoints/step_0000000008.h5"), place.path("want.h5"));
    std::string bytes = place.read("o/checkpoints/step_0000000006.h5");
    auto const at = bytes.size() / 2;
    std::string flipped = bytes;
    for (auto i = at; i < at + 600; ++i) { flipped[i] = static_cast<char>(flipped[i] ^ 4); }
    for (std::string const& damaged : {bytes.substr(0, at), std::string(), std::string(bytes.size(), '\0'), flipped}) {
        place.write("o/checkpoints/step_0000000006.h5", damaged);
        Finished const again = place.aureole(command);
        expect_code(again, ExitCode::success);
        EXPECT_TRUE(again.says("resumed after step 4")) << again.output;
        EXPECT_TRUE(again.says("step_0000000006.h5")) << again.output;
        expect_same_tensors(place.path("o/checkpoints/step_0000000008.h5"), place.path("want.h5"));
        std::filesystem::remove(place.path("o/checkpoints/step_0000000008.h5"));
    }
    for (auto const& entry : std::filesystem::directory_iterator(place.path("o/checkpoints"))) {
        std::filesystem::resize_file(entry.path(), 100);
    }
    Finished const none = place.aureole(command);
    expect_code(none, ExitCode::data_error);
    EXPECT_TRUE(none.says("checkpoints in 'o/checkpoints' can be resumed from")) << none.output;
}

TEST(ResumeAgain, WhatDecidesOverTheResultMayNotChangeWithoutAWord) {
    Workplace const place;
    place.write("deck.yaml", deck);
    expect_code(place.aureole({"run", "deck.yaml", "output.folder=o"}), ExitCode::success);
    std::string const before = place.read("o/deck.yaml");
    std::vector<std::string> command{"run",
                                     "deck.yaml",
                                     "output.folder=o",
                                     "train.steps=10",
                                     "train.optimizer.lr=0.02",
                                     "data.augment.flip_h=false"};
    Finished const refused = place.aureole(command);
    expect_code(refused, ExitCode::bad_deck);
    EXPECT_TRUE(refused.says("train.optimizer.lr: 0.01 -> 0.02")) << refused.output;
    EXPECT_TRUE(refused.says("data.augment.flip_h: true -> false")) << refused.output;
    EXPECT_FALSE(refused.says("train.steps: ")) << refused.output;
    EXPECT_EQ(place.read("o/deck.yaml"), before);
    command.emplace_back("train.resume_changes=accept");
    Finished const accepted = place.aureole(command);
    expect_code(accepted, ExitCode::success);
    EXPECT_TRUE(accepted.says("resumed after step 8")) << accepted.output;
    expect_code(place.aureole({"run", "deck.yaml", "output.folder=p", "train.steps=4"}), ExitCode::success);
    Finished const more =
        place.aureole({"run", "deck.yaml", "output.folder=p", "train.steps=6", "train.log_every=2", "train.metrics=[]",
                       "train.eval_every=0", "data.prefetch=1", "memory.recompute=cheap", "train.wall_time=1h"});
    expect_code(more, ExitCode::success);
    EXPECT_TRUE(more.says("resumed after step 4")) << more.output;
}

TEST(ResumeAgain, SamplesSeenSayWhereAnEpochStands) {
    Workplace const place;
    place.write("deck.yaml", deck);
    std::vector<std::string> command{"run",           "deck.yaml",       "output.folder=o", "train.epochs=2",
                                     "train.batch=4", "train.steps=1000"};
    expect_code(place.aureole(command), ExitCode::success);  // 10 steps, 40 samples
    command[3] = "train.epochs=4";
    command[4] = "train.batch=8";
    expect_code(place.aureole(command), ExitCode::bad_deck);
    command.emplace_back("train.resume_changes=accept");
    Finished const more = place.aureole(command);
    expect_code(more, ExitCode::success);
    EXPECT_TRUE(more.says("step 15/15  epoch 4.00")) << more.output;
}

TEST(ResumeAgain, AnewMeansThatOldResultsAreMovedAside) {
    Workplace const place;
    place.write("deck.yaml", deck);
    expect_code(place.aureole({"run", "deck.yaml", "output.folder=o"}), ExitCode::success);
    std::string const log = place.read("o/metrics.csv");
    Finished const anew = place.aureole({"run", "deck.yaml", "output.folder=o", "train.resume=never", "train.seed=7"});
    expect_code(anew, ExitCode::success);
    EXPECT_TRUE(anew.says("is now in 'o.1'")) << anew.output;
    EXPECT_EQ(place.read("o.1/metrics.csv"), log);
    EXPECT_TRUE(place.contains("o.1/checkpoints/step_0000000008.h5"));
    Finished const again = place.aureole({"run", "deck.yaml", "output.folder=o", "train.seed=7"});
    expect_code(again, ExitCode::success);
    EXPECT_TRUE(again.says("nothing to do"));
}

TEST(ResumeAgain, AFolderBelongsToOneRun) {
    Workplace const place;
    place.write("deck.yaml", deck);
    std::filesystem::create_directories(place.path("o"));
    place.write("o/.lock", "process 1 on a test");
    int const lock = ::open(place.path("o/.lock").c_str(), O_RDWR);
    ASSERT_EQ(::flock(lock, LOCK_EX), 0);
    Finished const second = place.aureole({"run", "deck.yaml", "output.folder=o"});
    expect_code(second, ExitCode::data_error);
    EXPECT_TRUE(second.says("another run is writing into 'o' (process 1 on a test)")) << second.output;
    EXPECT_FALSE(place.contains("o/deck.yaml"));
    ::close(lock);
    expect_code(place.aureole({"run", "deck.yaml", "output.folder=o"}), ExitCode::success);
}

TEST(ResumeAgain, LinesOfTheLogGoOnOverAStop) {
    Workplace const place;
    place.write("deck.yaml", deck);
    std::vector<std::string> command{"run",
                                     "deck.yaml",
                                     "train.checkpoint={every: 3, keep: 9}",
                                     "train.log_every=8",
                                     "train.eval_every=0",
                                     "output.folder=whole"};
    expect_code(place.aureole(command), ExitCode::success);
    command.back() = "output.folder=half";
    expect_code(place.aureole(command), ExitCode::success);
    for (char const* const step : {"6", "8"}) {
        std::filesystem::remove(place.path(std::string("half/checkpoints/step_000000000") + step + ".h5"));
    }
    Finished const again = place.aureole(command);
    expect_code(again, ExitCode::success);
    EXPECT_TRUE(again.says("resumed after step 3")) << again.output;
    EXPECT_EQ(results_of(place.read("half/metrics.csv")), results_of(place.read("whole/metrics.csv")));
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
    expect_code(other, ExitCode::bad_deck);
    EXPECT_TRUE(other.says("model.width: 4 -> 6")) << other.output;
    Finished const accepted =
        place.aureole({"run", "deck.yaml", "train.checkpoint.every=4", "model.width=6", "train.resume_changes=accept"});
    expect_code(accepted, ExitCode::data_error);
}

}  // namespace
}  // namespace aureole::test
