// Frames of activations: are they kept as long as they are needed, and is there memory for them?
#include "parallel/schedule/inspection.hpp"
#include "parallel/schedule/lower.hpp"

namespace aureole {

namespace {

/// Who has a frame.
struct Holder {
    int micro_batch = -1;
    std::size_t until = 0;  ///< position of the last instruction that needs it
};

class Frames {
  public:
    explicit Frames(Inspection& inspection);
    void visit(int row, std::size_t position, Instruction const& one);

  private:
    Inspection& inspection_;
    std::vector<std::size_t> last_;             ///< by work: position of its last instruction
    std::vector<int> slot_of_;                  ///< by work, -1: none yet
    std::vector<std::vector<Holder>> holders_;  ///< by stage, then slot
};

Frames::Frames(Inspection& inspection)
    : inspection_(inspection),
      last_(inspection.index.work_count(), 0),
      slot_of_(inspection.index.work_count(), -1),
      holders_(inspection.index.stage_count()) {
    inspection.for_each([&](int, std::size_t position, Instruction const& one) {
        if (has_micro_batch(one.op)) { last_[inspection.index.work(one)] = position; }
    });
}

void Frames::visit(int row, std::size_t position, Instruction const& one) {
    if (one.buffer < 0) { return inspection_.report_at(row, position, "has no slot for its frame"); }
    std::size_t const work = inspection_.index.work(one);
    int& slot = slot_of_[work];
    if (slot != -1 && slot != one.buffer) {
        inspection_.report_at(row, position, "uses slot {}, where the frame of its micro-batch is in slot {}",
                              one.buffer, slot);
    }
    if (slot == -1) { slot = one.buffer; }
    std::vector<Holder>& holders = holders_[inspection_.index.stage(one)];
    if (as_size(one.buffer) >= holders.size()) { holders.resize(as_size(one.buffer) + 1); }
    Holder& holder = holders[as_size(one.buffer)];
    if (holder.micro_batch != -1 && holder.micro_batch != one.micro_batch && holder.until > position) {
        inspection_.report_at(row, position, "overwrites slot {}, which micro-batch {} needs until position {}",
                              one.buffer, holder.micro_batch, holder.until);
    }
    holder = {one.micro_batch, last_[work]};
}

std::int64_t bytes_of(std::vector<std::int64_t> const& list, int i) {
    return as_size(i) < list.size() ? list[as_size(i)] : 0;
}

}  // namespace

void check_slots(Inspection& inspection) {
    Frames frames(inspection);
    inspection.for_each([&](int row, std::size_t position, Instruction const& one) {
        if (has_micro_batch(one.op)) { frames.visit(row, position, one); }
    });
}

void check_memory(Inspection& inspection) {
    auto const& [in_flight, frame_bytes, fixed_bytes, budget_bytes] = inspection.limits;
    if (budget_bytes.empty()) { return; }
    std::vector<std::int64_t> need(inspection.schedule.rows.size(), 0);
    for (int pipe = 0; pipe < inspection.pipes(); ++pipe) {
        for (int stage = 0; stage < inspection.schedule.stages; ++stage) {
            need[as_size(inspection.schedule.row_of(pipe, stage))] +=
                frames(inspection.schedule, pipe, stage) * bytes_of(frame_bytes, stage);
        }
    }
    for (int row = 0; row < inspection.schedule.ranks; ++row) {
        std::int64_t const fixed = bytes_of(fixed_bytes, row), budget = bytes_of(budget_bytes, row);
        if (need[as_size(row)] + fixed <= budget) { continue; }
        inspection.report("row {}: frames of {} bytes and {} fixed bytes exceed its {} bytes", row, need[as_size(row)],
                          fixed, budget);
    }
}

}  // namespace aureole
