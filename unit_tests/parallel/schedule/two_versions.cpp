#include "unit_tests/parallel/schedule/two_versions.hpp"

#include "parallel/schedule/generate.hpp"
#include "parallel/schedule/links.hpp"

namespace aureole::test {

namespace {

class RowMaker {
  public:
    RowMaker(int stage, int micro_batches) : stage_(static_cast<std::int16_t>(stage)), size_(micro_batches) {}

    void append(Instruction one) {
        int const step = one.micro_batch / size_;
        if (one.op == Op::forward) {
            flip_for(step);
            version_.push_back(forward_slot_);
        }
        one.version = static_cast<std::int16_t>(version_[as_size(one.micro_batch)]);
        row_.push_back(one);
        if (one.op == Op::backward && (one.micro_batch + 1) % size_ == 0) { end_step(step); }
    }
    [[nodiscard]] std::vector<Instruction> take() { return std::move(row_); }

  private:
    std::int16_t stage_;
    int size_, flipped_ = 0, newest_slot_ = 0, forward_slot_ = 0;
    std::vector<int> version_;  ///< by micro-batch
    std::vector<Instruction> row_;

    void flip_for(int step) {
        if (flipped_ >= step) { return; }
        flipped_ = step;
        forward_slot_ = newest_slot_;
        row_.push_back({.op = Op::flip, .stage = stage_});
    }

    void end_step(int step) {
        row_.push_back({.op = Op::reduce, .stage = stage_});
        flip_for(step + 1);
        newest_slot_ = (step + 1) % 2;
        row_.push_back({.op = Op::update, .stage = stage_, .version = static_cast<std::int16_t>(newest_slot_)});
    }
};

}  // namespace

Schedule two_versions(int ranks, int steps, int micro_batches) {
    Schedule schedule = generate({ScheduleKind::one_f_one_b, ranks, 1, steps * micro_batches});
    schedule.name = "2bw";
    schedule.micro_batches = micro_batches;
    schedule.versions = 2;
    for (int stage = 0; stage < ranks; ++stage) {
        RowMaker maker(stage, micro_batches);
        for (Instruction const& one : schedule.rows[as_size(stage)]) {
            if (one.op == Op::forward || one.op == Op::backward) { maker.append(one); }
        }
        schedule.rows[as_size(stage)] = maker.take();
    }
    return schedule;
}

}  // namespace aureole::test
