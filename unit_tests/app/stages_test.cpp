// The program with stages, schedules and replicas.
#include <gtest/gtest.h>

#include "unit_tests/app/compare.hpp"
#include "unit_tests/app/process.hpp"

namespace aureole::test {
namespace {

/// Five units, a skip over three of them, norms, dropout, metrics; f64, so that ranks agree to rounding.
std::string const deck = R"(name: stages
model:
  layers:
    - conv: {filters: 4, kernel: 3, bias: false, name: first}
    - batch_norm
    - relu: {name: fine}
    - max_pool: {kernel: 2, unit: true}
    - conv: {filters: 6, kernel: 3, name: middle}
    - dropout: {rate: 0.2}
    - batch_norm: {unit: true}
    - gelu: {name: coarse}
    - upsample: {scale: 2, mode: linear, unit: true}
    - concat: {from: fine}
    - conv: {filters: 5, kernel: 3, name: wide, unit: true}
    - relu
    - conv: {filters: 3, kernel: 3, name: last}
image: {size: [24, 16], channels: 2}
data:
  train: {kind: synthetic, samples: 24}
  eval: {kind: synthetic, samples: 5}
  augment: {flip_h: true, flip_w: true}
train:
  batch: 8
  micro_batches: 4
  steps: 4
  precision: f64
  loss: softmax_cross_entropy
  metrics: [accuracy, iou]
  optimizer: {name: adamw, lr: 0.01}
  clip_norm: 1
  checkpoint: {every: 2, keep: 5}
)";

std::vector<std::string> run(std::vector<std::string> const& grid, std::string const& folder) {
    return training_run(folder, "[first, fine, coarse, wide]", grid);
}

struct Grid {
    int ranks;
    std::vector<std::string> keys;
};

TEST(Stages, TrainAsOneRankDoes) {
    Workplace const place;
    place.write("deck.yaml", deck);
    place.write("table.csv", "0F0,0F1,,0B0,0F2,0B1,0F3,0B2,0B3\n,1F0,1B0,1F1,1B1,1F2,1B2,1F3,1B3  # 1f1b by hand\n");
    expect_code(place.aureole(run({}, "one")), ExitCode::success);
    std::string const want = place.read("one/metrics.csv");
    std::vector<Grid> const grids{
        {2, {"parallel.stages=2"}},
        {2, {"parallel.data=2"}},
        {2, {"parallel.stages=2", "parallel.schedule_file=table.csv"}},
        {2, {"parallel.stages=4", "parallel.chunks=2", "parallel.schedule=interleaved"}},
        {1, {"parallel.stages=2", "parallel.chunks=2", "parallel.schedule=breadth-first"}},
        {3, {"parallel.stages=3", "parallel.balance=[1, 3, 1]", "parallel.schedule=zb-h1"}},
        {4, {"parallel.data=2", "parallel.stages=2", "parallel.schedule=gpipe"}},
        {4, {"parallel.stages=3", "parallel.spatial.tiles=[2, 1]", "parallel.cut=uniform"}},
        {7, {"parallel.stages=3", "parallel.spatial.stage_tiles=[4, 2]", "parallel.cut=memory"}},
        {2, {"parallel.local_data=2"}},
        {6, {"parallel.stages=2", "parallel.spatial.tiles=[2, 2]", "parallel.local_data=2"}},
        {4, {"parallel.data=2", "parallel.spatial.tiles=[2, 1]", "parallel.shard_optimizer=true"}},
        {4, {"parallel.data=2", "parallel.local_data=2", "parallel.shard_optimizer=true"}},
    };
    int number = 0;
    for (Grid const& grid : grids) {
        std::string const folder = "grid" + std::to_string(number++);
        SCOPED_TRACE(::testing::PrintToString(grid.keys));
        Finished const finished =
            grid.ranks == 1 ? place.aureole(run(grid.keys, folder)) : place.launch(grid.ranks, run(grid.keys, folder));
        expect_code(finished, ExitCode::success);
        expect_near_tensors(place.path(folder + ".h5"), place.path("one.h5"));
        expect_near_metrics(place.read(folder + "/metrics.csv"), want);
    }
}

/// A unit of dropout alone has nothing to do in an evaluation; the stages of later units are those of training all the
/// same, or ranks would evaluate with parameters that they do not train.
TEST(Stages, AUnitOfDropoutIsAUnitOfTheEvaluationToo) {
    std::string const with_dropout = R"(name: dropout
model:
  layers:
    - dropout: {rate: 0.3, unit: true}
    - conv: {filters: 4, kernel: 3, name: first, unit: true}
    - dropout: {rate: 0.2, unit: true}
    - relu: {name: coarse, unit: true}
    - conv: {filters: 3, kernel: 3, name: wide, unit: true}
    - dropout: {rate: 0.1, name: fine, unit: true}
image: {size: [8, 8], channels: 2}
data:
  train: {kind: synthetic, samples: 8}
  eval: {kind: synthetic, samples: 5}
train:
  batch: 4
  micro_batches: 2
  steps: 3
  precision: f64
  optimizer: {name: adamw, lr: 0.1}
  checkpoint: {every: 3}
)";
    Workplace const place;
    place.write("deck.yaml", with_dropout);
    expect_code(place.aureole(run({}, "one")), ExitCode::success);
    std::string const want = place.read("one/metrics.csv");
    for (int const stages : {2, 3, 5}) {
        SCOPED_TRACE(stages);
        std::string const folder = "stages" + std::to_string(stages);
        std::vector<std::string> const grid{"parallel.stages=" + std::to_string(stages), "parallel.cut=uniform"};
        expect_code(place.launch(stages, run(grid, folder)), ExitCode::success);
        expect_near_tensors(place.path(folder + ".h5"), place.path("one.h5"));
        expect_near_metrics(place.read(folder + "/metrics.csv"), want);
    }
}

