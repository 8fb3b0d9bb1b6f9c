#include "parallel/schedule/closed_form.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"
#include "parallel/schedule/links.hpp"
#include "unit_tests/parallel/schedule/random_schedule.hpp"

namespace aureole::test {
namespace {

double simulated_seconds(ScheduleRequest const& request, std::vector<StageTimes> const& stages) {
    Costs costs;
    costs.stages = stages;
    Schedule const schedule = generate(request);
    return simulate(schedule, chain(schedule.stages), costs).makespan;
}

TEST(ClosedForm, IsExactForEqualStages) {
    Dice dice(5);
    for (int i = 0; i < 800; ++i) {
        ScheduleRequest const request = random_request(dice);
        SCOPED_TRACE(describe(request, {}));
        std::vector<StageTimes> const stages(as_size(request.ranks * request.chunks), {1, 1, 1});
        double const expected = simulated_seconds(request, stages);
        EXPECT_NEAR(closed_step_seconds(request, stages), expected, 1e-9 * expected);
        Schedule const schedule = generate(request);
        Simulation const simulation = simulate(schedule, chain(schedule.stages), uniform_costs(schedule.stages, {}));
        EXPECT_NEAR(closed_bubble(request, {}), simulation.bubble, 1e-9);
        for (int rank = 0; rank < request.ranks; ++rank) {
            EXPECT_EQ(closed_frames(request, rank), simulation.peak_row_frames[as_size(rank)]) << rank;
        }
    }
}

/// Any ratio of forward to backward, where nothing is cut in two.
TEST(ClosedForm, IsExactForOtherRatios) {
    Dice dice(6);
    for (int i = 0; i < 800; ++i) {
        ScheduleRequest const request = random_request(dice);
        if (request.kind == ScheduleKind::zb_h1) { continue; }
        SCOPED_TRACE(describe(request, {}));
        StageTimes const times{0.25 * dice.between(1, 8), 0.25 * dice.between(1, 8), 0.25 * dice.between(1, 8)};
        std::vector<StageTimes> const stages(as_size(request.ranks * request.chunks), times);
        double const expected = simulated_seconds(request, stages);
        EXPECT_NEAR(closed_step_seconds(request, stages), expected, 1e-9 * expected);
    }
}

/// Of unequal stages, the slowest works without a pause, the others before and after it: an upper bound where a slow
/// rank can work ahead.
TEST(ClosedForm, IsNearForUnequalStages) {
    Dice dice(7);
    for (int i = 0; i < 300; ++i) {
        ScheduleRequest request = random_request(dice);
        request.chunks = 1;
        request.micro_batches = request.ranks * dice.between(2, 4);
        std::vector<StageTimes> stages;
        for (int stage = 0; stage < request.ranks; ++stage) {
            double const scale = 1 + 0.05 * dice.between(0, 6);
            stages.push_back({scale, scale, scale});
        }
        SCOPED_TRACE(describe(request, {}));
        double const expected = simulated_seconds(request, stages);
        EXPECT_NEAR(closed_step_seconds(request, stages), expected, 0.15 * expected);
    }
}

TEST(ClosedForm, RefusesTimesOfOtherRequests) {
    std::vector<StageTimes> const stages(3);
    EXPECT_THROW((void)closed_step_seconds({ScheduleKind::gpipe, 4, 1, 8}, stages), Error);
}

}  // namespace
}  // namespace aureole::test
