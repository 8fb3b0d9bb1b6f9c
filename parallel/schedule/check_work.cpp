// What a schedule computes: is everything there, once, on its row, after what it needs, with its messages?
#include <algorithm>

#include "parallel/schedule/inspection.hpp"

namespace aureole {

namespace {

/// Faults of the frame itself, after which nothing can be looked up.
bool check_frame(Schedule const& schedule, std::vector<std::string>& found) {
    auto const& [name, ranks, stages, micro_batches, placement, versions, rows] = schedule;
    if (ranks < 1 || stages < 1 || micro_batches < 1 || versions < 1 || placement.empty() || placement.size() > 255) {
        found.push_back(
            fmt::format("{} ranks, {} stages, {} micro-batches, {} versions, {} pipes: all must be at least "
                        "1",
                        ranks, stages, micro_batches, versions, placement.size()));
        return false;
    }
    if (rows.size() != as_size(ranks)) {
        found.push_back(fmt::format("{} rows for {} ranks: a rank has one row", rows.size(), ranks));
        return false;
    }
    for (std::vector<int> const& pipe : placement) {
        bool const in_range = std::all_of(pipe.begin(), pipe.end(),
                                          [rows_there = ranks](int row) { return 0 <= row && row < rows_there; });
        if (pipe.size() != as_size(stages) || !in_range) {
            found.push_back(
                fmt::format("a pipe does not place each of its {} stages on one of {} rows", stages, ranks));
            return false;
        }
    }
    return true;
}

int count_steps(Schedule const& schedule) {
    WorkIndex const index(schedule, 0);
    std::vector<int> updates(index.stage_count(), 0);
    int steps = 1;
    for (std::vector<Instruction> const& row : schedule.rows) {
        for (Instruction const& one : row) {
            if (one.op == Op::update) { steps = std::max(steps, ++updates[index.stage(one)]); }
        }
    }
    return steps;
}

/// What is wrong with an instruction by itself; empty: nothing.
std::string fault_of(Schedule const& schedule, LinkTable const& links, int row, Instruction const& one) {
    if (as_size(one.pipe) >= schedule.placement.size()) { return fmt::format("there is no pipe {}", one.pipe); }
    if (one.stage < 0 || one.stage >= schedule.stages) { return fmt::format("there is no stage {}", one.stage); }
    int const place = schedule.row_of(one.pipe, one.stage);
    if (place != row) { return fmt::format("stage {} is placed on row {}", one.stage, place); }
    if (one.micro_batch < 0) { return "its micro-batch is negative"; }
    if (one.version < 0 || one.version >= schedule.versions) {
        return fmt::format("there is no version {} of the weights, only {}", one.version, schedule.versions);
    }
    if (!is_message(one.op)) { return {}; }
    if (links.link_of(one) == -1) {
        return fmt::format("no link runs that way between stages {} and {}", one.stage, one.peer);
    }
    if (schedule.row_of(one.pipe, one.peer) == row) { return "both stages are on this row: no message is needed"; }
    return {};
}

/// Numbers of micro-batches so high that tables of them would not fit, for work that is not there anyway.
bool check_micro_batches(Schedule const& schedule, std::vector<std::string>& found) {
    std::int64_t instructions = 0;
    for (std::vector<Instruction> const& row : schedule.rows) { instructions += static_cast<std::int64_t>(row.size()); }
    std::int64_t const batches = static_cast<std::int64_t>(count_steps(schedule)) * schedule.micro_batches;
    if (batches > instructions) {
        found.push_back(fmt::format("{} micro-batches in all, but only {} instructions", batches, instructions));
        return false;
    }
    bool good = true;
    for (std::size_t row = 0; row < schedule.rows.size(); ++row) {
        for (std::size_t i = 0; i < schedule.rows[row].size(); ++i) {
            Instruction const& one = schedule.rows[row][i];
            if (!has_micro_batch(one.op) || one.micro_batch < batches) { continue; }
            good = false;
            found.push_back(fmt::format("row {}, position {} ({}): there are only {} micro-batches", row, i,
                                        notation(one), batches));
        }
    }
    return good;
}

/// How often something occurs on a stage for a micro-batch.
struct Counts {
    int forward = 0, backward = 0, input_gradient = 0, weight_gradient = 0;

