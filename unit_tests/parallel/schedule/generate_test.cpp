#include "parallel/schedule/generate.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"
#include "parallel/schedule/links.hpp"
#include "parallel/schedule/operation.hpp"

namespace aureole::test {
namespace {

/// Work of one rank, as text.
std::string row_of(ScheduleRequest const& request, int rank) {
    Schedule const schedule = generate(request);
    std::string text;
    for (Instruction const& one : schedule.rows[as_size(rank)]) { text += (text.empty() ? "" : " ") + notation(one); }
    return text;
}

std::string message_of(ScheduleRequest const& request) {
    try {
        (void)generate(request);
    } catch (Error const& error) {
        EXPECT_EQ(error.code(), ExitCode::bad_deck);
        return error.what();
    }
    return "no error";
}

TEST(Generate, NamesGoBothWays) {
    for (std::string_view const name : schedule_names()) { EXPECT_EQ(name_of(schedule_kind(name)), name); }
    EXPECT_EQ(name_of(ScheduleKind::layer), "layer");
    EXPECT_EQ(name_of(ScheduleKind::overlap_one_f_one_b), "1f1b-overlap");
    EXPECT_EQ(name_of(ScheduleKind::zb_h1), "zb-h1");
    try {
        (void)schedule_kind("1f2b");
        FAIL() << "is no schedule";
    } catch (Error const& error) { EXPECT_NE(std::string(error.what()).find("gpipe, 1f1b"), std::string::npos); }
}

TEST(Generate, Layer) { EXPECT_EQ(row_of({ScheduleKind::layer, 2, 1, 2}, 1), "1F0 1B0 1F1 1B1 1REDUCE 1UPDATE"); }

TEST(Generate, GPipe) { EXPECT_EQ(row_of({ScheduleKind::gpipe, 2, 1, 2}, 0), "0F0 0F1 0B0 0B1 0REDUCE 0UPDATE"); }

TEST(Generate, OneForwardOneBackward) {
    ScheduleRequest const request{ScheduleKind::one_f_one_b, 3, 1, 4};
    EXPECT_EQ(row_of(request, 0), "0F0 0F1 0F2 0B0 0F3 0B1 0B2 0B3 0REDUCE 0UPDATE");
    EXPECT_EQ(row_of(request, 1), "1F0 1F1 1B0 1F2 1B1 1F3 1B2 1B3 1REDUCE 1UPDATE");
    EXPECT_EQ(row_of(request, 2), "2F0 2B0 2F1 2B1 2F2 2B2 2F3 2B3 2REDUCE 2UPDATE");
    EXPECT_EQ(row_of({ScheduleKind::one_f_one_b, 3, 1, 1}, 0), "0F0 0B0 0REDUCE 0UPDATE") << "fewer than ranks";
}

TEST(Generate, OverlapHasTwiceTheWarmUp) {
    ScheduleRequest const request{ScheduleKind::overlap_one_f_one_b, 2, 1, 4};
    EXPECT_EQ(row_of(request, 0), "0F0 0F1 0F2 0B0 0F3 0B1 0B2 0B3 0REDUCE 0UPDATE");
    EXPECT_EQ(row_of(request, 1), "1F0 1B0 1F1 1B1 1F2 1B2 1F3 1B3 1REDUCE 1UPDATE");
}

TEST(Generate, InterleavedGoesInGroups) {
    EXPECT_EQ(row_of({ScheduleKind::interleaved, 2, 2, 4}, 1),
              "1F0 1F1 3F0 3B0 3F1 3B1 1F2 1B0 1F3 1B1 3F2 3B2 3F3 3B3 1B2 1B3 3REDUCE 1REDUCE 3UPDATE 1UPDATE");
}

TEST(Generate, BreadthFirstVisitsAStageOnce) {
    EXPECT_EQ(row_of({ScheduleKind::breadth_first, 2, 2, 3}, 0),
              "0F0 0F1 0F2 2F0 2F1 2F2 2B0 2B1 2B2 0B0 0B1 0B2 2REDUCE 0REDUCE 2UPDATE 0UPDATE");
}

TEST(Generate, ZeroBubbleDelaysWeightGradientsByTheRank) {
    ScheduleRequest const request{ScheduleKind::zb_h1, 3, 1, 4};
    EXPECT_EQ(row_of(request, 0), "0F0 0F1 0F2 0I0 0W0 0F3 0I1 0W1 0I2 0W2 0I3 0W3 0REDUCE 0UPDATE");
    EXPECT_EQ(row_of(request, 2), "2F0 2I0 2F1 2I1 2F2 2I2 2W0 2F3 2I3 2W1 2W2 2W3 2REDUCE 2UPDATE");
}

TEST(Generate, StagesGoRoundTheRanks) {
    Schedule const schedule = generate({ScheduleKind::breadth_first, 3, 2, 1});
    EXPECT_EQ(schedule.stages, 6);
    EXPECT_EQ(schedule.placement, (std::vector<std::vector<int>>{{0, 1, 2, 0, 1, 2}}));
}

TEST(Generate, RefusesWhatItCannotDo) {
    EXPECT_NE(message_of({ScheduleKind::interleaved, 4, 2, 6}).find("set 4 or 8"), std::string::npos);
    EXPECT_NE(message_of({ScheduleKind::interleaved, 4, 2, 3}).find("set 4"), std::string::npos);
    EXPECT_NE(message_of({ScheduleKind::gpipe, 4, 2, 8}).find("choose interleaved"), std::string::npos);
    EXPECT_NE(message_of({ScheduleKind::gpipe, 0, 1, 8}).find("at least 1"), std::string::npos);
    EXPECT_NE(message_of({ScheduleKind::gpipe, 2, 1, 0}).find("at least 1"), std::string::npos);
    EXPECT_NE(message_of({ScheduleKind::breadth_first, 4000, 4000, 1}).find("at most"), std::string::npos);
}

}  // namespace
}  // namespace aureole::test
