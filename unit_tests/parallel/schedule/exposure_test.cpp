#include "parallel/schedule/exposure.hpp"

#include <gtest/gtest.h>

namespace aureole::test {
namespace {

using Kind = OperatorEvent::Kind;

TEST(Exposure, TellsALateRowFromMessages) {
    // row 1 gets to the reduction 2 s after row 0; the sum itself takes 1 s
    std::vector<OperatorEvent> const operators{{0, "work", Kind::compute, 0, 5},  {1, "work", Kind::compute, 0, 7},
                                               {0, "sum", Kind::reduction, 5, 8}, {1, "sum", Kind::reduction, 7, 8},
                                               {0, "rest", Kind::compute, 8, 10}, {1, "rest", Kind::compute, 8, 10}};
    Exposure const exposure = exposure_of(operators);
    EXPECT_DOUBLE_EQ(exposure.late, 2.0 / 20);
    EXPECT_DOUBLE_EQ(exposure.messages, 2.0 / 20);
    EXPECT_DOUBLE_EQ(exposure.total(), 4.0 / 20);
}

TEST(Exposure, StripsAreThereOnceTheOtherRowHasSentThem) {
    // row 1 sends before row 0 waits, and works on: what row 0 waits for is the message
    std::vector<OperatorEvent> const operators{
        {0, "x.halo.begin", Kind::exchange, 0, 1}, {1, "x.halo.begin", Kind::exchange, 0, 1},
        {0, "x.halo", Kind::exchange, 2, 3},       {1, "work", Kind::compute, 1, 9},
        {1, "x.halo", Kind::exchange, 9, 9},       {0, "work", Kind::compute, 3, 10}};
    Exposure const exposure = exposure_of(operators);
    EXPECT_DOUBLE_EQ(exposure.late, 0);
    EXPECT_DOUBLE_EQ(exposure.messages, 3.0 / 20);
}

TEST(Exposure, CountsEveryRunOfAnOperator) {
    std::vector<OperatorEvent> const operators{{0, "sum", Kind::reduction, 0, 2},
                                               {1, "sum", Kind::reduction, 2, 2},
                                               {0, "sum", Kind::reduction, 3, 3},
                                               {1, "sum", Kind::reduction, 2, 4}};
    Exposure const exposure = exposure_of(operators);
    EXPECT_DOUBLE_EQ(exposure.late, 3.0 / 8);
    EXPECT_DOUBLE_EQ(exposure.messages, 1.0 / 8);
}

TEST(Exposure, RowsOfOtherGroupsAreNotWaitedFor) {
    std::vector<OperatorEvent> const operators{{0, "sum", Kind::reduction, 0, 2, 0},
                                               {1, "sum", Kind::reduction, 3, 4, 1}};
    EXPECT_DOUBLE_EQ(exposure_of(operators).late, 0);
    EXPECT_DOUBLE_EQ(exposure_of(operators).messages, 3.0 / 8);
}

TEST(Exposure, OneRowOrNoneWaitsForNobody) {
    EXPECT_EQ(exposure_of({}).total(), 0);
    std::vector<OperatorEvent> const alone{{0, "work", Kind::compute, 0, 3}, {0, "sum", Kind::reduction, 3, 4}};
    EXPECT_DOUBLE_EQ(exposure_of(alone).late, 0);
    EXPECT_DOUBLE_EQ(exposure_of(alone).messages, 0.25);
}

}  // namespace
}  // namespace aureole::test
