#include <gtest/gtest.h>

#include "parallel/schedule/closed_form.hpp"
#include "parallel/schedule/links.hpp"
#include "parallel/schedule/lower.hpp"
#include "parallel/schedule/text.hpp"
#include "parallel/schedule/validate.hpp"
#include "unit_tests/parallel/schedule/random_schedule.hpp"

namespace aureole::test {
namespace {

void check_frames(ScheduleRequest const& request, Schedule const& schedule, Simulation const& simulation) {
    for (int rank = 0; rank < request.ranks; ++rank) {
        EXPECT_LE(simulation.peak_row_frames[as_size(rank)], closed_frames(request, rank));
    }
    for (int stage = 0; stage < schedule.stages; ++stage) {
        EXPECT_EQ(frames(schedule, 0, stage), simulation.peak_frames[0][as_size(stage)]) << "as few as possible";
        EXPECT_LE(frames(schedule, 0, stage), request.micro_batches);
    }
}

/// A chain with one stage on each rank gets along with one message at a time. Rings and skips need more: a rank may
/// have to send many before the other end wants the first.
void check_narrow_channels(ScheduleRequest const& request, Schedule const& schedule, std::vector<Link> const& links) {
    Limits limits;
    limits.messages_in_flight = 1;
    if (request.chunks == 1 && links == chain(schedule.stages)) {
        EXPECT_EQ(faults(schedule, links, limits), std::vector<std::string>{});
    }
    limits.messages_in_flight = static_cast<int>(links.size()) * request.micro_batches;
    EXPECT_EQ(faults(schedule, links, limits), std::vector<std::string>{});
}

TEST(Property, GeneratedSchedulesAreSoundAndEnd) {
    Dice dice(3);
    for (int i = 0; i < 1500 && !::testing::Test::HasFailure(); ++i) {
        ScheduleRequest const request = random_request(dice);
        std::vector<Link> const links = random_links(dice, request.ranks * request.chunks);
        SCOPED_TRACE(describe(request, links));
        Schedule const compute = generate(request);
        Schedule const schedule = lower(compute, links);
        EXPECT_EQ(faults(schedule, links), std::vector<std::string>{});
        check_narrow_channels(request, schedule, links);
        Costs costs = uniform_costs(schedule.stages, {1, 1.5, 0.5});
        for (std::size_t link = 0; link < links.size(); ++link) { costs.messages.push_back(0.1 * dice.between(0, 5)); }
        Simulation const simulation = simulate(schedule, links, costs);
        EXPECT_DOUBLE_EQ(simulation.makespan, simulate(compute, links, costs).makespan);
        check_frames(request, schedule, simulation);
    }
}

TEST(Property, RandomTablesAreSoundAndEnd) {
    Dice dice(5);
    for (int i = 0; i < 300 && !::testing::Test::HasFailure(); ++i) {
        int const rows = dice.between(1, 4), chunks = dice.between(1, 3);
        Schedule const table = random_table(dice, rows, chunks, dice.between(1, 6));
        std::vector<Link> const links = random_links(dice, rows * chunks);
        Schedule const schedule = lower(table, links);
        EXPECT_EQ(faults(schedule, links), std::vector<std::string>{}) << write_schedule(table);
        Simulation const simulation = simulate(schedule, links, uniform_costs(schedule.stages, {1, 1.5, 0.5}));
        EXPECT_GE(simulation.makespan, 3.0 * chunks * schedule.micro_batches) << write_schedule(table);
        EXPECT_EQ(read_schedule(write_schedule(table), "random").rows, table.rows);
    }
}

TEST(Property, TextKeepsSchedules) {
    Dice dice(4);
    for (int i = 0; i < 200; ++i) {
        Schedule const schedule = generate(random_request(dice));
        Schedule const read = read_schedule(write_schedule(schedule), schedule.name);
        EXPECT_EQ(read.rows, schedule.rows);
        EXPECT_EQ(read.placement, schedule.placement);
        EXPECT_EQ(read.micro_batches, schedule.micro_batches);
    }
}

}  // namespace
}  // namespace aureole::test
