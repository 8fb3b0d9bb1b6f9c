#include "io/deck/parse.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/error.hpp"
#include "unit_tests/io/deck/deck_support.hpp"

namespace aureole::test {
namespace {

TEST(Parse, fills_the_structs) {
    Deck const deck = parse(good_deck());
    EXPECT_EQ(deck.name, "small");
    EXPECT_EQ(deck.model.kind, ModelSpec::Kind::resnet_cifar);
    EXPECT_EQ(deck.model.depth, 20);
    EXPECT_EQ(deck.model.width, 16);
    EXPECT_EQ(deck.image.shape(), (Shape{1, 1, 32, 32, 3}));
    EXPECT_EQ(deck.data.train.kind, SourceSpec::Kind::synthetic);
    EXPECT_EQ(deck.data.train.samples, 64);
    ASSERT_TRUE(deck.data.eval);
    EXPECT_EQ(deck.data.eval->samples, 16);
    EXPECT_EQ(deck.train.batch, 8);
    EXPECT_EQ(deck.train.steps, 100);
    EXPECT_FALSE(deck.train.epochs);
    EXPECT_EQ(deck.train.optimizer.momentum, 0.9);
    EXPECT_EQ(deck.output.folder, "runs/small");
    EXPECT_EQ(deck.train.checkpoint.folder, "runs/small/checkpoints");
}

TEST(Parse, takes_short_forms) {
    std::string const text =
        with("optimizer:", R"(loss: [dice, {name: bce_with_logits, weight: 0.5, positive_weight: 3}]
  metrics: [auroc, best_f1]
  schedule: cosine
  precision: bf16
  wall_time: 1 h 30 min
  optimizer:)");
    Deck const deck = parse(text);
    ASSERT_EQ(deck.train.loss.size(), 2U);
    EXPECT_EQ(deck.train.loss[0].kind, LossSpec::Kind::dice);
    EXPECT_EQ(deck.train.loss[1].weight, 0.5);
    EXPECT_EQ(deck.train.loss[1].positive_weight, 3);
    EXPECT_EQ(deck.train.metrics, (std::vector<Metric>{Metric::auroc, Metric::best_f1}));
    EXPECT_EQ(deck.train.schedule.kind, ScheduleSpec::Kind::cosine);
    EXPECT_EQ(deck.train.precision, TrainSpec::Precision::bf16);
    EXPECT_EQ(deck.train.wall_time, 5400);
}

TEST(Parse, keys_of_label_map_are_exact_and_different) {
    auto const source = [](std::string const& map) {
        return with("train: {kind: synthetic, samples: 64}", "train: {file: a.h5, label_map: " + map + "}");
    };
    Deck const deck = parse(source("{9007199254740993: 0, 18446744073709551615: 1, -9007199254740993: 2, 0.5: 3}"));
    LabelMap const exact{{9007199254740993.0L, 0}, {18446744073709551615.0L, 1}, {-9007199254740993.0L, 2}, {0.5L, 3}};
    EXPECT_EQ(deck.data.train.label_map, exact);
    EXPECT_EQ(parse(dump_deck(deck)).data.train.label_map, exact);
    EXPECT_NE(fault(source("{0: 0, 1: 0, 1.0: 1}")).find("has the keys 1 and 1.0 (they are equal)"), std::string::npos);
}

TEST(Parse, reads_sources_and_normalisation) {
    std::string const text = with("train: {kind: synthetic, samples: 64}",
                                  R"(train: {file: [a.h5, b.h5], x: /x, y: /y, x_axes: nchw, first: 10, count: 20,
          label_map: {0: 0, 255: 1}}
  normalize: {kind: given, factor: 1/255, mean: [0.1, 0.2, 0.3], deviation: 0.5}
  augment: {flip_w: true, crop_pad: 4}
  shuffle: false)");
    Deck const deck = parse(text);
    EXPECT_EQ(deck.data.train.files, (std::vector<std::string>{"a.h5", "b.h5"}));
    EXPECT_EQ(deck.data.train.x_axes, "nchw");
    EXPECT_EQ(deck.data.train.first, 10);
    EXPECT_EQ(deck.data.train.label_map, (LabelMap{{0, 0}, {255, 1}}));
    EXPECT_EQ(deck.data.loader.normalize.kind, NormalizeSpec::Kind::given);
    EXPECT_EQ(deck.data.loader.normalize.factor, 1.0 / 255);
    EXPECT_EQ(deck.data.loader.normalize.mean.size(), 3U);
    EXPECT_EQ(deck.data.loader.augment.crop_pad, 4);
    EXPECT_FALSE(deck.data.loader.shuffle);
}

TEST(Parse, takes_the_name_from_the_file) {
    Deck const deck = parse_deck(with("name: small\n", ""), "inputs/my run.yaml");
    EXPECT_EQ(deck.name, "my_run");
    EXPECT_EQ(deck.output.folder, "runs/my_run");
}

TEST(Parse, names_unknown_keys) {
    EXPECT_EQ(fault_with("batch: 8", "bacth: 8"),
              "deck.yaml:8:3: 'bacth' is not a key of train (only documented keys are taken): did you mean 'batch'?");
    EXPECT_NE(
        fault_with("name: small", "name: small\nweather: fine").find("deck.yaml:2:1: 'weather' is not a key of a deck"),
        std::string::npos);
}

TEST(Parse, names_the_place_of_a_key_that_stands_elsewhere) {
    auto const meant = [](std::vector<std::string> const& overrides) {
        std::string const text = fault(good_deck(), overrides);
        return text.substr(std::min(text.size(), text.find("did you mean")));
    };
    EXPECT_EQ(meant({"train.lr=0.1"}), "did you mean 'train.optimizer.lr'?");
    EXPECT_EQ(meant({"lr=0.1"}), "did you mean 'train.optimizer.lr'?");
    EXPECT_EQ(meant({"train.momentm=0.1"}), "did you mean 'train.optimizer.momentum'?");
    EXPECT_EQ(meant({"train.optimizer.batch=1"}), "did you mean 'train.batch'?");
    EXPECT_EQ(meant({"train.label_smoothing=0.1"}), "did you mean 'train.loss.label_smoothing'?");
    EXPECT_EQ(meant({"data.norm=sample"}), "did you mean 'normalize' or 'model.norm' or 'train.norm'?");
    EXPECT_EQ(meant({"data.file=a.h5"}), "did you mean 'data.train.file' or 'data.eval.file'?");
    EXPECT_EQ(meant({"weather=fine"}), "");
    std::string const misplaced = fault_with("lr: 0.1, momentum: 0.9}", "momentum: 0.9}\n  lr: 0.1");
    EXPECT_EQ(misplaced,
              "deck.yaml:11:3: 'lr' is not a key of train (only documented keys are taken): did you mean "
              "'train.optimizer.lr'?");
}

TEST(Parse, names_missing_keys) {
    EXPECT_EQ(
        fault_with("  batch: 8\n", ""),
        "deck.yaml:7:1: train.batch is missing (it is required: samples per update, over all ranks): add 'batch: ...'");
    EXPECT_EQ(faults("").size(), 4U);  // model, image, data, train
    EXPECT_NE(fault_with(", classes: 10", "").find("model.classes is missing"), std::string::npos);
    EXPECT_NE(fault_with("name: resnet_cifar, depth: 20, classes: 10", "").find("model.layers is missing"),
              std::string::npos);
}

TEST(Parse, names_wrong_types) {
    EXPECT_EQ(fault_with("batch: 8", "batch: many"),
              "deck.yaml:8:10: train.batch is 'many' (it takes an integer): write one");
    EXPECT_NE(fault_with("batch: 8", "batch: '8'").find("train.batch is the text \"8\" in quotes"), std::string::npos);
    EXPECT_NE(fault_with("batch: 8", "batch: 8.5").find("takes an integer"), std::string::npos);
    EXPECT_NE(fault_with("batch: 8", "batch: [8]").find("train.batch is a list"), std::string::npos);
    EXPECT_NE(fault_with("batch: 8", "batch:").find("train.batch is nothing"), std::string::npos);
    EXPECT_NE(fault_with("lr: 0.1", "lr: fast").find("takes a number"), std::string::npos);
    EXPECT_NE(fault_with("momentum: 0.9", "nesterov: 1").find("takes true or false"), std::string::npos);
    EXPECT_NE(fault_with("[32, 32]", "{h: 32}").find("image.size is a section"), std::string::npos);
    EXPECT_NE(fault_with("{size: [32, 32], channels: 3}", "32").find("image is '32' (it takes a section"),
              std::string::npos);
    EXPECT_NE(fault_with("batch: 8", "batch: 8\n  wall_time: 1 fortnight").find("takes a duration"), std::string::npos);
    EXPECT_NE(fault_with("name: small", "memory: {limit: four}").find("takes a size in bytes"), std::string::npos);
    EXPECT_NE(fault("- 1\n").find("the deck is a list"), std::string::npos);
    EXPECT_NE(fault("text").find("the deck is 'text'"), std::string::npos);
}

TEST(Parse, names_wrong_choices_and_ranges) {
    EXPECT_EQ(fault_with("name: sgd", "name: adamW"),
              "deck.yaml:10:21: train.optimizer.name is 'adamW' (it takes one of sgd, adamw): did you mean 'adamw'?");
    EXPECT_EQ(fault_with("batch: 8", "batch: 0"),
              "deck.yaml:8:10: train.batch is 0 (allowed: 1 to 2^31 - 1): choose a value in that range");
    EXPECT_NE(fault_with("momentum: 0.9", "momentum: 1").find("0 up to, but not, 1"), std::string::npos);
    EXPECT_NE(fault_with("steps: 100", "epochs: 0").find("allowed: above 0"), std::string::npos);
    EXPECT_NE(fault_with("[32, 32]", "[1, 2, 3, 4]").find("image.size has 4 items (it takes 2 to 3"),
              std::string::npos);
    EXPECT_NE(fault_with("[32, 32]", "[32, -1]").find("image.size.1 is -1"), std::string::npos);
    EXPECT_NE(fault_with("[32, 32]", "32").find("image.size has 1 item "), std::string::npos);
    EXPECT_NE(fault_with("samples: 64", "samples: 64, label_map: {0: 99999999999}").size(), 0U);
}

TEST(Parse, amoebanet_takes_cells_and_filters) {
    constexpr auto model = "{name: resnet_cifar, depth: 20, classes: 10}";
    Deck const deck = parse(with(model, "{name: amoebanet, cells: 18, filters: 416, classes: 10}"));
    EXPECT_EQ(deck.model.kind, ModelSpec::Kind::amoebanet);
    EXPECT_EQ(deck.model.cells, 18);
    EXPECT_EQ(deck.model.filters, 416);
    EXPECT_NE(fault_with(model, "{name: amoebanet, filters: 416, classes: 10}").find("model.cells is missing"),
              std::string::npos);
    EXPECT_NE(fault_with(model, "{name: amoebanet, cells: 18, filters: 4, classes: 10}").find("8 to 2^31 - 1"),
              std::string::npos);
    EXPECT_NE(fault_with("classes: 10", "classes: 10, cells: 18").find("does not go with name: resnet_cifar"),
              std::string::npos);
}

TEST(Parse, names_keys_of_another_choice) {
    EXPECT_EQ(
        fault_with("{name: sgd,", "{name: adamw,"),
        "deck.yaml:10:37: train.optimizer.momentum does not go with name: adamw (it belongs to sgd): remove it, or "
        "change name");
    EXPECT_NE(fault_with("classes: 10", "classes: 10, base: 8").find("model.base does not go with name: resnet_cifar"),
              std::string::npos);
    EXPECT_NE(
        fault_with("steps: 100", "steps: 100\n  schedule: {milestones: [5]}").find("does not go with name: constant"),
        std::string::npos);
}

TEST(Parse, finds_all_faults_in_one_pass_in_order) {
    auto const lines = faults(R"(model: {name: unett, depht: 3}
image: {size: [32, 32], channels: none}
data:
  train: {kind: synthetic}
  train: {kind: synthetic}
train: {batch: 7, micro_batches: 2, steps: 1, optimizer: {lr: -1}}
colour: blue
)",
                              {"train.seed=x"});
    ASSERT_EQ(lines.size(), 9U) << fault("");
    EXPECT_EQ(lines[0].rfind("deck.yaml:1:15:", 0), 0U) << lines[0];
    EXPECT_EQ(lines[1].rfind("deck.yaml:1:22: 'depht'", 0), 0U) << lines[1];
    EXPECT_EQ(lines[2].rfind("deck.yaml:2:35: image.channels", 0), 0U) << lines[2];
    EXPECT_EQ(lines[3].rfind("deck.yaml:4:3: data.train.samples is missing", 0), 0U) << lines[3];
    EXPECT_EQ(lines[4].rfind("deck.yaml:5:3: the key 'train' is given twice", 0), 0U) << lines[4];
    EXPECT_EQ(lines[5].rfind("deck.yaml:6:34: train.micro_batches is 2", 0), 0U) << lines[5];
    EXPECT_EQ(lines[6].rfind("deck.yaml:6:63: train.optimizer.lr", 0), 0U) << lines[6];
    EXPECT_EQ(lines[7].rfind("deck.yaml:7:1: 'colour'", 0), 0U) << lines[7];
    EXPECT_EQ(lines[8].rfind("command line: train.seed=x:", 0), 0U) << lines[8];
}

