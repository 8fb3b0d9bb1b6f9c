#include "parallel/schedule/lower.hpp"

#include <algorithm>
#include <queue>

#include "core/error.hpp"
#include "parallel/schedule/links.hpp"
#include "parallel/schedule/operation.hpp"

namespace aureole {

namespace {

using Row = std::vector<Instruction>;

/// Moves every reduce up to its stage's last weight gradient before it.
void advance_reduces(Row& row, WorkIndex const& index) {
    std::vector<std::vector<Instruction>> after(row.size());
    std::vector<int> last(index.stage_count(), -1);
    Row rest;
    for (Instruction const& one : row) {
        int& place = last[index.stage(one)];
        if (one.op == Op::reduce && place >= 0) {
            after[as_size(place)].push_back(one);
            continue;
        }
        if (makes_weight_gradient(one.op)) { place = static_cast<int>(rest.size()); }
        rest.push_back(one);
    }
    row.clear();
    for (std::size_t i = 0; i < rest.size(); ++i) {
        row.push_back(rest[i]);
        row.insert(row.end(), after[i].begin(), after[i].end());
    }
}

class Messenger {
  public:
    Messenger(Schedule const& schedule, LinkTable const& links) : schedule_(schedule), links_(links) {}

    void append_with_messages(Row& row, Instruction const& work) const {
        if (work.op == Op::forward) {
            append(row, work, Op::receive_activation, links_.into(work.stage));
            row.push_back(work);
            append(row, work, Op::send_activation, links_.out_of(work.stage));
        } else if (makes_input_gradient(work.op)) {
            append(row, work, Op::receive_gradient, links_.out_of(work.stage));
            row.push_back(work);
            append(row, work, Op::send_gradient, links_.into(work.stage));
        } else {
            row.push_back(work);
        }
    }

  private:
    Schedule const& schedule_;
    LinkTable const& links_;

    void append(Row& row, Instruction const& work, Op op, std::vector<int> const& links) const {
        for (int const link : links) {
            auto const [from, to] = links_[link];
            int const peer = from == work.stage ? to : from;
            if (schedule_.row_of(work.pipe, peer) == schedule_.row_of(work.pipe, work.stage)) { continue; }
            Instruction message = work;
            message.op = op;
            message.peer = static_cast<std::int16_t>(peer);
            row.push_back(message);
        }
    }
};

/// Slots of one stage: the lowest that is free. Micro-batches come one after another, so no more are taken than live at
/// a time.
class Slots {
  public:
    int take() {
        if (free_.empty()) { return count_++; }
        int const slot = free_.top();
        free_.pop();
        return slot;
    }
    void give_back(int slot) { free_.push(slot); }

  private:
    std::priority_queue<int, std::vector<int>, std::greater<>> free_;
    int count_ = 0;
};

class SlotGiver {
  public:
    explicit SlotGiver(WorkIndex const& index)
        : index_(index), slots_(index.stage_count()), slot_of_(index.work_count(), -1), last_(index.work_count(), 0) {}

    void give(Row& row) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (has_micro_batch(row[i].op)) { last_[index_.work(row[i])] = i; }
        }
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (has_micro_batch(row[i].op)) { give(row[i], i); }
        }
    }

  private:
    WorkIndex const& index_;
    std::vector<Slots> slots_;       ///< by stage
    std::vector<int> slot_of_;       ///< by work, -1: none yet
    std::vector<std::size_t> last_;  ///< by work: place of its last instruction

    void give(Instruction& one, std::size_t place) {
        std::size_t const work = index_.work(one);
        Slots& slots = slots_[index_.stage(one)];
        if (slot_of_[work] == -1) { slot_of_[work] = slots.take(); }
        one.buffer = static_cast<std::int16_t>(slot_of_[work]);
        if (last_[work] == place) { slots.give_back(slot_of_[work]); }
    }
};

}  // namespace

Schedule lower(Schedule compute, std::span<Link const> links) {
    LinkTable const table(compute.stages, links);
    WorkIndex const index(compute, table.count());
    Messenger const messenger(compute, table);
    SlotGiver giver(index);
    for (Row& row : compute.rows) {
        advance_reduces(row, index);
        Row lowered;
        for (Instruction const& one : row) {
            require(!is_message(one.op), "schedule {} has messages already ({}): lower the order of computation alone",
                    compute.name, notation(one));
            messenger.append_with_messages(lowered, one);
        }
        giver.give(lowered);
        row = std::move(lowered);
    }
    return compute;
}

int frames(Schedule const& schedule, int pipe, int stage) {
    int count = 0;
    for (Instruction const& one : schedule.rows[as_size(schedule.row_of(pipe, stage))]) {
        if (one.pipe == pipe && one.stage == stage && has_micro_batch(one.op)) {
            count = std::max(count, one.buffer + 1);
        }
    }
    return count;
}

}  // namespace aureole
