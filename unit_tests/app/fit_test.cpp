// What is said when a grid needs more than memory.limit.
#include "app/fit.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "io/deck/parse.hpp"
#include "unit_tests/app/process.hpp"

namespace aureole::test {
namespace {

std::string const text = R"(name: large
model: {name: unet, base: 4, levels: 2, classes: 2}
image: {size: [96, 64], channels: 1}
data:
  train: {kind: synthetic, samples: 2}
train: {batch: 1, steps: 1, loss: softmax_cross_entropy, optimizer: {name: sgd, lr: 0.1}}
)";

Deck deck_with(std::vector<std::string> const& keys) { return parse_deck(text, "large.yaml", keys); }
RunPlan plan_with(std::vector<std::string> const& keys) { return plan_run(deck_with(keys), false); }

std::size_t largest_arena(std::vector<std::string> const& keys) {
    Deck const deck = deck_with(keys);
    std::size_t most = 0;
    for (int rank = 0; rank < static_cast<int>(deck.parallel.ranks()); ++rank) {
        most = std::max(most, plan_run(deck, false, rank).engine->memory().total());
    }
    return most;
}

TEST(Fit, RecomputationComesBeforeMoreRanks) {
    std::size_t const cheap = largest_arena({"memory.recompute=cheap"});
    ASSERT_LT(cheap, largest_arena({}));
    auto const change = smallest_change(plan_with({}), largest_arena({}) - 1);
    ASSERT_TRUE(change);
    EXPECT_EQ(change->overrides, std::vector<std::string>{"memory.recompute=cheap"});
    EXPECT_EQ(change->ranks, 1);
    EXPECT_EQ(change->bytes, cheap);
}

TEST(Fit, TheChangeFitsOnEveryRank) {
    std::size_t limit = largest_arena({});
    Index ranks = 1;
    for (int i = 0; i < 4; ++i) {
        limit = limit * 2 / 3;
        auto const change = smallest_change(plan_with({}), limit);
        ASSERT_TRUE(change) << limit;
        EXPECT_EQ(largest_arena(change->overrides), change->bytes);
        EXPECT_LE(change->bytes, limit);
        EXPECT_GE(change->ranks, ranks) << "less memory, fewer ranks";
        ranks = change->ranks;
    }
    EXPECT_GT(ranks, 1);
}

TEST(Fit, WhatADeckSaysOfItsGridIsKept) {
    std::vector<std::string> const grid{"parallel.spatial.tiles=[2, 1]", "parallel.spatial.row_boundaries=[40]"};
    auto const change = smallest_change(plan_with(grid), largest_arena(grid) - 1);
    ASSERT_TRUE(change);
    for (std::string const& each : change->overrides) { EXPECT_EQ(each.find("tiles"), std::string::npos) << each; }
}

TEST(Fit, ParametersAloneCanBeTooMuch) { EXPECT_FALSE(smallest_change(plan_with({}), 1000)); }

TEST(Fit, TheProgramNamesTheChange) {
    Workplace const place;
    place.write("deck.yaml", text);
    std::vector<std::string> const size{"image.size=[2048, 2048]", "memory.limit=400 MiB"};
    for (char const* const verb : {"check", "plan"}) {
        std::vector<std::string> arguments{verb, "deck.yaml"};
        arguments.insert(arguments.end(), size.begin(), size.end());
        Finished const finished = place.aureole(arguments);
        expect_code(finished, ExitCode::does_not_fit);
        EXPECT_TRUE(finished.says("the smallest change that fits is ")) << finished.output;
        EXPECT_TRUE(finished.says("most at operator")) << finished.output;
    }
    std::vector<std::string> several{"run", "deck.yaml", "parallel.spatial.tiles=[2, 1]", "output.folder=run"};
    several.insert(several.end(), size.begin(), size.end());
    several.back() = "memory.limit=250 MiB";
    Finished const finished = place.launch(2, several);
    expect_code(finished, ExitCode::does_not_fit);
    EXPECT_TRUE(finished.says("on rank ")) << finished.output;
    EXPECT_TRUE(finished.says("the smallest change that fits is ")) << finished.output;
}

}  // namespace
}  // namespace aureole::test
