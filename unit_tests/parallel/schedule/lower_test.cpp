#include "parallel/schedule/lower.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"
#include "parallel/schedule/generate.hpp"
#include "parallel/schedule/links.hpp"
#include "parallel/schedule/operation.hpp"
#include "unit_tests/parallel/schedule/two_versions.hpp"

namespace aureole::test {
namespace {

std::string row_of(Schedule const& schedule, int rank) {
    std::string text;
    for (Instruction const& one : schedule.rows[as_size(rank)]) { text += (text.empty() ? "" : ", ") + notation(one); }
    return text;
}

TEST(Lower, SendsAfterAndReceivesBefore) {
    Schedule const schedule = lower(generate({ScheduleKind::gpipe, 3, 1, 1}), chain(3));
    EXPECT_EQ(row_of(schedule, 0), "0F0, 0SEND_F0 to 1, 0RECV_B0 from 1, 0B0, 0REDUCE, 0UPDATE");
    EXPECT_EQ(row_of(schedule, 1),
              "1RECV_F0 from 0, 1F0, 1SEND_F0 to 2, 1RECV_B0 from 2, 1B0, 1SEND_B0 to 0, 1REDUCE, 1UPDATE");
    EXPECT_EQ(row_of(schedule, 2), "2RECV_F0 from 1, 2F0, 2B0, 2SEND_B0 to 1, 2REDUCE, 2UPDATE");
}

TEST(Lower, SkipsSendToTheirNearestEndFirst) {
    std::vector<Link> const links{{0, 2}, {0, 1}, {1, 2}};
    Schedule const schedule = lower(generate({ScheduleKind::gpipe, 3, 1, 1}), links);
    EXPECT_EQ(row_of(schedule, 0),
              "0F0, 0SEND_F0 to 1, 0SEND_F0 to 2, 0RECV_B0 from 1, 0RECV_B0 from 2, 0B0, 0REDUCE, 0UPDATE");
    EXPECT_EQ(row_of(schedule, 2),
              "2RECV_F0 from 1, 2RECV_F0 from 0, 2F0, 2B0, 2SEND_B0 to 1, 2SEND_B0 to 0, 2REDUCE, 2UPDATE");
}

TEST(Lower, StagesOfOneRankSendNothing) {
    Schedule const schedule = lower(generate({ScheduleKind::breadth_first, 1, 3, 2}), chain(3));
    for (Instruction const& one : schedule.rows[0]) { EXPECT_FALSE(is_message(one.op)) << notation(one); }
}

TEST(Lower, InputGradientsGoBeforeWeightGradients) {
    Schedule const schedule = lower(generate({ScheduleKind::zb_h1, 2, 1, 1}), chain(2));
    EXPECT_EQ(row_of(schedule, 1), "1RECV_F0 from 0, 1F0, 1I0, 1SEND_B0 to 0, 1W0, 1REDUCE, 1UPDATE");
}

TEST(Lower, ReducesComeRightAfterTheLastGradient) {
    Schedule const schedule = lower(generate({ScheduleKind::breadth_first, 1, 2, 2}), chain(2));
    EXPECT_EQ(row_of(schedule, 0), "0F0, 0F1, 1F0, 1F1, 1B0, 1B1, 1REDUCE, 0B0, 0B1, 0REDUCE, 1UPDATE, 0UPDATE");
}

TEST(Lower, ReducesStayInTheirStep) {
    Schedule const compute = two_versions(2, 3, 2);
    Schedule const schedule = lower(compute, chain(2));
    for (int rank = 0; rank < 2; ++rank) {
        std::vector<Instruction> rest;
        for (Instruction const& one : schedule.rows[as_size(rank)]) {
            if (!is_message(one.op)) { rest.push_back(one); }
        }
        ASSERT_EQ(rest.size(), compute.rows[as_size(rank)].size());
        for (std::size_t i = 0; i < rest.size(); ++i) { EXPECT_EQ(rest[i].op, compute.rows[as_size(rank)][i].op); }
    }
}

TEST(Lower, SlotsAreAsManyAsLiveMicroBatches) {
    auto const slots = [](ScheduleKind kind, int chunks, int stage) {
        Schedule const schedule = generate({kind, 4, chunks, 8});
        return frames(lower(schedule, chain(schedule.stages)), 0, stage);
    };
    EXPECT_EQ(slots(ScheduleKind::layer, 1, 0), 1);
    EXPECT_EQ(slots(ScheduleKind::gpipe, 1, 3), 8);
    EXPECT_EQ(slots(ScheduleKind::one_f_one_b, 1, 0), 4);
    EXPECT_EQ(slots(ScheduleKind::one_f_one_b, 1, 3), 1);
    EXPECT_EQ(slots(ScheduleKind::zb_h1, 1, 3), 4);
    EXPECT_EQ(slots(ScheduleKind::interleaved, 2, 0) + slots(ScheduleKind::interleaved, 2, 4), 12)
        << "one more than the peak of 11: its stages do not peak at the same time";
}

TEST(Lower, AMicroBatchKeepsItsSlot) {
    Schedule const schedule = lower(generate({ScheduleKind::one_f_one_b, 3, 1, 7}), chain(3));
    for (std::vector<Instruction> const& row : schedule.rows) {
        std::vector<int> slot(7, -1);
        for (Instruction const& one : row) {
            if (!has_micro_batch(one.op)) {
                EXPECT_EQ(one.buffer, -1);
                continue;
            }
            int& mine = slot[as_size(one.micro_batch)];
            if (mine == -1) { mine = one.buffer; }
            EXPECT_EQ(one.buffer, mine) << notation(one);
        }
    }
}

TEST(Lower, RefusesLoweredSchedulesAndBadLinks) {
    Schedule const schedule = generate({ScheduleKind::gpipe, 2, 1, 1});
    EXPECT_THROW((void)lower(lower(schedule, chain(2)), chain(2)), Error);
    EXPECT_THROW((void)lower(schedule, std::vector<Link>{{1, 0}}), Error);
    EXPECT_THROW((void)lower(schedule, std::vector<Link>{{0, 2}}), Error);
    EXPECT_THROW((void)lower(schedule, std::vector<Link>{{0, 1}, {0, 1}}), Error);
}

}  // namespace
}  // namespace aureole::test
