#include "parallel/schedule/timeline.hpp"

#include <gtest/gtest.h>

#include "parallel/schedule/generate.hpp"
#include "parallel/schedule/links.hpp"
#include "parallel/schedule/lower.hpp"
#include "parallel/schedule/simulate.hpp"
#include "unit_tests/parallel/schedule/markup.hpp"

namespace aureole::test {
namespace {

Simulation simulated(ScheduleRequest const& request) {
    Schedule const schedule = generate(request);
    std::vector<Link> const links = chain(schedule.stages);
    return simulate(lower(schedule, links), links, uniform_costs(schedule.stages, {}));
}

TEST(Timeline, HasOneBarForEachInstructionAndALaneForEachRow) {
    for (ScheduleRequest const& request :
         {ScheduleRequest{ScheduleKind::one_f_one_b, 4, 1, 8}, ScheduleRequest{ScheduleKind::zb_h1, 16, 1, 64},
          ScheduleRequest{ScheduleKind::interleaved, 4, 2, 8}, ScheduleRequest{ScheduleKind::layer, 1, 1, 1}}) {
        Simulation const simulation = simulated(request);
        std::string const svg = draw_timeline(simulation.events, {"a title", ""});
        EXPECT_EQ(xml_elements(svg)["svg"], 1);
        EXPECT_EQ(count_of(svg, "class=\"bar\""), static_cast<int>(simulation.events.size()));
        EXPECT_EQ(count_of(svg, "class=\"lane\""), request.ranks);
    }
}

TEST(Timeline, SaysWhatItShows) {
    Simulation const simulation = simulated({ScheduleKind::one_f_one_b, 4, 1, 8});
    EXPECT_DOUBLE_EQ(bubble_of(simulation.events), simulation.bubble);
    std::string const svg = draw_timeline(simulation.events, {"1f1b", ""});
    EXPECT_NE(svg.find(">1f1b: bubble 27.3 %<"), std::string::npos);
    EXPECT_NE(svg.find(">time / s<"), std::string::npos);
    EXPECT_NE(svg.find(">rank 3<"), std::string::npos);
    EXPECT_NE(svg.find(">send activation<"), std::string::npos) << "legend";
    EXPECT_NE(svg.find("<title>backward, stage 2, micro-batch 7</title>"), std::string::npos);
}

TEST(Timeline, ChoosesUnitsAndCountsFromTheFirstEvent) {
    std::vector<Event> const events{{0, Op::forward, 0, 0, 0, 1000.0, 1000.004}};
    std::string const svg = draw_timeline(events, {});
    EXPECT_NE(svg.find(">time / ms<"), std::string::npos);
    EXPECT_NE(svg.find(">4</text>"), std::string::npos) << "the last tick";
    EXPECT_EQ(svg.find(">1000"), std::string::npos);
    EXPECT_NE(draw_timeline(events, {"", "F"}).find(">time / F<"), std::string::npos);
}

TEST(Timeline, EscapesTitles) {
    std::vector<Event> const events{{0, Op::forward, 0, 0, 0, 0, 1}};
    std::string const svg = draw_timeline(events, {"a < b & \"c\" > d\n", "<unit>"});
    EXPECT_EQ(xml_elements(svg)["svg"], 1);
    EXPECT_NE(svg.find("a &lt; b &amp; &quot;c&quot; &gt; d"), std::string::npos);
}

TEST(Timeline, DrawsWithoutEventsAndWithoutTime) {
    EXPECT_EQ(xml_elements(draw_timeline({}, {}))["svg"], 1);
    std::vector<Event> const instant{{0, Op::forward, 0, 0, 0, 2, 2}};
    std::string const svg = draw_timeline(instant, {});
    EXPECT_EQ(xml_elements(svg)["svg"], 1);
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(svg.find("inf"), std::string::npos);
}

}  // namespace
}  // namespace aureole::test