/// The conversion of the image, which bf16 needs before the first unit, is none of its own.
TEST(Stages, PrecisionDoesNotChangeUnits) {
    Workplace const place;
    place.write("deck.yaml", R"(name: units
model:
  layers:
    - conv: {filters: 4, kernel: 3, unit: true}
    - conv: {filters: 3, kernel: 3, unit: true}
image: {size: [8, 8], channels: 2}
data: {train: {kind: synthetic, samples: 8}}
train: {batch: 4, steps: 1, optimizer: {lr: 0.1}}
parallel: {stages: 2, balance: [1, 1]}
)");
    for (std::string const precision : {"f64", "f32", "bf16"}) {
        expect_code(place.aureole({"plan", "deck.yaml", "train.precision=" + precision}), ExitCode::success);
    }
}

TEST(Stages, ACheckpointGoesOnOnAnotherGrid) {
    Workplace const place;
    place.write("deck.yaml", deck);
    expect_code(place.aureole(run({}, "one")), ExitCode::success);
    std::vector<std::string> const half = run({"parallel.stages=3", "train.steps=2", "output.dump.step=2"}, "two");
    expect_code(place.launch(3, half), ExitCode::success);
    Finished const finished = place.launch(4, run({"parallel.data=2", "parallel.spatial.tiles=[2, 1]"}, "two"));
    expect_code(finished, ExitCode::success);
    EXPECT_TRUE(finished.says("resumed after step 2"));
    expect_near_tensors(place.path("two.h5"), place.path("one.h5"));
}

/// Nothing is dumped: only shares of the gradients are complete.
TEST(Stages, ASharedOptimizerGoesOnWithAndWithoutSharing) {
    Workplace const place;
    place.write("deck.yaml", deck);
    std::string const half = "/checkpoints/step_0000000002.h5", end = "/checkpoints/step_0000000004.h5";
    auto const train = [&](int ranks, std::string const& folder, std::string const& from,
                           std::vector<std::string> const& keys) {
        std::vector<std::string> arguments{"run", "deck.yaml", "output.folder=" + folder};
        if (!from.empty()) { arguments.push_back("train.resume=" + from + half); }
        arguments.insert(arguments.end(), keys.begin(), keys.end());
        Finished const finished = ranks == 1 ? place.aureole(arguments) : place.launch(ranks, arguments);
        expect_code(finished, ExitCode::success);
        EXPECT_EQ(finished.says("resumed after step 2"), !from.empty());
    };
    std::vector<std::string> const tiles{"parallel.data=2", "parallel.spatial.tiles=[2, 1]"};
    std::vector<std::string> shared = tiles;
    shared.emplace_back("parallel.shard_optimizer=true");
    train(1, "one", "", {});
    train(4, "shared", "", shared);
    expect_near_tensors(place.path("shared" + end), place.path("one" + end));

    train(4, "again", "shared", shared);
    expect_same_tensors(place.path("again" + end), place.path("shared" + end));

    train(4, "unshared", "shared", tiles);
    train(1, "alone", "shared", {});
    train(4, "stages", "one", {"parallel.data=2", "parallel.stages=2", "parallel.shard_optimizer=true"});
    for (std::string const folder : {"unshared", "alone", "stages"}) {
        SCOPED_TRACE(folder);
        expect_near_tensors(place.path(folder + end), place.path("one" + end));
    }
}

TEST(Stages, VerifyProvesTheGrid) {
    Workplace const place;
    place.write("deck.yaml", deck);
    for (char const* const shared : {"false", "true"}) {
        Finished const finished =
            place.launch(6, {"verify", "deck.yaml", "parallel.data=2", "parallel.stages=2",
                             "parallel.spatial.tiles=[2, 1]", std::string("parallel.shard_optimizer=") + shared});
        expect_code(finished, ExitCode::success);
        EXPECT_TRUE(finished.says("equal:")) << finished.output;
    }
}

