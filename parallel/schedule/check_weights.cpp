// Which weights every pass reads, and whether updates come where the gradients of their step are whole.
#include <algorithm>

#include "parallel/schedule/inspection.hpp"

namespace aureole {

namespace {

/// Weights and gradients of one stage while its row is read. Generations count the updates that made a version.
struct StageState {
    std::vector<int> generation;  ///< by slot of versions
    int newest = 0;               ///< generation
    int newest_slot = 0;
    int forward_slot = 0;  ///< that forwards must read
    int gradients = 0;     ///< micro-batches of this step that have been added
    bool is_reduced = false;
};

/// What a micro-batch's forward on a stage has read.
struct Read {
    int generation = -1, slot = -1;
};

class Weights {
  public:
    explicit Weights(Inspection& inspection);
    void visit(int row, std::size_t position, Instruction const& one);
    void finish();

  private:
    Inspection& inspection_;
    std::vector<StageState> stages_;          ///< by stage
    std::vector<Read> reads_;                 ///< by work
    std::vector<std::vector<int>> expected_;  ///< by pipe and step: micro-batches

    [[nodiscard]] int expected(Instruction const& one, int step) const {
        return step < inspection_.steps ? expected_[one.pipe][as_size(step)] : 0;
    }
    [[nodiscard]] StageState& state_of(Instruction const& one) { return stages_[inspection_.index.stage(one)]; }
    void forward(int row, std::size_t position, Instruction const& one);
    void backward(int row, std::size_t position, Instruction const& one);
    void add_gradient(int row, std::size_t position, Instruction const& one);
    void reduce(int row, std::size_t position, Instruction const& one);
    void update(int row, std::size_t position, Instruction const& one);
    void check_staleness(int pipe, int stage);
};

Weights::Weights(Inspection& inspection)
    : inspection_(inspection),
      stages_(inspection.index.stage_count()),
      reads_(inspection.index.work_count()),
      expected_(as_size(inspection.pipes()), std::vector<int>(as_size(inspection.steps), 0)) {
    for (StageState& state : stages_) { state.generation.assign(as_size(inspection.schedule.versions), 0); }
    for (int i = 0; i < inspection.first_of(inspection.steps); ++i) {
        int const pipe = inspection.pipe_of[as_size(i)];
        if (pipe != -1) { ++expected_[as_size(pipe)][as_size(i / inspection.schedule.micro_batches)]; }
    }
}

void Weights::visit(int row, std::size_t position, Instruction const& one) {
    switch (one.op) {
        case Op::forward: return forward(row, position, one);
        case Op::backward:
        case Op::input_gradient:
        case Op::weight_gradient: return backward(row, position, one);
        case Op::reduce: return reduce(row, position, one);
        case Op::update: return update(row, position, one);
        case Op::flip: state_of(one).forward_slot = state_of(one).newest_slot; return;
        default: return;
    }
}

void Weights::forward(int row, std::size_t position, Instruction const& one) {
    StageState const& state = state_of(one);
    if (one.version != state.forward_slot) {
        inspection_.report_at(row, position, "reads version {} of the weights where forwards read {}", one.version,
                              state.forward_slot);
    }
    reads_[inspection_.index.work(one)] = {state.generation[as_size(one.version)], one.version};
}

void Weights::backward(int row, std::size_t position, Instruction const& one) {
    StageState const& state = state_of(one);
    Read const& read = reads_[inspection_.index.work(one)];
    if (read.slot != -1 && read.slot != one.version) {
        inspection_.report_at(row, position, "reads version {} of the weights, its forward read {}", one.version,
                              read.slot);
    } else if (read.slot != -1 && read.generation != state.generation[as_size(one.version)]) {
        inspection_.report_at(row, position, "version {} of the weights has been updated since its forward",
                              one.version);
    }
    if (makes_weight_gradient(one.op)) { add_gradient(row, position, one); }
}

void Weights::add_gradient(int row, std::size_t position, Instruction const& one) {
    StageState& state = state_of(one);
    int const step = one.micro_batch / inspection_.schedule.micro_batches;
    if (step != state.newest) {
        inspection_.report_at(row, position, "adds to the gradients of step {} what belongs to step {}", state.newest,
                              step);
    } else if (state.is_reduced) {
        inspection_.report_at(row, position, "adds to gradients that are being summed already");
    }
    ++state.gradients;
}

void Weights::reduce(int row, std::size_t position, Instruction const& one) {
    StageState& state = state_of(one);
    int const expected = this->expected(one, state.newest);
    if (state.gradients < expected) {
        inspection_.report_at(row, position, "sums gradients of {} of the step's {} micro-batches", state.gradients,
                              expected);
    }
    if (state.is_reduced) { inspection_.report_at(row, position, "sums gradients that are summed already"); }
    state.is_reduced = true;
}

void Weights::update(int row, std::size_t position, Instruction const& one) {
    StageState& state = state_of(one);
    int const expected = this->expected(one, state.newest);
    if (!state.is_reduced) { inspection_.report_at(row, position, "no reduce comes before it"); }
    if (state.gradients != expected) {
        inspection_.report_at(row, position, "has gradients of {} micro-batches, not of the step's {}", state.gradients,
                              expected);
    }
    ++state.newest;
    state.newest_slot = one.version;
    state.generation[as_size(one.version)] = state.newest;
    // Without a second version to write to, there is nothing to flip.
    if (inspection_.schedule.versions == 1) { state.forward_slot = state.newest_slot; }
    state.gradients = 0;
    state.is_reduced = false;
}

void Weights::finish() {
    for (int pipe = 0; pipe < inspection_.pipes(); ++pipe) {
        for (int stage = 0; stage < inspection_.schedule.stages; ++stage) {
            int const updates = stages_[inspection_.index.stage(pipe, stage)].newest;
            if (updates != inspection_.steps) {
                inspection_.report("row {}: stage {} has {} updates in {} steps",
                                   inspection_.schedule.row_of(pipe, stage), stage, updates, inspection_.steps);
            }
            check_staleness(pipe, stage);
        }
    }
}

/// A step's forwards should read the generation of its number. They may all be late by the same number of updates, but
/// for the first steps, which find no older weights than the initial ones.
void Weights::check_staleness(int pipe, int stage) {
    int const size = inspection_.schedule.micro_batches, batches = inspection_.index.batches();
    auto const delay_of = [&](int i) {
        int const generation = reads_[inspection_.index.work(pipe, stage, i)].generation;
        return generation == -1 ? -1 : i / size - generation;
    };
    int most = 0;
    for (int i = 0; i < batches; ++i) { most = std::max(most, delay_of(i)); }
    for (int i = 0; i < batches; ++i) {
        int const delay = delay_of(i), expected = std::min(i / size, most);
        if (reads_[inspection_.index.work(pipe, stage, i)].generation == -1 || delay == expected) { continue; }
        inspection_.report(
            "row {}: stage {} reads weights for micro-batch {} that are late by {} updates, where others are by {}",
            inspection_.schedule.row_of(pipe, stage), stage, i, delay, expected);
    }
}

}  // namespace

void check_weights(Inspection& inspection) {
    Weights weights(inspection);
    inspection.for_each([&](int row, std::size_t i, Instruction const& one) { weights.visit(row, i, one); });
    weights.finish();
}

}  // namespace aureole
