#include <gtest/gtest.h>

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