TEST(Stages, VerifyProvesRanksThatShareSamples) {
    Workplace const place;
    place.write("deck.yaml", deck);
    // of a micro-batch of three samples one rank takes one, another two
    for (Grid const& grid :
         {Grid{2, {"parallel.local_data=2", "train.batch=6", "train.micro_batches=2"}},
          Grid{4, {"parallel.data=2", "parallel.local_data=2", "train.batch=12"}},
          Grid{6, {"parallel.stages=2", "parallel.spatial.tiles=[2, 2]", "parallel.local_data=2", "train.batch=12"}}}) {
        std::vector<std::string> arguments{"verify", "deck.yaml"};
        arguments.insert(arguments.end(), grid.keys.begin(), grid.keys.end());
        Finished const finished = place.launch(grid.ranks, arguments);
        expect_code(finished, ExitCode::success);
        EXPECT_TRUE(finished.says("equal:")) << finished.output;
        EXPECT_TRUE(finished.says("samples / 2")) << finished.output;
    }
}

TEST(Stages, PlanTellsWhatARunNeeds) {
    Workplace const place;
    place.write("deck.yaml", deck);
    std::vector<std::string> const keys{"parallel.stages=3", "parallel.spatial.tiles=[2, 1]"};
    std::vector<std::string> plan{"plan", "deck.yaml", "--timeline", "timeline.svg"};
    plan.insert(plan.end(), keys.begin(), keys.end());
    Finished const finished = place.aureole(plan);
    expect_code(finished, ExitCode::success);
    EXPECT_TRUE(finished.says("3 stages on rows of [2 x 1] [1 x 1] [1 x 1]")) << finished.output;
    EXPECT_TRUE(finished.says("row 0: at most 3 micro-batches in flight")) << finished.output;
    EXPECT_NE(place.read("timeline.svg").find("</svg>"), std::string::npos);
    Finished const shared = place.aureole(
        {"plan", "deck.yaml", "parallel.stages=2", "parallel.spatial.tiles=[2, 2]", "parallel.local_data=2"});
    expect_code(shared, ExitCode::success);
    EXPECT_TRUE(shared.says("2 stages on rows of [2 x 2] [samples / 2] on 6 ranks")) << shared.output;
    plan.emplace_back("memory.limit=1 MiB");
    expect_code(place.aureole(plan), ExitCode::does_not_fit);
}

TEST(Stages, ARunWritesWhatItDid) {
    Workplace const place;
    place.write("deck.yaml", deck);
    std::vector<std::string> arguments = run({"parallel.stages=2", "--trace", "trace.json"}, "traced");
    expect_code(place.launch(2, arguments), ExitCode::success);
    std::string const trace = place.read("trace.json");
    for (char const* const what : {"\"F 3\"", "\"B 0\"", "\"traceEvents\""}) {
        EXPECT_NE(trace.find(what), std::string::npos) << what;
    }
}

TEST(Stages, WhatCannotBeIsToldWithAWayOut) {
    Workplace const place;
    place.write("deck.yaml", deck);
    place.write("table.csv", "0F0,0B0\n,1F0,1B0\n");
    struct Case {
        std::vector<std::string> keys;
        char const* says;
    };
    for (Case const& each : {Case{{"parallel.stages=9"}, "set parallel.stages to 5 or fewer"},
                             Case{{"parallel.stages=2", "parallel.balance=[2, 2]"}, "the network has 5"},
                             Case{{"parallel.stages=2", "parallel.schedule_file=table.csv"}, "1 micro-batches"},
                             Case{{"parallel.stages=2", "parallel.schedule_file=none.csv"}, "cannot read the schedule"},
                             Case{{"parallel.local_data=3"}, "give 2 or less"},
                             Case{{"parallel.local_data=2", "parallel.spatial.tiles=[2, 1]"}, "every stage is"},
                             Case{{"parallel.stages=4", "parallel.chunks=2", "parallel.schedule=interleaved",
                                   "parallel.spatial.stage_tiles=[2, 2, 1]"},
                                  "give 2 or fewer"}}) {
        std::vector<std::string> arguments{"plan", "deck.yaml"};
        arguments.insert(arguments.end(), each.keys.begin(), each.keys.end());
        Finished const finished = place.aureole(arguments);
        expect_code(finished, ExitCode::bad_deck);
        EXPECT_TRUE(finished.says(each.says)) << finished.output;
    }
    Finished const finished = place.launch(3, {"run", "deck.yaml", "parallel.stages=2"});
    expect_code(finished, ExitCode::bad_deck);
    EXPECT_TRUE(finished.says("start 2 (--local 2, or mpirun -np 2)")) << finished.output;
    EXPECT_TRUE(finished.says("parallel.stages=3")) << finished.output;
    Finished const four = place.launch(4, {"run", "deck.yaml", "parallel.stages=2"});
    expect_code(four, ExitCode::bad_deck);
    EXPECT_TRUE(four.says("parallel.local_data=2")) << four.output;
}

}  // namespace
}  // namespace aureole::test
