// Every kind of fault, each in a table that is sound but for it.
#include "parallel/schedule/validate.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.hpp"
#include "parallel/schedule/generate.hpp"
#include "parallel/schedule/links.hpp"
#include "parallel/schedule/lower.hpp"
#include "parallel/schedule/operation.hpp"
#include "unit_tests/parallel/schedule/two_versions.hpp"

namespace aureole::test {
namespace {

using Row = std::vector<Instruction>;

/// A chain of two stages with two micro-batches, lowered. Row 0: 0F0 0SEND_F0 0F1 0SEND_F1 0RECV_B0 0B0 0RECV_B1 0B1
/// 0REDUCE 0UPDATE; row 1: 1RECV_F0 1F0 1B0 1SEND_B0 1RECV_F1 1F1 1B1 1SEND_B1 1REDUCE 1UPDATE.
Schedule sound(ScheduleKind kind = ScheduleKind::one_f_one_b) { return lower(generate({kind, 2, 1, 2}), chain(2)); }

/// The instruction of a row that is written so.
std::size_t find(Row const& row, std::string_view text) {
    auto const found = std::find_if(row.begin(), row.end(), [&](Instruction const& i) { return notation(i) == text; });
    EXPECT_NE(found, row.end()) << text;
    return static_cast<std::size_t>(found - row.begin());
}

Instruction& at(Schedule& schedule, int row, std::string_view text) {
    Row& list = schedule.rows[as_size(row)];
    return list[find(list, text)];
}

void erase(Schedule& schedule, int row, std::string_view text) {
    Row& list = schedule.rows[as_size(row)];
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(find(list, text)));
}

void swap(Schedule& schedule, int row, std::string_view one, std::string_view other) {
    std::swap(at(schedule, row, one), at(schedule, row, other));
}

/// Moves an instruction to the place of another.
void move(Schedule& schedule, int row, std::string_view what, std::string_view before) {
    Instruction const moved = at(schedule, row, what);
    erase(schedule, row, what);
    Row& list = schedule.rows[as_size(row)];
    list.insert(list.begin() + static_cast<std::ptrdiff_t>(find(list, before)), moved);
}

std::string joined(std::vector<std::string> const& found) {
    std::string text;
    for (std::string const& one : found) { text += one + "\n"; }
    return text;
}

void expect_fault(Schedule const& schedule, std::string_view part, Limits const& limits = {}) {
    std::string const found = joined(faults(schedule, chain(schedule.stages), limits));
    EXPECT_NE(found.find(part), std::string::npos) << "found:\n" << found;
}

TEST(Validate, SoundSchedulesHaveNoFaults) {
    for (std::string_view const name : schedule_names()) {
        EXPECT_EQ(joined(faults(sound(schedule_kind(name)), chain(2))), "") << name;
        EXPECT_NO_THROW(require_valid(sound(schedule_kind(name)), chain(2)));
    }
    for (int ranks = 1; ranks <= 4; ++ranks) {
        EXPECT_EQ(joined(faults(lower(two_versions(ranks, 5, ranks), chain(ranks)), chain(ranks))), "");
    }
}

TEST(Validate, Frame) {
    Schedule schedule = sound();
    schedule.ranks = 3;
    expect_fault(schedule, "2 rows for 3 ranks");
    schedule = sound();
    schedule.micro_batches = 0;
    expect_fault(schedule, "must be at least 1");
    schedule = sound();
    schedule.stages = 0;
    EXPECT_FALSE(faults(schedule, {}).empty());
    schedule = sound();
    schedule.placement[0] = {0, 2};
    expect_fault(schedule, "does not place each of its 2 stages on one of 2 rows");
    schedule = sound();
    schedule.placement[0] = {0};
    expect_fault(schedule, "does not place");
}

TEST(Validate, NumbersOutOfRange) {
    Schedule schedule = sound();
    at(schedule, 0, "0F1").stage = 2;
    expect_fault(schedule, "row 0, position 2 (2F1): there is no stage 2");
    schedule = sound();
    at(schedule, 0, "0F1").pipe = 1;
    expect_fault(schedule, "there is no pipe 1");
    schedule = sound();
    at(schedule, 0, "0F1").micro_batch = -1;
    expect_fault(schedule, "its micro-batch is negative");
    schedule = sound();
    at(schedule, 0, "0F1").micro_batch = 2000000000;
    expect_fault(schedule, "there are only 2 micro-batches");
    schedule = sound();
    schedule.micro_batches = 2000000000;
    expect_fault(schedule, "2000000000 micro-batches in all, but only");
    schedule = sound();
    at(schedule, 0, "0F1").version = 1;
    expect_fault(schedule, "there is no version 1 of the weights, only 1");
}

TEST(Validate, StageOnTwoRows) {
    Schedule schedule = sound();
    schedule.rows[1].push_back(at(schedule, 0, "0F1"));
    expect_fault(schedule, "row 1, position 10 (0F1): stage 0 is placed on row 0");
}

TEST(Validate, MessagesAlongNoLinkAndWithinARow) {
    Schedule schedule = sound();
    at(schedule, 0, "0SEND_F0 to 1").peer = 0;
    expect_fault(schedule, "no link runs that way between stages 0 and 0");
    schedule = lower(generate({ScheduleKind::breadth_first, 1, 2, 1}), chain(2));
    schedule.rows[0].insert(schedule.rows[0].begin() + 1,
                            {.op = Op::send_activation, .stage = 0, .micro_batch = 0, .buffer = 0, .peer = 1});
    expect_fault(schedule, "both stages are on this row");
}

TEST(Validate, MissingAndRepeatedWork) {
    Schedule schedule = sound();
    erase(schedule, 0, "0F1");
    expect_fault(schedule, "row 0: stage 0 has no forward of micro-batch 1");
    schedule = sound();
    erase(schedule, 1, "1B0");
    expect_fault(schedule, "row 1: stage 1 has no backward of micro-batch 0");
    schedule = sound();
    schedule.rows[0].insert(schedule.rows[0].begin(), at(schedule, 0, "0F0"));
    expect_fault(schedule, "row 0, position 1 (0F0): a micro-batch has this once");
    schedule = sound();
    for (Row& row : schedule.rows) {
        std::erase_if(row, [](Instruction const& i) { return has_micro_batch(i.op) && i.micro_batch == 1; });
    }
    expect_fault(schedule, "micro-batch 1 is on no row");
}

TEST(Validate, HalvesOfBackwards) {
    Schedule schedule = sound(ScheduleKind::zb_h1);
    erase(schedule, 1, "1W0");
    expect_fault(schedule, "row 1: stage 1 has no weight gradient of micro-batch 0");
    schedule = sound(ScheduleKind::zb_h1);
    erase(schedule, 1, "1I1");
    expect_fault(schedule, "row 1: stage 1 has no input gradient of micro-batch 1");
    schedule = sound(ScheduleKind::zb_h1);
    at(schedule, 1, "1I0").op = Op::backward;
    expect_fault(schedule, "a backward or both halves of one");
    schedule = sound(ScheduleKind::zb_h1);
    swap(schedule, 0, "0I1", "0W1");
    expect_fault(schedule, "(0W1): its input gradient does not come before it");
}

TEST(Validate, WrongOrderOnARow) {
    Schedule schedule = sound();
    swap(schedule, 1, "1F0", "1B0");
    expect_fault(schedule, "row 1, position 1 (1B0): its forward does not come before it");
    schedule = sound();
    swap(schedule, 0, "0F0", "0SEND_F0 to 1");
    expect_fault(schedule, "row 0, position 0 (0SEND_F0 to 1): the forward that makes it does not come before it");
    schedule = sound();
    swap(schedule, 1, "1B0", "1SEND_B0 to 0");
    expect_fault(schedule, "(1SEND_B0 to 0): the backward that makes it does not come before it");
    schedule = sound();
    swap(schedule, 1, "1RECV_F1 from 0", "1F1");
    expect_fault(schedule, "row 1, position 4 (1F1): the output of stage 0 is not received before it");
    schedule = sound();
    swap(schedule, 0, "0RECV_B1 from 1", "0B1");
    expect_fault(schedule, "row 0, position 6 (0B1): the gradient of stage 1 is not received before it");
}

TEST(Validate, WrongOrderOfStagesOfOneRow) {
    Schedule const good = lower(generate({ScheduleKind::breadth_first, 1, 2, 1}), chain(2));
    EXPECT_EQ(joined(faults(good, chain(2))), "");
    Schedule schedule = good;
    swap(schedule, 0, "0F0", "1F0");
    expect_fault(schedule, "row 0, position 0 (1F0): the output of stage 0 on this row is not made before it");
    schedule = good;
    swap(schedule, 0, "0B0", "1B0");
    expect_fault(schedule, "(0B0): the gradient of stage 1 on this row is not made before it");
}

TEST(Validate, SkipsNeedTheirMessagesToo) {
    std::vector<Link> const links{{0, 1}, {1, 2}, {0, 2}};
    Schedule schedule = lower(generate({ScheduleKind::one_f_one_b, 3, 1, 2}), chain(3));
    std::string const found = joined(faults(schedule, links));
    EXPECT_NE(found.find("(2F0): the output of stage 0 is not received before it"), std::string::npos) << found;
    EXPECT_NE(found.find("(0B1): the gradient of stage 2 is not received before it"), std::string::npos) << found;
}

TEST(Validate, MissingMessages) {
    Schedule schedule = sound();
    erase(schedule, 0, "0SEND_F1 to 1");
    expect_fault(schedule, "row 1, position 4 (1RECV_F1 from 0): row 0 never sends it");
    expect_fault(schedule, "row 1, position 4 (1RECV_F1 from 0): waits for ever (deadlock), for a message from row 0");
    schedule = sound();
    erase(schedule, 0, "0RECV_B0 from 1");
    expect_fault(schedule, "row 1, position 3 (1SEND_B0 to 0): row 0 never receives it");
    schedule = sound();
    schedule.rows[0].insert(schedule.rows[0].begin() + 2, at(schedule, 0, "0SEND_F0 to 1"));
    expect_fault(schedule, "row 0, position 2 (0SEND_F0 to 1): this message has been here before");
}

/// One row wants to finish a micro-batch before the next, the other to have all forwards first.
TEST(Validate, Deadlock) {
    Schedule compute = generate({ScheduleKind::gpipe, 2, 1, 2});
    compute.rows[0] = generate({ScheduleKind::layer, 2, 1, 2}).rows[0];
    Schedule const schedule = lower(compute, chain(2));
    expect_fault(schedule, "row 0, position 2 (0RECV_B0 from 1): waits for ever (deadlock), for a message from row 1");
    expect_fault(schedule, "row 1, position 2 (1RECV_F1 from 0): waits for ever (deadlock), for a message from row 0");
    EXPECT_EQ(faults(schedule, chain(2)).size(), 2U);
}

/// Receives in another order than sends: allowed, but not with room for one message.
TEST(Validate, DeadlockOfFullChannels) {
    Schedule compute = generate({ScheduleKind::gpipe, 2, 1, 2});
    std::swap(compute.rows[1][0], compute.rows[1][1]);
    Schedule const schedule = lower(compute, chain(2));
    EXPECT_EQ(joined(faults(schedule, chain(2))), "");
    Limits limits;
    limits.messages_in_flight = 2;
    EXPECT_EQ(joined(faults(schedule, chain(2), limits)), "");
    limits.messages_in_flight = 1;
    expect_fault(schedule, "(0SEND_F1 to 1): waits for ever (deadlock), with 1 messages to row 1 in flight", limits);
}

TEST(Validate, ReduceAndUpdateOutOfPlace) {
    Schedule schedule = sound();
    swap(schedule, 0, "0REDUCE", "0UPDATE");
    expect_fault(schedule, "row 0, position 8 (0UPDATE): no reduce comes before it");
    schedule = sound();
    move(schedule, 0, "0REDUCE", "0B1");
    expect_fault(schedule, "row 0, position 7 (0REDUCE): sums gradients of 1 of the step's 2 micro-batches");
    expect_fault(schedule, "(0B1): adds to gradients that are being summed already");
    schedule = sound();
    move(schedule, 1, "1REDUCE", "1F1");
    move(schedule, 1, "1UPDATE", "1F1");
    expect_fault(schedule, "(1UPDATE): has gradients of 1 micro-batches, not of the step's 2");
    schedule = sound();
    erase(schedule, 1, "1UPDATE");
    expect_fault(schedule, "row 1: stage 1 has 0 updates in 1 steps");
    schedule = sound();
    schedule.rows[1].insert(schedule.rows[1].begin() + 9, at(schedule, 1, "1REDUCE"));
    expect_fault(schedule, "row 1, position 9 (1REDUCE): sums gradients that are summed already");
}

/// With an update between its two passes, a micro-batch would see two sets of weights.
TEST(Validate, UpdateBetweenForwardAndBackward) {
    Schedule schedule = generate({ScheduleKind::one_f_one_b, 2, 1, 4});
    schedule.micro_batches = 2;
    Row& row = schedule.rows[0];  // 0F0 0F1 0B0 0F2 0B1 0F3 0B2 0B3
    row.insert(row.begin() + 5, {{.op = Op::reduce}, {.op = Op::update}});
    Row& other = schedule.rows[1];
    other.insert(other.begin() + 4, {{.op = Op::reduce, .stage = 1}, {.op = Op::update, .stage = 1}});
    schedule = lower(schedule, chain(2));
    expect_fault(schedule, "(0B2): version 0 of the weights has been updated since its forward");
    expect_fault(schedule,
                 "row 0: stage 0 reads weights for micro-batch 3 that are late by 0 updates, where others are by 1");
}

TEST(Validate, VersionsOfWeights) {
    Schedule const good = lower(two_versions(2, 3, 2), chain(2));
    Schedule schedule = good;
    at(schedule, 0, "0B3").version ^= 1;
    expect_fault(schedule, "reads version 1 of the weights, its forward read 0");
    schedule = good;
    at(schedule, 0, "0F4").version ^= 1;
    expect_fault(schedule, "reads version 0 of the weights where forwards read 1");
    schedule = good;
    at(schedule, 0, "0UPDATE").version = 0;
    expect_fault(schedule, "version 0 of the weights has been updated since its forward");
    schedule = good;
    schedule.versions = 1;
    expect_fault(schedule, "there is no version 1 of the weights, only 1");
}

TEST(Validate, StalenessIsUniform) {
    Schedule schedule = lower(two_versions(1, 3, 2), chain(1));
    expect_fault(schedule, "");
    // the second update is not flipped in: the third step reads what the second did
    Row& row = schedule.rows[0];
    std::vector<std::size_t> flips;
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (row[i].op == Op::flip) { flips.push_back(i); }
    }
    ASSERT_GE(flips.size(), 2U);
    row.erase(row.begin() + static_cast<std::ptrdiff_t>(flips[1]));
    for (Instruction& one : row) {
        if (has_micro_batch(one.op)) { one.version = 0; }
    }
    expect_fault(schedule, "where others are by");
}

