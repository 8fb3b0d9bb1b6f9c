#include "parallel/schedule/simulate.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "core/error.hpp"
#include "parallel/schedule/generate.hpp"
#include "parallel/schedule/links.hpp"
#include "parallel/schedule/list_schedule.hpp"
#include "parallel/schedule/lower.hpp"

namespace aureole::test {
namespace {

/// Backward twice as long as forward, as is usual.
constexpr StageTimes usual{1, 1, 1};

Simulation simulate_chain(Schedule const& schedule, StageTimes times = usual) {
    return simulate(schedule, chain(schedule.stages), uniform_costs(schedule.stages, times));
}

StageTimes divided(StageTimes const& times, double by) {
    return {times.forward / by, times.input_gradient / by, times.weight_gradient / by};
}

struct Golden {
    ScheduleKind kind;
    int chunks;
    double makespan, bubble;
};

class GoldenSchedule : public ::testing::TestWithParam<Golden> {};

TEST_P(GoldenSchedule, OfFourRanksAndEightMicroBatches) {
    Golden const golden = GetParam();
    Schedule const schedule = generate({golden.kind, 4, golden.chunks, 8});
    StageTimes const times = divided(usual, golden.chunks);
    for (Schedule const& form : {schedule, lower(schedule, chain(schedule.stages))}) {
        Simulation const simulation = simulate_chain(form, times);
        EXPECT_DOUBLE_EQ(simulation.makespan, golden.makespan);
        EXPECT_NEAR(simulation.bubble, golden.bubble, 5e-4);
    }
}

INSTANTIATE_TEST_SUITE_P(Kinds, GoldenSchedule,
                         ::testing::Values(Golden{ScheduleKind::layer, 1, 96, 0.75},
                                           Golden{ScheduleKind::gpipe, 1, 33, 0.273},
                                           Golden{ScheduleKind::one_f_one_b, 1, 33, 0.273},
                                           Golden{ScheduleKind::overlap_one_f_one_b, 1, 33, 0.273},
                                           Golden{ScheduleKind::interleaved, 2, 28.5, 0.158},
                                           Golden{ScheduleKind::interleaved, 4, 26.25, 0.086},
                                           Golden{ScheduleKind::breadth_first, 2, 28.5, 0.158},
                                           Golden{ScheduleKind::zb_h1, 1, 27, 0.111}),
                         [](auto const& info) { return "Number" + std::to_string(info.index); });

TEST(Simulate, GreedyZeroBubbleSchedules) {
    auto const run = [](std::vector<int> const& caps) { return simulate_chain(list_schedule(8, caps)); };
    EXPECT_DOUBLE_EQ(run({4, 4, 4, 4}).makespan, 29);
    EXPECT_NEAR(run({4, 4, 4, 4}).bubble, 0.172, 5e-4);
    EXPECT_DOUBLE_EQ(run({4, 3, 2, 1}).makespan, 30);
    EXPECT_NEAR(run({4, 3, 2, 1}).bubble, 0.200, 5e-4);
    Simulation const deep = run({7, 7, 7, 7});
    EXPECT_DOUBLE_EQ(deep.makespan, 27);
    EXPECT_NEAR(deep.bubble, 0.111, 5e-4);
    EXPECT_DOUBLE_EQ(deep.window_bubble, 0);
}

/// The order of the paper is never behind the greedy one in the same memory.
TEST(Simulate, ZeroBubbleIsNoWorseThanGreedy) {
    for (int ranks = 1; ranks <= 9; ++ranks) {
        for (int micro_batches = 1; micro_batches <= 30; ++micro_batches) {
            Simulation const made = simulate_chain(generate({ScheduleKind::zb_h1, ranks, 1, micro_batches}));
            std::vector<int> const caps(as_size(ranks), ranks);
            EXPECT_LE(made.makespan, simulate_chain(list_schedule(micro_batches, caps)).makespan)
                << ranks << " ranks, " << micro_batches << " micro-batches";
        }
    }
}

TEST(Simulate, PeaksOfActivations) {
    auto const peaks = [](ScheduleKind kind, int chunks) {
        return simulate_chain(generate({kind, 4, chunks, 8})).peak_row_frames;
    };
    EXPECT_EQ(peaks(ScheduleKind::layer, 1), (std::vector{1, 1, 1, 1}));
    EXPECT_EQ(peaks(ScheduleKind::gpipe, 1), (std::vector{8, 8, 8, 8}));
    EXPECT_EQ(peaks(ScheduleKind::one_f_one_b, 1), (std::vector{4, 3, 2, 1}));
    EXPECT_EQ(peaks(ScheduleKind::overlap_one_f_one_b, 1), (std::vector{7, 5, 3, 1}));
    EXPECT_EQ(peaks(ScheduleKind::interleaved, 2)[0], 11) << "5.5 stages of a rank in two";
    EXPECT_EQ(peaks(ScheduleKind::interleaved, 4)[0], 19) << "4.75 stages of a rank in four";
    EXPECT_EQ(peaks(ScheduleKind::breadth_first, 2), (std::vector{16, 16, 16, 16}));
    EXPECT_EQ(peaks(ScheduleKind::zb_h1, 1), (std::vector{4, 4, 4, 4}));
}

TEST(Simulate, PeakBytesCountWhatLivesAtATime) {
    Schedule const schedule = generate({ScheduleKind::one_f_one_b, 2, 1, 4});
    Costs costs = uniform_costs(2, usual);
    EXPECT_TRUE(simulate(schedule, chain(2), costs).peak_row_bytes.empty());
    costs.frame_bytes = {100, 7};
    Simulation const simulation = simulate(schedule, chain(2), costs);
    EXPECT_EQ(simulation.peak_row_bytes, (std::vector<std::int64_t>{200, 7}));
    EXPECT_EQ(simulation.peak_frames, (std::vector<std::vector<int>>{{2, 1}}));
}

/// Two ranks, one micro-batch: every time can be followed by hand.
TEST(Simulate, TimesOfEveryInstruction) {
    Schedule const schedule = lower(generate({ScheduleKind::gpipe, 2, 1, 1}), chain(2));
    Costs costs;
    costs.stages = {{1, 2, 3}, {4, 5, 6}};
    costs.messages = {0.5};
    costs.reduce = {7, 20};
    costs.update = {1, 2};
    Simulation const simulation = simulate(schedule, chain(2), costs);
    struct Times {
        Op op;
        double start, end;
    };
    std::vector<Times> const expected{{Op::forward, 0, 1},
                                      {Op::send_activation, 1, 1},
                                      {Op::receive_gradient, 1, 17},
                                      {Op::backward, 17, 22},
                                      {Op::reduce, 22, 29},
                                      {Op::update, 29, 30},
                                      {Op::receive_activation, 0, 1.5},
                                      {Op::forward, 1.5, 5.5},
                                      {Op::backward, 5.5, 16.5},
                                      {Op::send_gradient, 16.5, 16.5},
                                      {Op::reduce, 16.5, 36.5},
                                      {Op::update, 36.5, 38.5}};
    ASSERT_EQ(simulation.events.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(simulation.events[i].op, expected[i].op) << i;
        EXPECT_DOUBLE_EQ(simulation.events[i].start, expected[i].start) << i;
        EXPECT_DOUBLE_EQ(simulation.events[i].end, expected[i].end) << i;
    }
    EXPECT_DOUBLE_EQ(simulation.makespan, 38.5);
    EXPECT_DOUBLE_EQ(simulation.bubble, 1 - (6 + 1 + 15 + 2) / 77.);
    EXPECT_DOUBLE_EQ(simulation.window_bubble, 1 - (6 + 1 + 15 + 2) / (30 + 37.));
}

TEST(Simulate, ReducesOverlapWithBackwardsOfOtherStages) {
    Schedule const schedule = lower(generate({ScheduleKind::interleaved, 2, 2, 2}), chain(4));
    Costs costs = uniform_costs(4, usual);
    double const without = simulate(schedule, chain(4), costs).makespan;
    costs.reduce = {0, 0, 2, 2};
    EXPECT_DOUBLE_EQ(simulate(schedule, chain(4), costs).makespan, without) << "hidden: later stages end earlier";
    costs.reduce = {2, 0, 0, 0};
    EXPECT_DOUBLE_EQ(simulate(schedule, chain(4), costs).makespan, without + 2) << "nothing is left to hide it";
}

/// A longer warm-up hides the time of messages.
TEST(Simulate, OverlapFriendlyHidesMessages) {
    auto const slowdown = [](ScheduleKind kind) {
        Schedule const schedule = generate({kind, 4, 1, 64});
        Costs costs = uniform_costs(4, usual);
        double const before = simulate(schedule, chain(4), costs).makespan;
        costs.messages.assign(3, 0.2);
        return simulate(schedule, chain(4), costs).makespan - before;
    };
    EXPECT_LT(slowdown(ScheduleKind::overlap_one_f_one_b), 1.5);
    EXPECT_GT(slowdown(ScheduleKind::one_f_one_b), 10);
}

TEST(Simulate, FailsOnSchedulesThatStall) {
    Schedule schedule = generate({ScheduleKind::gpipe, 2, 1, 2});
    schedule.rows[0] = generate({ScheduleKind::layer, 2, 1, 2}).rows[0];
    for (Schedule const& form : {schedule, lower(schedule, chain(2))}) {
        try {
            (void)simulate_chain(form);
            FAIL() << "stalls";
        } catch (Error const& error) {
            EXPECT_EQ(error.code(), ExitCode::bad_deck);
            EXPECT_NE(std::string(error.what()).find("row 1 at 1"), std::string::npos) << error.what();
        }
    }
}

TEST(Simulate, RefusesCostsOfOtherSchedules) {
    Schedule const schedule = generate({ScheduleKind::gpipe, 2, 1, 2});
    EXPECT_THROW((void)simulate(schedule, chain(2), uniform_costs(3, usual)), Error);
    Costs costs = uniform_costs(2, usual);
    costs.messages = {1, 2};
    EXPECT_THROW((void)simulate(schedule, chain(2), costs), Error);
}

/// Everything from the request to the picture of memory takes about a third of a second with optimization.
TEST(Simulate, LargeSchedulesAreFast) {
    auto const start = std::chrono::steady_clock::now();
    Schedule const schedule = lower(generate({ScheduleKind::interleaved, 64, 4, 512}), chain(256));
    Simulation const simulation = simulate_chain(schedule, divided(usual, 4));
    std::chrono::duration<double> const seconds = std::chrono::steady_clock::now() - start;
    EXPECT_DOUBLE_EQ(simulation.makespan, 512 * 3 + 63 * 3 / 4.);
    EXPECT_LT(seconds.count(), 10) << "even without optimization, on a busy machine";
    RecordProperty("seconds", std::to_string(seconds.count()));
}

}  // namespace
}  // namespace aureole::test