    int& of(Op op) {
        if (op == Op::forward) { return forward; }
        if (op == Op::backward) { return backward; }
        return op == Op::input_gradient ? input_gradient : weight_gradient;
    }
    [[nodiscard]] bool none() const { return forward + backward + input_gradient + weight_gradient == 0; }
};

void report_missing(Inspection& inspection, Counts const& counts, int pipe, int stage, int micro_batch) {
    auto const report = [&](std::string_view what) {
        inspection.report("row {}: stage {} has no {} of micro-batch {}", inspection.schedule.row_of(pipe, stage),
                          stage, what, micro_batch);
    };
    if (counts.forward == 0) { report("forward"); }
    if (counts.backward > 0) { return; }
    if (counts.input_gradient == 0 && counts.weight_gradient == 0) { return report("backward"); }
    if (counts.input_gradient == 0) { report("input gradient"); }
    if (counts.weight_gradient == 0) { report("weight gradient"); }
}

/// Tables of what a row has done so far; stages lie on one row, so that all rows share them.
class Flow {
  public:
    explicit Flow(Inspection& inspection)
        : inspection_(inspection),
          has_forward_(inspection.index.work_count(), false),
          has_gradient_(inspection.index.work_count(), false),
          has_received_(inspection.index.message_count(), false) {}

    void visit(int row, std::size_t position, Instruction const& one) {
        std::size_t const work = inspection_.index.work(one);
        LinkTable const& links = inspection_.links;
        if (one.op == Op::forward) {
            need_all(row, position, one, links.into(one.stage));
            has_forward_[work] = true;
        } else if (makes_input_gradient(one.op)) {
            need(row, position, has_forward_[work], "its forward");
            need_all(row, position, one, links.out_of(one.stage));
            has_gradient_[work] = true;
        } else if (one.op == Op::send_activation) {
            need(row, position, has_forward_[work], "the forward that makes it");
        } else if (one.op == Op::send_gradient) {
            need(row, position, has_gradient_[work], "the backward that makes it");
        } else if (one.op == Op::weight_gradient) {
            need(row, position, has_gradient_[work], "its input gradient");
        } else {
            has_received_[inspection_.index.message(one, links.link_of(one))] = true;
        }
    }

  private:
    Inspection& inspection_;
    std::vector<bool> has_forward_, has_gradient_;  ///< by work
    std::vector<bool> has_received_;                ///< by message

    void need(int row, std::size_t position, bool is_there, std::string_view what) {
        if (!is_there) { inspection_.report_at(row, position, "{} does not come before it", what); }
    }