TEST(Validate, GradientsOfAnotherStep) {
    Schedule schedule = lower(two_versions(1, 2, 2), chain(1));
    Row& row = schedule.rows[0];
    std::size_t const first = find(row, "0REDUCE"), backward = find(row, "0B2");
    ASSERT_LT(first, backward);
    // reduce and update of the first step come after the first gradient of the second
    Row const late(row.begin() + static_cast<std::ptrdiff_t>(first),
                   row.begin() + static_cast<std::ptrdiff_t>(first) + 3);
    row.insert(row.begin() + static_cast<std::ptrdiff_t>(backward) + 1, late.begin(), late.end());
    row.erase(row.begin() + static_cast<std::ptrdiff_t>(first), row.begin() + static_cast<std::ptrdiff_t>(first) + 3);
    expect_fault(schedule, "(0B2): adds to the gradients of step 0 what belongs to step 1");
    expect_fault(schedule, "(0UPDATE): has gradients of 3 micro-batches, not of the step's 2");
}

TEST(Validate, Slots) {
    Schedule schedule = sound();
    at(schedule, 0, "0F1").buffer = -1;
    expect_fault(schedule, "row 0, position 2 (0F1): has no slot for its frame");
    schedule = sound();
    at(schedule, 0, "0B1").buffer = 5;
    expect_fault(schedule, "row 0, position 7 (0B1): uses slot 5, where the frame of its micro-batch is in slot 1");
    schedule = sound();
    for (Instruction& one : schedule.rows[0]) { one.buffer = std::min<std::int16_t>(one.buffer, 0); }
    expect_fault(schedule, "row 0, position 2 (0F1): overwrites slot 0, which micro-batch 0 needs until position 5");
}

