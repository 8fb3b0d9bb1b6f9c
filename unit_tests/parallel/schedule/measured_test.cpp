#include "parallel/schedule/measured.hpp"

#include <gtest/gtest.h>

#include "parallel/schedule/generate.hpp"
#include "parallel/schedule/links.hpp"
#include "parallel/schedule/lower.hpp"

namespace aureole::test {
namespace {

TEST(Measured, TakesMeansOfEachKindOfWork) {
    std::vector<Event> const events{{0, Op::forward, 0, 0, 0, 0, 1},          {1, Op::forward, 0, 0, 1, 1, 4},
                                    {0, Op::backward, 0, 0, 0, 4, 8},         {2, Op::input_gradient, 0, 1, 0, 0, 5},
                                    {2, Op::weight_gradient, 0, 1, 0, 5, 7},  {2, Op::forward, 0, 1, 0, 7, 9},
                                    {0, Op::send_activation, 0, 0, 0, 9, 100}};
    Costs const costs = measured_costs(events, 2);
    ASSERT_EQ(costs.stages.size(), 2U);
    EXPECT_DOUBLE_EQ(costs.stages[0].forward, 2);
    EXPECT_DOUBLE_EQ(costs.stages[0].backward(), 4);
    EXPECT_DOUBLE_EQ(costs.stages[1].forward, 2);
    EXPECT_DOUBLE_EQ(costs.stages[1].input_gradient, 5);
    EXPECT_DOUBLE_EQ(costs.stages[1].weight_gradient, 2);
}

TEST(Measured, ASimulationOfASimulatedStepIsTheSame) {
    for (ScheduleKind const kind : {ScheduleKind::one_f_one_b, ScheduleKind::zb_h1}) {
        Schedule const schedule = lower(generate({kind, 3, 1, 6}), chain(3));
        Costs costs;
        costs.stages = {{1, 1.5, 0.5}, {2, 2, 1}, {1.5, 1, 2}};
        Simulation const first = simulate(schedule, chain(3), costs);
        Simulation const again = simulate(schedule, chain(3), measured_costs(first.events, 3));
        EXPECT_NEAR(again.makespan, first.makespan, 1e-9);
        EXPECT_NEAR(again.bubble, first.bubble, 1e-9);
    }
}

}  // namespace
}  // namespace aureole::test