    void need_all(int row, std::size_t position, Instruction const& one, std::vector<int> const& links) {
        bool const is_forward = one.op == Op::forward;
        std::string_view const what = is_forward ? "output" : "gradient";
        for (int const link : links) {
            int const other = is_forward ? inspection_.links[link].from : inspection_.links[link].to;
            bool const is_here = inspection_.schedule.row_of(one.pipe, other) == row;
            std::vector<bool> const& made = is_forward ? has_forward_ : has_gradient_;
            Instruction message = one;
            message.op = is_forward ? Op::receive_activation : Op::receive_gradient;
            if (is_here && !made[inspection_.index.work(one.pipe, other, one.micro_batch)]) {
                inspection_.report_at(row, position, "the {} of stage {} on this row is not made before it", what,
                                      other);
            } else if (!is_here && !has_received_[inspection_.index.message(message, link)]) {
                inspection_.report_at(row, position, "the {} of stage {} is not received before it", what, other);
            }
        }
    }
};

}  // namespace

bool check_shape(Schedule const& schedule, LinkTable const& links, std::vector<std::string>& found) {
    if (!check_frame(schedule, found)) { return false; }
    for (std::size_t row = 0; row < schedule.rows.size(); ++row) {
        for (std::size_t i = 0; i < schedule.rows[row].size(); ++i) {
            Instruction const& one = schedule.rows[row][i];
            std::string const fault = fault_of(schedule, links, static_cast<int>(row), one);
            if (fault.empty()) { continue; }
            found.push_back(fmt::format("row {}, position {} ({}): {}", row, i, notation(one), fault));
        }
    }
    return found.empty() && check_micro_batches(schedule, found);
}

Inspection inspect(Schedule const& schedule, LinkTable const& links, Limits const& limits) {
    int const steps = count_steps(schedule);
    Inspection inspection{schedule, links, limits, WorkIndex(schedule, links.count()), steps, {}, {}};
    int const batches = std::max(inspection.first_of(steps), inspection.index.batches());
    inspection.pipe_of.assign(as_size(batches), -1);
    inspection.for_each([&](int, std::size_t, Instruction const& one) {
        if (!is_compute(one.op)) { return; }
        int& pipe = inspection.pipe_of[as_size(one.micro_batch)];
        if (pipe == -1) { pipe = one.pipe; }
    });
    return inspection;
}

void check_completeness(Inspection& inspection) {
    WorkIndex const& index = inspection.index;
    std::vector<Counts> counts(index.work_count());
    inspection.for_each([&](int row, std::size_t position, Instruction const& one) {
        if (!is_compute(one.op)) { return; }
        Counts& mine = counts[index.work(one)];
        int const pipe = inspection.pipe_of[as_size(one.micro_batch)];
        if (pipe != one.pipe) { inspection.report_at(row, position, "its micro-batch belongs to pipe {} too", pipe); }
        if (++mine.of(one.op) == 2) { inspection.report_at(row, position, "a micro-batch has this once"); }
        if (mine.backward > 0 && mine.input_gradient + mine.weight_gradient > 0) {
            inspection.report_at(row, position, "a micro-batch has a backward or both halves of one");
        }
    });
    for (int i = 0; i < inspection.first_of(inspection.steps); ++i) {
        int const pipe = inspection.pipe_of[as_size(i)];
        if (pipe == -1) {
            inspection.report("micro-batch {} is on no row", i);
            continue;
        }
        for (int stage = 0; stage < inspection.schedule.stages; ++stage) {
            report_missing(inspection, counts[index.work(pipe, stage, i)], pipe, stage, i);
        }
    }
}

void check_flow(Inspection& inspection) {
    Flow flow(inspection);
    inspection.for_each([&](int row, std::size_t position, Instruction const& one) {
        if (has_micro_batch(one.op)) { flow.visit(row, position, one); }
    });
}

void check_messages(Inspection& inspection) {
    struct Ends {
        int sends = 0, receives = 0;
    };
    std::vector<Ends> ends(inspection.index.message_count());
    auto const ends_of = [&](Instruction const& one) -> Ends& {
        return ends[inspection.index.message(one, inspection.links.link_of(one))];
    };
    inspection.for_each([&](int row, std::size_t position, Instruction const& one) {
        if (!is_message(one.op)) { return; }
        int& count = is_send(one.op) ? ends_of(one).sends : ends_of(one).receives;
        if (++count == 2) { inspection.report_at(row, position, "this message has been here before"); }
    });
    inspection.for_each([&](int row, std::size_t position, Instruction const& one) {
        if (!is_message(one.op)) { return; }
        bool const is_matched = is_send(one.op) ? ends_of(one).receives > 0 : ends_of(one).sends > 0;
        if (is_matched) { return; }
        inspection.report_at(row, position, "row {} never {} it", inspection.schedule.row_of(one.pipe, one.peer),
                             is_send(one.op) ? "receives" : "sends");
    });
}

}  // namespace aureole
