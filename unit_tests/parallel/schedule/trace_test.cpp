#include "parallel/schedule/trace.hpp"

#include <gtest/gtest.h>

#include "parallel/schedule/generate.hpp"
#include "parallel/schedule/links.hpp"
#include "parallel/schedule/lower.hpp"
#include "parallel/schedule/simulate.hpp"
#include "unit_tests/parallel/schedule/markup.hpp"

namespace aureole::test {
namespace {

TEST(Trace, HasAThreadForEachRowAndAnEventForEachInstruction) {
    Schedule const schedule = lower(generate({ScheduleKind::zb_h1, 3, 1, 5}), chain(3));
    Simulation const simulation = simulate(schedule, chain(3), uniform_costs(3, {}));
    std::string const json = write_trace(simulation.events, {}, "zb-h1");
    EXPECT_TRUE(is_json(json));
    EXPECT_EQ(count_of(json, "\"thread_name\""), 3);
    EXPECT_EQ(count_of(json, "\"ph\":\"b\""), 3) << "reduces";
    EXPECT_EQ(count_of(json, "\"ph\":\"e\""), 3);
    EXPECT_EQ(count_of(json, "\"ph\":\"X\""), static_cast<int>(simulation.events.size()) - 3);
}

TEST(Trace, WritesMicrosecondsNamesAndCategories) {
    std::vector<Event> const events{{2, Op::forward, 0, 1, 3, 0.5, 0.75}};
    std::string const json = write_trace(events, {}, "run");
    EXPECT_TRUE(is_json(json));
    EXPECT_NE(json.find(R"("name":"F 3","cat":"forward","ph":"X","ts":500000.000,"dur":250000.000,"pid":0,"tid":2)"),
              std::string::npos)
        << json;
}

TEST(Trace, OperatorsLieOnTheThreadOfTheirRow) {
    std::vector<OperatorEvent> const operators{{1, "conv \"1\"", OperatorEvent::Kind::compute, 0.25, 0.5},
                                               {1, "conv.halo", OperatorEvent::Kind::exchange, 0.5, 0.75}};
    std::string const json = write_trace({}, operators, "tiles");
    EXPECT_TRUE(is_json(json));
    EXPECT_EQ(count_of(json, "\"thread_name\""), 2);
    for (char const* const what :
         {R"("name":"conv \"1\"","cat":"compute","ph":"X","ts":250000.000,"dur":250000.000,"pid":0,"tid":1})",
          R"("name":"conv.halo","cat":"exchange","ph":"X","ts":500000.000,"dur":250000.000,"pid":0,"tid":1})"}) {
        EXPECT_NE(json.find(what), std::string::npos) << json;
    }
}

TEST(Trace, EscapesTitles) {
    std::string const json = write_trace({}, {}, "a \"quoted\" \\ title\n\x01");
    EXPECT_TRUE(is_json(json));
    EXPECT_NE(json.find(R"(a \"quoted\" \\ title\u000a\u0001)"), std::string::npos) << json;
}

}  // namespace
}  // namespace aureole::test
