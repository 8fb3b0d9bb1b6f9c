// Every way a run can end has its exit code and a message that says what to do.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "unit_tests/app/process.hpp"

namespace aureole::test {
namespace {

class Run : public ::testing::Test {
  protected:
    Workplace place;

    [[nodiscard]] Finished run(std::vector<std::string> overrides = {}, std::string const& environment = "") const {
        place.write("deck.yaml", small_deck());
        overrides.insert(overrides.begin(), {"run", "deck.yaml"});
        return place.aureole(overrides, environment);
    }
};

/// Without metrics and clip_norm the last cells of the record are empty.
TEST_F(Run, DrawsTheLossOfARunWithoutMetrics) {
    expect_code(run({"train.metrics=[]", "train.log_every=1"}), ExitCode::success);
    EXPECT_NE(place.read("runs/small/curves.svg").find("<polyline"), std::string::npos);
}

TEST_F(Run, SuccessLeavesDeckAndMetrics) {
    Finished const finished = run();
    expect_code(finished, ExitCode::success);
    EXPECT_TRUE(finished.says("step 4/4"));
    EXPECT_TRUE(finished.says("evaluation after step 4 on 10 samples"));
    EXPECT_TRUE(place.contains("runs/small/deck.yaml"));

    auto const rows = csv_rows(place.read("runs/small/metrics.csv"));
    ASSERT_EQ(rows.size(), 1U + 4U + 1U) << "heads, four steps, one evaluation";
    EXPECT_EQ(rows[0].front(), "kind");
    EXPECT_EQ(rows[0].back(), "accuracy");
    for (std::size_t i = 1; i < rows.size(); ++i) {
        ASSERT_EQ(rows[i].size(), rows[0].size());
        EXPECT_EQ(rows[i][0], i < 5 ? "train" : "eval");
        EXPECT_EQ(rows[i][1], std::to_string(std::min<std::size_t>(i, 4)));
        double const loss = std::stod(rows[i][3]), accuracy = std::stod(rows[i].back());
        EXPECT_GT(loss, 0);
        EXPECT_LT(loss, 20);
        EXPECT_GE(accuracy, 0);
        EXPECT_LE(accuracy, 1);
    }
    std::string const json = place.read("runs/small/metrics.jsonl");
    EXPECT_EQ(std::count(json.begin(), json.end(), '\n'), 5);
}

TEST_F(Run, TheResolvedDeckRunsAgainAndGivesTheSame) {
    expect_code(run({"--dump", "first.h5"}), ExitCode::success);
    expect_code(place.aureole({"run", "runs/small/deck.yaml", "train.resume=never", "--dump", "second.h5"}),
                ExitCode::success);
    expect_same_tensors(place.path("second.h5"), place.path("first.h5"));
}

TEST_F(Run, ASoftmaxOfOneChannelTrainsNothing) {
    place.write("deck.yaml", R"(
model: {name: layers, layers: [{conv: {filters: 1, kernel: 1}}]}
image: {size: [8, 8], channels: 1}
data: {train: {kind: synthetic, samples: 8}}
train: {batch: 4, steps: 1, loss: softmax_cross_entropy, optimizer: {name: sgd, lr: 0.1}}
)");
    for (char const* const verb : {"check", "run"}) {
        Finished const finished = place.aureole({verb, "deck.yaml"});
        expect_code(finished, ExitCode::bad_deck);
        EXPECT_TRUE(finished.says("the softmax of one value is always 1"));
        EXPECT_TRUE(finished.says("bce_with_logits"));
    }
}

TEST_F(Run, OverridesReplaceValuesOfTheDeck) {
    Finished const finished = run({"train.steps=2", "output.folder=elsewhere", "train.optimizer.lr=0.25"});
    expect_code(finished, ExitCode::success);
    EXPECT_TRUE(finished.says("step 2/2"));
    EXPECT_NE(place.read("elsewhere/deck.yaml").find("lr: 0.25"), std::string::npos);
    EXPECT_EQ(csv_rows(place.read("elsewhere/metrics.csv")).size(), 4U);
}

TEST_F(Run, EpochsCountPassesOverTheData) {
    Finished const finished = run({"train.steps=null", "train.epochs=1.5"});
    expect_code(finished, ExitCode::success);
    EXPECT_TRUE(finished.says("step 6/6")) << "1.5 passes over 32 samples in batches of 8";
}

TEST_F(Run, ABadDeckIs2) {
    Finished const key = run({"train.btch=3"});
    expect_code(key, ExitCode::bad_deck);
    EXPECT_TRUE(key.says("batch")) << key.output;
    expect_code(run({"model.depth=9"}), ExitCode::bad_deck);
    expect_code(place.aureole({"run", "absent.yaml"}), ExitCode::bad_deck);
    EXPECT_FALSE(place.contains("runs")) << "a refused deck leaves nothing behind";
}

TEST_F(Run, ABadCommandLineIs2) {
    expect_code(place.aureole({"train"}), ExitCode::bad_deck);
    expect_code(place.aureole({}), ExitCode::bad_deck);
    expect_code(place.aureole({"run"}), ExitCode::bad_deck);
    expect_code(place.aureole({"--help"}), ExitCode::success);
    expect_code(place.aureole({"--version"}), ExitCode::success);
    expect_code(place.aureole({"info"}), ExitCode::success);
}

TEST_F(Run, AWrongWordOfTheCommandLineComesWithTheRightOne) {
    place.write("deck.yaml", small_deck());
    auto const says = [&](std::vector<std::string> const& words, std::string const& hint) {
        Finished const finished = place.aureole(words);
        expect_code(finished, ExitCode::bad_deck);
        EXPECT_TRUE(finished.says(hint)) << finished.output;
    };
    says({"rnu", "deck.yaml"}, "'rnu' is no verb: did you mean 'run'?");
    says({"chekc", "deck.yaml"}, "did you mean 'check'?");
    says({"deck.yaml"}, "write aureole run deck.yaml");
    says({"weather"}, "verbs are run, plan, verify, check, info, convert");
    says({}, "no verb is given");
    says({"run", "deck.yaml", "--dmup=x"}, "'--dmup' is no option of run");
    says({"--verion"}, "'--verion' is no option of aureole (options are --help, --version): did you mean '--version'?");
    says({"run", "deck.yaml", "--dmup", "x"}, "did you mean '--dump'?");
    says({"check", "deck.yaml", "--data", "--no-data"}, "excludes");
    says({"check", "deck.yaml", "train.lr=0.1"}, "did you mean 'train.optimizer.lr'?");
}

TEST_F(Run, ACheckEndsWithItsVerdictAndIsShort) {
    place.write("deck.yaml", small_deck());
    Finished const finished = place.aureole({"check", "deck.yaml"});
    expect_code(finished, ExitCode::success);
    EXPECT_TRUE(finished.output.ends_with("deck.yaml: good, 4 steps\n")) << finished.output;
    EXPECT_LE(std::count(finished.output.begin(), finished.output.end(), '\n'), 20) << finished.output;
    Finished const resolved = place.aureole({"check", "deck.yaml", "--resolved"});
    EXPECT_TRUE(resolved.says("weight_decay: 0.0")) << resolved.output;
    EXPECT_TRUE(resolved.output.ends_with("deck.yaml: good, 4 steps\n")) << resolved.output;
}

TEST_F(Run, MissingDataIs6) {
    Finished const finished = run({"data.train={file: absent.h5}"});
    expect_code(finished, ExitCode::data_error);
    EXPECT_TRUE(finished.says("absent.h5"));
    place.write("broken.h5", "this is not HDF5");
    expect_code(run({"data.train={file: broken.h5}"}), ExitCode::data_error);
}

TEST_F(Run, ADivergedRunIs4) {
    Finished const finished = run({"train.optimizer.lr=1e30", "train.steps=20"});
    expect_code(finished, ExitCode::diverged);
    EXPECT_TRUE(finished.says("train.optimizer.lr"));
}

TEST_F(Run, ARunThatDoesNotFitIs3AndSaysWhatWould) {
    Finished const finished = run({"memory.limit=1 MiB"});
    expect_code(finished, ExitCode::does_not_fit);
    EXPECT_TRUE(finished.says("memory.limit"));
    EXPECT_FALSE(place.contains("runs/small/metrics.csv")) << "it must end before it starts";
    expect_code(place.aureole({"check", "deck.yaml", "memory.limit=1 MiB"}), ExitCode::does_not_fit);
    expect_code(place.aureole({"check", "deck.yaml"}), ExitCode::success);
}

#if !defined(__SANITIZE_ADDRESS__)  // a sanitizer ends the program itself
TEST_F(Run, MemoryThatNoMachineHasIs3) {
    std::vector<std::string> const overrides{"image.size=[4194304, 4194304]", "train.batch=1", "train.steps=1"};
    Finished const finished = run(overrides);
    expect_code(finished, ExitCode::does_not_fit);
    EXPECT_TRUE(finished.says("bytes")) << finished.output;
    Finished const checked = place.aureole({"check", "deck.yaml", overrides[0], overrides[1], overrides[2]});
    expect_code(checked, ExitCode::success);
    EXPECT_TRUE(checked.says("this machine has")) << checked.output;
}
#endif

TEST_F(Run, LossesBelowTheSmallestNormalNumberAreDrawn) {
    expect_code(run({"train.loss={name: softmax_cross_entropy, weight: 1e-320}"}), ExitCode::success);
    EXPECT_TRUE(place.contains("runs/small/curves.svg"));
}

TEST_F(Run, BatchesWhoseBytesCannotBeAddedUpAre2) {
    Finished const finished = run(
        {"train.batch=2147483647", "train.micro_batches=2147483647", "data.prefetch=1024", "image.size=[8192, 4096]"});
    expect_code(finished, ExitCode::bad_deck);
    EXPECT_TRUE(finished.says("train.batch")) << finished.output;
    EXPECT_TRUE(finished.says("2^60 bytes")) << finished.output;
}

TEST_F(Run, TheWallTimeLimitIs5AndTheRunGoesOn) {
    std::vector<std::string> const overrides{"train.wall_time=1 s", "train.steps=100000000", "train.log_every=100000"};
    Finished const first = run(overrides);
    expect_code(first, ExitCode::stopped);
    EXPECT_TRUE(std::filesystem::exists(place.path("runs/small/checkpoints"))) << first.output;
    Finished const second = run(overrides);
    expect_code(second, ExitCode::stopped);
    EXPECT_TRUE(second.says("resumed after step"));
}

TEST_F(Run, SeveralProcessesAreRefused) {
    for (std::string const variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
        Finished const finished = run({}, variable + "=2");
        expect_code(finished, ExitCode::bad_deck);
        EXPECT_TRUE(finished.says("2 processes"));
        expect_code(run({}, variable + "=1"), ExitCode::success);
    }
}

}  // namespace
}  // namespace aureole::test