TEST(Validate, Memory) {
    Limits limits;
    limits.frame_bytes = {10, 20};
    limits.fixed_bytes = {100, 200};
    limits.budget_bytes = {120, 220};
    EXPECT_EQ(joined(faults(sound(), chain(2), limits)), "");
    limits.budget_bytes = {119, 220};
    expect_fault(sound(), "row 0: frames of 20 bytes and 100 fixed bytes exceed its 119 bytes", limits);
    try {
        require_valid(sound(), chain(2), limits);
        FAIL() << "does not fit";
    } catch (Error const& error) { EXPECT_EQ(error.code(), ExitCode::does_not_fit); }
}

TEST(Validate, RequireValidNamesTheFirstFaults) {
    Schedule schedule = sound();
    std::erase_if(schedule.rows[1], [](Instruction const& one) { return is_message(one.op); });
    try {
        require_valid(schedule, chain(2));
        FAIL() << "is not sound";
    } catch (Error const& error) {
        EXPECT_EQ(error.code(), ExitCode::bad_deck);
        std::string const message = error.what();
        EXPECT_NE(message.find("schedule '1f1b' cannot run"), std::string::npos);
        EXPECT_NE(message.find("the output of stage 0 is not received"), std::string::npos) << message;
        EXPECT_NE(message.find("more"), std::string::npos) << message;
    }
}

