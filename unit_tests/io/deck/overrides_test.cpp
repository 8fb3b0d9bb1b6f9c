#include <gtest/gtest.h>

#include <cstdlib>

#include "unit_tests/io/deck/deck_support.hpp"

namespace aureole::test {
namespace {

constexpr auto layers_deck = R"(model:
  layers:
    - conv: {filters: 4, kernel: 3}
    - relu
    - global_pool
    - linear: {features: 2}
image: {size: [8, 8], channels: 1}
data: {train: {kind: synthetic, samples: 4}}
train: {batch: 2, epochs: 1, optimizer: {lr: 0.1}}
)";

TEST(Overrides, replace_values) {
    Deck const deck =
        parse(good_deck(), {"train.batch=16", "image.size=[64, 48]", "train.loss=dice", "memory.limit=2 GiB"});
    EXPECT_EQ(deck.train.batch, 16);
    EXPECT_EQ(deck.image.size, (std::vector<Index>{64, 48}));
    EXPECT_EQ(deck.train.loss.front().kind, LossSpec::Kind::dice);
    EXPECT_EQ(deck.memory.limit, Index{2} << 30);
    EXPECT_EQ(deck.where("train.batch"), "command line: train.batch=16");
    EXPECT_EQ(deck.where("train.steps"), "deck.yaml:9:10");
}

TEST(Overrides, are_applied_in_order_and_unset_with_null) {
    Deck const deck = parse(good_deck(), {"train.epochs=1", "train.epochs=2", "train.steps=null", "data.eval=null"});
    EXPECT_EQ(deck.train.epochs, 2.0);
    EXPECT_FALSE(deck.train.steps);
    EXPECT_FALSE(deck.data.eval);
}

TEST(Overrides, reach_into_lists) {
    Deck const deck = parse(layers_deck, {"model.layers.0.conv.filters=8", "model.layers.1.relu.name=first"});
    EXPECT_EQ(deck.model.layers[0].integer("filters"), 8);
    EXPECT_EQ(deck.model.layers[1].name, "first");
}

TEST(Overrides, keep_whatever_follows_the_first_equals_sign) {
    EXPECT_EQ(parse(good_deck(), {"output.folder=a=b"}).output.folder, "a=b");
}

TEST(Overrides, of_texts_are_taken_whole) {
    std::string const deck = with("train: {kind: synthetic, samples: 64}", "train: {file: [a.h5]}");
    auto const files = [&](std::string const& value) {
        return parse(deck, {"data.train.file=" + value}).data.train.files;
    };
    for (std::string const text :
         {"*.h5", "a #2.h5", "{a,b}.h5", "[ab]*.h5", "a: b.h5", "@a.h5", "%a.h5", "&a.h5", "!a"}) {
        EXPECT_EQ(files(text), std::vector<std::string>{text}) << text;
        EXPECT_EQ(parse(deck, {"data.train.file.0=" + text}).data.train.files, std::vector<std::string>{text}) << text;
        EXPECT_EQ(parse(deck, {"output.folder=" + text}).output.folder, text);
    }
    EXPECT_EQ(parse(deck, {"output.folder="}).output.folder, "runs/small") << "an empty text, not nothing";
    EXPECT_EQ(files("[a.h5, 'b #2.h5']"), (std::vector<std::string>{"a.h5", "b #2.h5"}));
    EXPECT_EQ(files("\"a #2.h5\""), std::vector<std::string>{"a #2.h5"});
    EXPECT_EQ(files(" a.h5 "), std::vector<std::string>{"a.h5"});
    setenv("AUREOLE_TEST_SCRATCH", "/scratch", 1);
    EXPECT_EQ(parse(deck, {"output.folder=${AUREOLE_TEST_SCRATCH}/x"}).output.folder, "/scratch/x");
    EXPECT_NE(fault(deck, {"output.folder=null"}).find("output.folder is nothing"), std::string::npos);
    EXPECT_EQ(parse(deck, {"train.batch=4 # small"}).train.batch, 4);
    EXPECT_EQ(parse(deck, {"train.init.map.a=b #2", "train.init.file=c"}).train.init.map.at("a"), "b #2");
    EXPECT_NE(fault(deck, {std::string("output.folder=a\x01")}).find("the byte 0x01"), std::string::npos);
    EXPECT_NE(fault(deck, {"data.train.fiel=*.h5"}).find("did you mean 'file'?"), std::string::npos);
}

TEST(Overrides, name_themselves_in_errors) {
    EXPECT_EQ(fault(good_deck(), {"train.batch=x"}),
              "command line: train.batch=x: train.batch is 'x' (it takes an integer): write one");
    EXPECT_EQ(
        fault(good_deck(), {"train.bacth=8"}),
        "command line: train.bacth=8: 'bacth' is not a key of train (only documented keys are taken): did you mean "
        "'batch'?");
    EXPECT_NE(fault(good_deck(), {"train.batch"}).find("it has no 'key='"), std::string::npos);
    EXPECT_NE(fault(good_deck(), {"=8"}).find("it has no 'key='"), std::string::npos);
    EXPECT_NE(fault(good_deck(), {"train..batch=8"}).find("there is no '' to override"), std::string::npos);
    EXPECT_NE(fault(good_deck(), {"train.batch=[1"}).find("this is not YAML"), std::string::npos);
    EXPECT_NE(fault(good_deck(), {"train.batch.x=1"}).find("(train.batch is '8')"), std::string::npos);
    EXPECT_NE(fault(layers_deck, {"model.layers.9.conv.filters=8"}).find("(model.layers is a list of 4 items)"),
              std::string::npos);
    std::string deep = "a";
    for (int i = 0; i < 100; ++i) { deep += ".a"; }
    EXPECT_NE(fault(good_deck(), {deep + "=1"}).find("more than 32 parts"), std::string::npos);
}

}  // namespace
}  // namespace aureole::test