TEST(Parse, stops_listing_after_a_hundred_faults) {
    std::string text = good_deck();
    for (int i = 0; i < 500; ++i) { text += "unknown" + std::to_string(i) + ": 1\n"; }
    auto const lines = faults(text);
    EXPECT_EQ(lines.size(), 101U);
    EXPECT_NE(lines.back().find("more faults"), std::string::npos);
}

TEST(Parse, expands_paths) {
    auto const folder = std::filesystem::temp_directory_path() / ("aureole_deck_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "beside.h5") << "x";
    setenv("AUREOLE_TEST_FOLDER", "/somewhere", 1);
    setenv("HOME", "/home/someone", 1);
    auto const files = [&](std::string const& list) {
        return parse_deck(with("kind: synthetic, samples: 64", "file: " + list), (folder / "deck.yaml").string())
            .data.train.files;
    };
    EXPECT_EQ(files("beside.h5").front(), (folder / "beside.h5").string());
    EXPECT_EQ(files("'*.h5'").front(), (folder / "*.h5").string());
    EXPECT_EQ(files("absent.h5").front(), "absent.h5");
    EXPECT_EQ(files("'${AUREOLE_TEST_FOLDER}/a.h5'").front(), "/somewhere/a.h5");
    EXPECT_EQ(files("~/a.h5").front(), "/home/someone/a.h5");
    std::filesystem::remove_all(folder);
    EXPECT_NE(fault_with("kind: synthetic, samples: 64", "file: '${AUREOLE_NOT_SET}/x'")
                  .find("'AUREOLE_NOT_SET' (it is not set)"),
              std::string::npos);
}

TEST(Parse, reads_files) {
    auto const path = std::filesystem::temp_directory_path() / ("aureole_deck_" + std::to_string(getpid()) + ".yaml");
    std::ofstream(path) << good_deck();
    EXPECT_EQ(read_deck(path.string(), {"train.batch=4"}).train.batch, 4);
    std::filesystem::remove(path);
    try {
        (void)read_deck(path.string());
        FAIL() << "a missing file was read";
    } catch (Error const& error) {
        EXPECT_EQ(error.code(), ExitCode::bad_deck);
        EXPECT_NE(std::string(error.what()).find("cannot be read (No such file or directory)"), std::string::npos);
    }
    EXPECT_THROW((void)read_deck("/"), Error);
    std::filesystem::create_symlink("gone.yaml", path);
    try {
        (void)read_deck(path.string());
        FAIL() << "a link without a target was read";
    } catch (Error const& error) {
        EXPECT_EQ(error.code(), ExitCode::bad_deck);
        EXPECT_NE(std::string(error.what()).find("is a link to 'gone.yaml', whose target is gone"), std::string::npos);
    }
    std::filesystem::remove(path);
}

}  // namespace
}  // namespace aureole::test
