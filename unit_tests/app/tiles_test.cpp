// The program on a grid of tiles.
#include <gtest/gtest.h>

#include "io/hdf5/file.hpp"
#include "unit_tests/app/compare.hpp"
#include "unit_tests/app/process.hpp"

namespace aureole::test {
namespace {

/// A network with exchanges of every kind, labels per pixel, and metrics; f64, so that ranks agree to rounding.
std::string const deck = R"(name: tiles
model:
  layers:
    - conv: {filters: 4, kernel: 3, bias: false, name: first}
    - batch_norm
    - relu: {name: fine}
    - dropout: {rate: 0.2}
    - max_pool: {kernel: 2, unit: true}
    - conv: {filters: 6, kernel: 5, name: wide}
    - group_norm: {groups: 2}
    - gelu: {name: coarse}
    - upsample: {scale: 2, mode: linear}
    - concat: {from: fine}
    - conv: {filters: 3, kernel: 3, name: last}
image: {size: [22, 18], channels: 2}
data:
  train: {kind: synthetic, samples: 12}
  eval: {kind: synthetic, samples: 5}
  augment: {flip_h: true, flip_w: true}
train:
  batch: 4
  micro_batches: 2
  steps: 4
  precision: f64
  loss: softmax_cross_entropy
  metrics: [accuracy, iou]
  optimizer: {name: adamw, lr: 0.01}
  clip_norm: 1
  checkpoint: {every: 2, keep: 5}
)";

std::vector<std::string> run(std::string const& tiles, std::string const& folder) {
    return training_run(folder, "[first, fine, coarse]", {"parallel.spatial.tiles=" + tiles});
}

TEST(Tiles, TrainAsOneRankDoes) {
    Workplace const place;
    place.write("deck.yaml", deck);
    expect_code(place.aureole(run("[1, 1]", "one")), ExitCode::success);
    std::string const want = place.read("one/metrics.csv");
    for (auto const& [ranks, tiles] : {std::pair{2, "[2, 1]"}, std::pair{3, "[1, 3]"}, std::pair{4, "[2, 2]"}}) {
        SCOPED_TRACE(tiles);
        std::string const folder = "on" + std::to_string(ranks);
        Finished const finished = place.launch(ranks, run(tiles, folder));
        expect_code(finished, ExitCode::success);
        EXPECT_TRUE(finished.says("exchanges and reductions"));
        expect_near_tensors(place.path(folder + ".h5"), place.path("one.h5"));
        expect_near_metrics(place.read(folder + "/metrics.csv"), want);
    }
}

TEST(Tiles, MessagesByWayOfHostMemoryChangeNothing) {
    Workplace const place;
    place.write("deck.yaml", deck);
    for (char const* const messages : {"direct", "staged"}) {
        std::vector<std::string> arguments = run("[1, 2]", messages);
        arguments.emplace_back("parallel.data=2");
        arguments.emplace_back("parallel.shard_optimizer=true");
        arguments.emplace_back("parallel.messages=" + std::string(messages));
        expect_code(place.launch(4, arguments), ExitCode::success);
    }
    expect_near_tensors(place.path("staged.h5"), place.path("direct.h5"));
    expect_near_metrics(place.read("staged/metrics.csv"), place.read("direct/metrics.csv"));
}

TEST(Tiles, UpdatesWithinTheBackwardPassWaitForTheSumsOfTiles) {
    Workplace const place;
    std::string text = deck;
    text.erase(text.find("  clip_norm: 1\n"), std::string("  clip_norm: 1\n").size());
    place.write("deck.yaml", text);
    std::vector<std::string> arguments{"run", "deck.yaml", "train.micro_batches=1", "train.log_every=1"};
    arguments.emplace_back("output.folder=one");
    expect_code(place.aureole(arguments), ExitCode::success);
    arguments.back() = "output.folder=two";
    arguments.emplace_back("parallel.spatial.tiles=[2, 2]");
    expect_code(place.launch(4, arguments), ExitCode::success);
    expect_near_metrics(place.read("two/metrics.csv"), place.read("one/metrics.csv"));
}

TEST(Tiles, ATraceShowsOperatorsAndMessagesOfEveryRank) {
    Workplace const place;
    place.write("deck.yaml", deck);
    Finished const finished = place.launch(
        2, {"run", "deck.yaml", "train.steps=2", "parallel.spatial.tiles=[2, 1]", "--trace", "trace.json"});
    expect_code(finished, ExitCode::success);
    EXPECT_TRUE(finished.says("waiting for late ranks")) << finished.output;
    std::string const trace = place.read("trace.json");
    for (char const* const what : {R"("rank 1")", R"("name":"wide","cat":"compute")", R"("cat":"exchange")",
                                   R"("cat":"reduction")", R"("name":"sums of gradients")"}) {
        EXPECT_NE(trace.find(what), std::string::npos) << what;
    }
}

TEST(Tiles, ACheckpointGoesOnOnAnotherGrid) {
    Workplace const place;
    place.write("deck.yaml", deck);
    expect_code(place.aureole(run("[1, 1]", "one")), ExitCode::success);
    std::vector<std::string> half = run("[2, 1]", "two");
    half.emplace_back("train.steps=2");
    half.emplace_back("output.dump.step=2");
    expect_code(place.launch(2, half), ExitCode::success);
    std::vector<std::string> rest = run("[1, 3]", "two");
    Finished const finished = place.launch(3, rest);
    expect_code(finished, ExitCode::success);
    EXPECT_TRUE(finished.says("resumed after step 2"));
    expect_near_tensors(place.path("two.h5"), place.path("one.h5"));
}

TEST(Tiles, VerifyProvesTheGrid) {
    Workplace const place;
    place.write("deck.yaml", deck);
    Finished const finished =
        place.launch(4, {"verify", "deck.yaml", "parallel.spatial.tiles=[2, 2]", "--seams", "seams.png"});
    expect_code(finished, ExitCode::success);
    EXPECT_TRUE(finished.says("equal:"));
    EXPECT_TRUE(place.contains("seams.png"));
}

TEST(Tiles, VerifyNamesTheFirstOperatorThatDeparts) {
    Workplace const place;
    place.write("deck.yaml", deck);
    Finished const finished = place.launch(2, {"verify", "deck.yaml", "parallel.spatial.tiles=[2, 1]",
                                               "parallel.spatial.halo=plain", "--break-halo", "coarse"});
    expect_code(finished, ExitCode::differs);
    EXPECT_TRUE(finished.says("first to depart: upsample1")) << finished.output;
    EXPECT_TRUE(finished.says("0, 9, ") || finished.says("0, 10, ")) << finished.output;  // beside the border of tiles
}

TEST(Tiles, VerifyAllowsWhatRoundingMakesOfOneRank) {
    Workplace const place;
    // statistics of few pixels of one image magnify rounding
    place.write("deck.yaml", R"(name: sensitive
model: {name: amoebanet, cells: 3, filters: 8, classes: 5}
image: {size: [64, 64], channels: 3}
data:
  train: {kind: synthetic, samples: 4}
train: {batch: 1, steps: 1, precision: f32, loss: softmax_cross_entropy, optimizer: {name: sgd, lr: 0.1}}
)");
    std::vector<std::string> arguments{"verify", "deck.yaml", "parallel.spatial.tiles=[2, 1]", "--steps", "1"};
    Finished const finished = place.launch(2, arguments);
    expect_code(finished, ExitCode::success);
    EXPECT_TRUE(finished.says("as rounding does: one rank itself departs from f64")) << finished.output;
    arguments.insert(arguments.end(), {"--break-halo", "stem1.relu"});
    Finished const broken = place.launch(2, arguments);
    expect_code(broken, ExitCode::differs);
    EXPECT_TRUE(broken.says("first to depart: stem1.conv")) << broken.output;
    EXPECT_TRUE(broken.says("--precision f64 tells")) << broken.output;
}

TEST(Tiles, NormsOfATileAreAnotherMathematics) {
    Workplace const place;
    place.write("deck.yaml", deck);
    Finished const finished =
        place.launch(2, {"verify", "deck.yaml", "parallel.spatial.tiles=[2, 1]", "train.norm=tile"});
    expect_code(finished, ExitCode::differs);
    EXPECT_TRUE(finished.says("first to depart: batch_norm1")) << finished.output;
}

TEST(Tiles, AWrongNumberOfProcessesIsToldWhatFits) {
    Workplace const place;
    place.write("deck.yaml", deck);
    Finished const finished = place.launch(3, {"run", "deck.yaml", "parallel.spatial.tiles=[2, 1]"});
    expect_code(finished, ExitCode::bad_deck);
    EXPECT_TRUE(finished.says("start 2 (--local 2, or mpirun -np 2)"));
    EXPECT_TRUE(finished.says("parallel.spatial.tiles=[1, 3], or parallel.spatial.tiles=[3, 1]")) << finished.output;
    expect_code(place.aureole({"run", "deck.yaml", "parallel.spatial.tiles=[2, 1]"}), ExitCode::bad_deck);
}

TEST(Tiles, InfoPrintsTheGrid) {
    Workplace const place;
    place.write("deck.yaml", deck);
    Finished const finished =
        place.aureole({"info", "--grid", "deck.yaml", "parallel.spatial.tiles=[2, 1]", "parallel.spatial.halo=plain"});
    expect_code(finished, ExitCode::success);
    EXPECT_TRUE(finished.says("[11, 22)"));
    EXPECT_TRUE(finished.says("coarse"));
}

/// 4 images of 32 x 24 pixels with a class per pixel, one image to a chunk.
void write_images(std::string const& path) {
    hdf5::File file = hdf5::File::create(path);
    hdf5::Extents const shape{4, 32, 24, 1}, first(4, 0);
    hdf5::DatasetSpec spec;
    spec.shape = shape;
    spec.chunk = {1, 32, 24, 1};
    std::vector<float> const x(4 * 32 * 24, 0.5F), y(4 * 32 * 24, 1);
    file.create_dataset("x", spec).write(first, shape, hdf5::Type::f32, x.data());
    spec.type = hdf5::Type::u8;
    file.create_dataset("y", spec).write(first, shape, hdf5::Type::f32, y.data());
}

TEST(Tiles, EveryRankReadsItsTileAndTheFirstHalo) {
    Workplace const place;
    write_images(place.path("images.h5"));
    place.write("deck.yaml", R"(name: reads
model:
  layers:
    - conv: {filters: 2, kernel: 3}
image: {size: [32, 24], channels: 1}
data:
  train: {file: images.h5}
train:
  batch: 4
  steps: 1
  loss: softmax_cross_entropy
  optimizer: {name: sgd, lr: 0.1}
)");
    Finished const finished =
        place.launch(4, {"run", "deck.yaml", "parallel.spatial.tiles=[4, 1]", "data.cache_limit=0"});
    expect_code(finished, ExitCode::success);
    // f32 of 32 rows and two halo rows at each of three seams, a byte per label; the loader reads ahead
    EXPECT_TRUE(finished.says("chunks of which a rank unpacks 3.6 times its tile")) << finished.output;
    Index const one_batch = 4 * 24 * (4 * (32 + 6) + 32);
    auto const read_by = [](Finished const& run) {
        return std::stod(run.output.substr(run.output.find("read from files: ") + 17));  // KiB
    };
    EXPECT_GE(read_by(finished), one_batch / 1024);
    EXPECT_LE(read_by(finished), 4 * one_batch / 1024);
    // what is kept is read once, and no more of it than the rank needs
    Finished const kept =
        place.launch(4, {"run", "deck.yaml", "parallel.spatial.tiles=[4, 1]", "train.steps=20", "train.resume=never"});
    expect_code(kept, ExitCode::success);
    EXPECT_NEAR(read_by(kept), static_cast<double>(one_batch) / 1024, 0.06);
}

}  // namespace
}  // namespace aureole::test
