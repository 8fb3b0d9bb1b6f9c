#include "parallel/schedule/text.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"
#include "parallel/schedule/generate.hpp"
#include "parallel/schedule/links.hpp"
#include "parallel/schedule/lower.hpp"
#include "parallel/schedule/operation.hpp"
#include "parallel/schedule/validate.hpp"

namespace aureole::test {
namespace {

std::string message_of(std::string_view text) {
    try {
        (void)read_schedule(text, "mine");
    } catch (Error const& error) {
        EXPECT_EQ(error.code(), ExitCode::bad_deck);
        return error.what();
    }
    return "no error";
}

TEST(Text, WritesIdleSlotsAsEmptyCells) {
    EXPECT_EQ(write_schedule(generate({ScheduleKind::one_f_one_b, 2, 1, 2})),
              "# 1f1b: 2 ranks, 2 stages, 2 micro-batches\n"
              "0F0,0F1,,0B0,,0B1\n"
              ",1F0,1B0,1F1,1B1\n");
}

TEST(Text, ReadsCommentsBlanksAndCarriageReturns) {
    Schedule const schedule =
        read_schedule("# two ranks\r\n\r\n 0F0 , , ,0B0  # the first\r\n   # nothing here\n,1F0,1I0,1W0,,\n", "mine");
    EXPECT_EQ(schedule.name, "mine");
    EXPECT_EQ(schedule.ranks, 2);
    EXPECT_EQ(schedule.stages, 2);
    EXPECT_EQ(schedule.micro_batches, 1);
    std::vector<Op> ops;
    for (Instruction const& one : schedule.rows[1]) { ops.push_back(one.op); }
    EXPECT_EQ(ops, (std::vector{Op::forward, Op::input_gradient, Op::weight_gradient, Op::reduce, Op::update}));
}

TEST(Text, PlacementIsThatOfTheCells) {
    Schedule const schedule = read_schedule("0F0,3F0,3B0,0B0\n1F0,2F0,2B0,1B0", "v");
    EXPECT_EQ(schedule.placement, (std::vector<std::vector<int>>{{0, 1, 1, 0}}));
    EXPECT_EQ(faults(lower(schedule, chain(4)), chain(4)), std::vector<std::string>{});
}

TEST(Text, RoundTripOfLoweredSchedulesIsTheirComputation) {
    Schedule const compute = generate({ScheduleKind::interleaved, 3, 2, 6});
    EXPECT_EQ(write_schedule(lower(compute, chain(6))), write_schedule(compute));
    EXPECT_EQ(read_schedule(write_schedule(compute), "interleaved").rows, compute.rows);
}

TEST(Text, WritesOrdersThatStallWithoutIdleSlots) {
    Schedule const schedule = read_schedule("0B0,0F0\n,,1F0,1B0", "stuck");
    EXPECT_EQ(write_schedule(schedule), "# stuck: 2 ranks, 2 stages, 1 micro-batches\n0B0,0F0\n1F0,1B0\n");
}

TEST(Text, ErrorsNameLineAndCell) {
    EXPECT_NE(message_of("0F0,0B0\n1F0,,1X0").find("mine, line 2, cell 3: '1X0'"), std::string::npos);
    EXPECT_NE(message_of("# first\n\n0F0,0F").find("line 3, cell 2: '0F'"), std::string::npos);
    EXPECT_NE(message_of("F0").find("cell 1: 'F0'"), std::string::npos);
    EXPECT_NE(message_of("0F0x").find("'0F0x'"), std::string::npos);
    EXPECT_NE(message_of("-1F0").find("'-1F0'"), std::string::npos);
    EXPECT_NE(message_of("0F-1").find("'0F-1'"), std::string::npos);
    EXPECT_NE(message_of("99999F0").find("below 32767"), std::string::npos);
    EXPECT_NE(message_of("0F99999999999999999999").find("below 32767"), std::string::npos);
    EXPECT_NE(message_of("0F0\n0B0").find("line 2, cell 1: stage 0 is on rank 0 too"), std::string::npos);
    EXPECT_NE(message_of("0F0\n2F0").find("no stage 1"), std::string::npos);
    EXPECT_NE(message_of("# nothing\n").find("empty"), std::string::npos);
    EXPECT_NE(message_of("").find("empty"), std::string::npos);
}

}  // namespace
}  // namespace aureole::test
