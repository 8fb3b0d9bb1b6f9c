// Runs the rows of a schedule with everything that blocks, and nothing else, to see who waits for ever.
#include "parallel/schedule/inspection.hpp"
#include "parallel/schedule/row_queue.hpp"

namespace aureole {

namespace {

class Runner {
  public:
    explicit Runner(Inspection& inspection);
    void run();
    void report_waiting();

  private:
    Inspection& inspection_;
    Schedule const& schedule_;
    std::vector<std::size_t> done_;  ///< by row
    std::vector<int> in_flight_;     ///< by sender and receiver
    std::vector<int> arrived_;       ///< by message
    std::vector<int> reduces_;       ///< by stage
    std::vector<int> updates_;       ///< by stage
    RowQueue queue_;

    void run_row(int row);
    [[nodiscard]] int other_row(Instruction const& one) const { return schedule_.row_of(one.pipe, one.peer); }
    [[nodiscard]] int& in_flight(int from, int to) { return in_flight_[as_size(from * schedule_.ranks + to)]; }
    [[nodiscard]] int& arrived(Instruction const& one) {
        return arrived_[inspection_.index.message(one, inspection_.links.link_of(one))];
    }
    [[nodiscard]] bool is_full(int from, int to) {
        int const most = inspection_.limits.messages_in_flight;
        return most > 0 && in_flight(from, to) >= most;
    }
    [[nodiscard]] bool is_reduced(Instruction const& one) const;
    [[nodiscard]] bool is_blocked(int row, Instruction const& one);
    void finish(int row, Instruction const& one);
};

Runner::Runner(Inspection& inspection)
    : inspection_(inspection),
      schedule_(inspection.schedule),
      done_(schedule_.rows.size(), 0),
      in_flight_(schedule_.rows.size() * schedule_.rows.size(), 0),
      arrived_(inspection.index.message_count(), 0),
      reduces_(inspection.index.stage_count(), 0),
      updates_(inspection.index.stage_count(), 0),
      queue_(schedule_.ranks) {}

void Runner::run() {
    while (!queue_.empty()) { run_row(queue_.take()); }
}

void Runner::run_row(int row) {
    std::vector<Instruction> const& list = schedule_.rows[as_size(row)];
    std::size_t& done = done_[as_size(row)];
    for (; done < list.size() && !is_blocked(row, list[done]); ++done) { finish(row, list[done]); }
}

bool Runner::is_reduced(Instruction const& one) const {
    for (int pipe = 0; pipe < inspection_.pipes(); ++pipe) {
        if (reduces_[inspection_.index.stage(pipe, one.stage)] <= updates_[inspection_.index.stage(one)]) {
            return false;
        }
    }
    return true;
}

bool Runner::is_blocked(int row, Instruction const& one) {
    if (is_send(one.op)) { return is_full(row, other_row(one)); }
    if (is_receive(one.op)) { return arrived(one) == 0; }
    return one.op == Op::update && !is_reduced(one);
}

void Runner::finish(int row, Instruction const& one) {
    if (is_send(one.op)) {
        ++arrived(one);
        ++in_flight(row, other_row(one));
        queue_.wake(other_row(one));
    } else if (is_receive(one.op)) {
        --arrived(one);
        --in_flight(other_row(one), row);
        queue_.wake(other_row(one));
    } else if (one.op == Op::reduce) {
        ++reduces_[inspection_.index.stage(one)];
        for (std::vector<int> const& pipe : schedule_.placement) { queue_.wake(pipe[as_size(one.stage)]); }
    } else if (one.op == Op::update) {
        ++updates_[inspection_.index.stage(one)];
    }
}

void Runner::report_waiting() {
    for (int row = 0; row < schedule_.ranks; ++row) {
        std::size_t const position = done_[as_size(row)];
        if (position == schedule_.rows[as_size(row)].size()) { continue; }
        Instruction const& one = schedule_.rows[as_size(row)][position];
        if (one.op == Op::update) {
            inspection_.report_at(row, position, "waits for ever (deadlock), for the sum over its replicas");
        } else if (is_send(one.op)) {
            inspection_.report_at(row, position, "waits for ever (deadlock), with {} messages to row {} in flight",
                                  inspection_.limits.messages_in_flight, other_row(one));
        } else {
            inspection_.report_at(row, position, "waits for ever (deadlock), for a message from row {}",
                                  other_row(one));
        }
    }
}

}  // namespace

void check_progress(Inspection& inspection) {
    Runner runner(inspection);
    runner.run();
    runner.report_waiting();
}

}  // namespace aureole
