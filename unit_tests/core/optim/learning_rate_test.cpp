#include <gtest/gtest.h>

#include <cmath>

#include "core/optim/optimizer.hpp"

namespace aureole::test {

namespace {

LearningRate make(LearningRate::Kind kind, Index warmup = 0) {
    LearningRate rate;
    rate.kind = kind;
    rate.lr = 0.4;
    rate.steps = 100;
    rate.warmup_steps = warmup;
    return rate;
}

}  // namespace

TEST(LearningRate, ConstantStaysTheSame) {
    for (Index const step : {0, 1, 50, 99, 1000}) { EXPECT_EQ(make(LearningRate::Kind::constant).at(step), 0.4); }
}

TEST(LearningRate, WarmsUpLinearlyAndReachesTheRate) {
    for (auto const kind : {LearningRate::Kind::constant, LearningRate::Kind::cosine, LearningRate::Kind::polynomial}) {
        LearningRate const rate = make(kind, 4);
        EXPECT_DOUBLE_EQ(rate.at(0), 0.1);
        EXPECT_DOUBLE_EQ(rate.at(1), 0.2);
        EXPECT_DOUBLE_EQ(rate.at(3), 0.4);
        EXPECT_DOUBLE_EQ(rate.at(4), 0.4);
    }
}

TEST(LearningRate, StepsAtMilestones) {
    LearningRate rate = make(LearningRate::Kind::step);
    rate.gamma = 0.5;
    rate.milestones = {0.5, 80};  // half of the run, step 80
    EXPECT_EQ(rate.at(49), 0.4);
    EXPECT_EQ(rate.at(50), 0.2);
    EXPECT_EQ(rate.at(79), 0.2);
    EXPECT_EQ(rate.at(80), 0.1);
}

TEST(LearningRate, CosineFallsFromTheRateToTheFinalOne) {
    LearningRate rate = make(LearningRate::Kind::cosine, 20);
    rate.steps = 101;  // the last update has the number 100
    rate.final_lr = 0.1;
    EXPECT_DOUBLE_EQ(rate.at(20), 0.4);
    EXPECT_DOUBLE_EQ(rate.at(60), 0.25);
    EXPECT_DOUBLE_EQ(rate.at(40), 0.1 + 0.3 * 0.5 * (1 + std::sqrt(0.5)));
    EXPECT_DOUBLE_EQ(rate.at(100), 0.1);
    EXPECT_DOUBLE_EQ(rate.at(500), 0.1);
}

TEST(LearningRate, PolynomialFallsWithItsPower) {
    LearningRate rate = make(LearningRate::Kind::polynomial);
    rate.steps = 101;
    rate.power = 2;
    rate.final_lr = 0.2;
    EXPECT_DOUBLE_EQ(rate.at(0), 0.4);
    EXPECT_DOUBLE_EQ(rate.at(50), 0.25);
    EXPECT_DOUBLE_EQ(rate.at(100), 0.2);
}

}  // namespace aureole::test
