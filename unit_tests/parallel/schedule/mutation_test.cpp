// Schedules with random damage: what the validator accepts must run to the right end.
#include <gtest/gtest.h>

#include <algorithm>

#include "parallel/schedule/links.hpp"
#include "parallel/schedule/lower.hpp"
#include "parallel/schedule/operation.hpp"
#include "parallel/schedule/validate.hpp"
#include "unit_tests/parallel/schedule/executor.hpp"
#include "unit_tests/parallel/schedule/random_schedule.hpp"
#include "unit_tests/parallel/schedule/two_versions.hpp"

namespace aureole::test {
namespace {

using Row = std::vector<Instruction>;

/// Damages one row and says whether the number of its computations has changed.
bool mutate(Dice& dice, Row& row) {
    auto const place = [&] { return dice.between(0, static_cast<int>(row.size()) - 1); };
    int const at = place();
    Instruction const one = row[as_size(at)];
    switch (dice.between(0, 4)) {
        case 0: row.erase(row.begin() + at); return is_compute(one.op);
        case 1: row.insert(row.begin() + place(), one); return is_compute(one.op);
        case 2: std::swap(row[as_size(at)], row[as_size(place())]); return false;
        case 3:
            if (at > 0) { std::swap(row[as_size(at)], row[as_size(at - 1)]); }
            return false;
        default: row[as_size(at)].buffer = static_cast<std::int16_t>(dice.between(-1, 3)); return false;
    }
}

struct Tally {
    int accepted = 0, refused = 0;
};

void mutate_and_check(Dice& dice, Schedule const& sound, std::vector<Link> const& links, Weights const& expected,
                      Tally& tally) {
    Schedule damaged = sound;
    bool must_refuse = false;
    for (int i = dice.between(1, 2); i > 0; --i) {
        Row& row = damaged.rows[as_size(dice.between(0, damaged.ranks - 1))];
        if (!row.empty()) { must_refuse = mutate(dice, row); }
        if (must_refuse) { break; }  // a second change could mend the first
    }
    std::vector<std::string> const found = faults(damaged, links);
    ++(found.empty() ? tally.accepted : tally.refused);
    if (must_refuse) {
        EXPECT_FALSE(found.empty());
    } else if (found.empty()) {
        EXPECT_EQ(execute(damaged, links), expected);
    }
}

TEST(Mutation, WhatIsAcceptedRunsToTheRightEnd) {
    Dice dice(1);
    Tally tally;
    for (int i = 0; i < 400; ++i) {
        ScheduleRequest const request = random_request(dice);
        int const stages = request.ranks * request.chunks;
        std::vector<Link> const links = random_links(dice, stages);
        SCOPED_TRACE(describe(request, links));
        Schedule const sound = lower(generate(request), links);
        Weights const expected = execute_plainly(stages, request.micro_batches, links);
        ASSERT_EQ(execute(sound, links), expected);
        for (int j = 0; j < 25 && !HasFailure(); ++j) { mutate_and_check(dice, sound, links, expected, tally); }
        ASSERT_FALSE(HasFailure());
    }
    EXPECT_GT(tally.accepted, 500);
    EXPECT_GT(tally.refused, 5000);
}

TEST(Mutation, VersionsToo) {
    Dice dice(2);
    Tally tally;
    for (int i = 0; i < 60; ++i) {
        int const ranks = dice.between(1, 4);
        std::vector<Link> const links = random_links(dice, ranks);
        Schedule const sound = lower(two_versions(ranks, 3, ranks + dice.between(0, 2)), links);
        ASSERT_EQ(faults(sound, links), std::vector<std::string>{});
        std::optional<Weights> const expected = execute(sound, links);
        ASSERT_TRUE(expected.has_value());
        for (int j = 0; j < 50 && !HasFailure(); ++j) { mutate_and_check(dice, sound, links, *expected, tally); }
        ASSERT_FALSE(HasFailure());
    }
    EXPECT_GT(tally.accepted, 100);
}

/// Anything in any field: the validator says so and looks up nothing by it.
TEST(Mutation, NonsenseIsReportedAndNotFollowed) {
    Dice dice(8);
    auto const number = [&] { return dice.between(0, 3) == 0 ? dice.between(-40000, 2000000) : dice.between(-2, 8); };
    for (int i = 0; i < 20000; ++i) {
        Schedule schedule = lower(generate({ScheduleKind::one_f_one_b, 3, 1, 4}), chain(3));
        Row& row = schedule.rows[as_size(dice.between(0, 2))];
        Instruction& one = row[as_size(dice.between(0, static_cast<int>(row.size()) - 1))];
        Instruction const before = one;
        switch (dice.between(0, 6)) {
            case 0: one.op = static_cast<Op>(dice.between(0, 10)); break;
            case 1: one.pipe = static_cast<std::uint8_t>(number()); break;
            case 2: one.stage = static_cast<std::int16_t>(number()); break;
            case 3: one.micro_batch = number(); break;
            case 4: one.version = static_cast<std::int16_t>(number()); break;
            case 5: one.buffer = static_cast<std::int16_t>(number()); break;
            default: one.peer = static_cast<std::int16_t>(number()); break;
        }
        bool const has_meaning = one.op != before.op || one.stage != before.stage || one.pipe != before.pipe ||
                                 one.version != before.version;
        if (has_meaning) {
            EXPECT_FALSE(faults(schedule, chain(3)).empty()) << notation(before) << " became " << notation(one);
        } else {
            (void)faults(schedule, chain(3));
        }
    }
}

}  // namespace
}  // namespace aureole::test