/// Two pipes in opposite directions share the rows; every micro-batch goes through one of them.
Schedule two_pipes() {
    Schedule schedule = generate({ScheduleKind::layer, 2, 1, 2});
    schedule.placement = {{0, 1}, {1, 0}};
    for (int row = 0; row < 2; ++row) {
        Row& list = schedule.rows[as_size(row)];
        Row mixed;
        for (Instruction one : list) {
            if (is_compute(one.op) && one.micro_batch == 1) {
                one.pipe = 1;
                one.stage = static_cast<std::int16_t>(1 - row);
            }
            mixed.push_back(one);
        }
        auto const other = static_cast<std::int16_t>(1 - row);
        mixed.insert(mixed.end() - 1, {.op = Op::reduce, .pipe = 1, .stage = other});
        mixed.push_back({.op = Op::update, .pipe = 1, .stage = other});
        list = mixed;
    }
    return schedule;
}

TEST(Validate, TwoPipes) {
    Schedule const good = lower(two_pipes(), chain(2));
    EXPECT_EQ(joined(faults(good, chain(2))), "");
    Schedule schedule = good;
    at(schedule, 0, "1F1 of pipe 1").micro_batch = 0;
    expect_fault(schedule, "its micro-batch belongs to pipe 0 too");
}

/// An update needs the sum over both replicas: the other row must have begun its part.
TEST(Validate, UpdatesWaitForReplicas) {
    Schedule schedule = lower(two_pipes(), chain(2));
    for (int row = 0; row < 2; ++row) {
        move(schedule, row, fmt::format("{}UPDATE", row), fmt::format("{}REDUCE of pipe 1", 1 - row));
    }
    expect_fault(schedule, "(0UPDATE): waits for ever (deadlock), for the sum over its replicas");
    expect_fault(schedule, "(1UPDATE): waits for ever (deadlock), for the sum over its replicas");
}

}  // namespace
}  // namespace aureole::test
