#include "parallel/schedule/simulate.hpp"

#include <algorithm>
#include <optional>

#include "core/error.hpp"
#include "parallel/schedule/links.hpp"
#include "parallel/schedule/row_queue.hpp"

namespace aureole {

namespace {

constexpr double not_yet = -1;

class Simulator {
  public:
    Simulator(Schedule const& schedule, std::span<Link const> links, Costs const& costs);
    void run();
    [[nodiscard]] std::vector<Event> take_events() { return std::move(events_); }

  private:
    Schedule const& schedule_;
    LinkTable links_;
    Costs const& costs_;
    WorkIndex index_;
    bool has_messages_ = false;
    std::vector<Event> events_;
    std::vector<std::size_t> first_event_;            ///< by row
    std::vector<std::size_t> done_;                   ///< by row: instructions that have run
    std::vector<double> clock_, network_clock_;       ///< by row
    std::vector<double> forward_end_, gradient_end_;  ///< by work
    std::vector<double> arrival_;                     ///< by message
    std::vector<std::vector<double>> reduce_end_;     ///< by stage, then step
    std::vector<std::size_t> updates_;                ///< by stage: how many have run
    RowQueue queue_;

    [[nodiscard]] static double seconds(std::vector<double> const& list, int i) {
        return list.empty() ? 0 : list[as_size(i)];
    }
    void check_costs() const;
    void wake_users(Instruction const& one);
    void run_row(int row);
    bool try_instruction(int row, Instruction const& one);
    [[nodiscard]] std::optional<double> ready_time(int row, Instruction const& one) const;
    [[nodiscard]] std::optional<double> inputs_ready(int row, Instruction const& one, std::vector<int> const& links,
                                                     std::vector<double> const& made) const;
    [[nodiscard]] std::optional<double> reduced(Instruction const& one) const;
    [[nodiscard]] double duration(Instruction const& one) const;
    void finish(Instruction const& one, double end);
    [[noreturn]] void fail_stalled() const;
};

Simulator::Simulator(Schedule const& schedule, std::span<Link const> links, Costs const& costs)
    : schedule_(schedule),
      links_(schedule.stages, links),
      costs_(costs),
      index_(schedule, links_.count()),
      queue_(schedule.ranks) {
    check_costs();
    std::size_t const rows = schedule.rows.size();
    std::size_t instructions = 0;
    for (std::vector<Instruction> const& row : schedule.rows) {
        first_event_.push_back(instructions);
        instructions += row.size();
        has_messages_ |= std::any_of(row.begin(), row.end(), [](Instruction const& i) { return is_message(i.op); });
    }
    events_.resize(instructions);
    done_.assign(rows, 0);
    clock_.assign(rows, 0);
    network_clock_.assign(rows, 0);
    forward_end_.assign(index_.work_count(), not_yet);
    gradient_end_.assign(index_.work_count(), not_yet);
    arrival_.assign(has_messages_ ? index_.message_count() : 0, not_yet);
    reduce_end_.resize(index_.stage_count());
    updates_.assign(index_.stage_count(), 0);
}

void Simulator::check_costs() const {
    auto const fits = [](std::size_t size, int count) { return size == 0 || size == as_size(count); };
    int const stages = schedule_.stages;
    require(costs_.stages.size() == as_size(stages), "times of {} stages for {} stages", costs_.stages.size(), stages);
    require(fits(costs_.messages.size(), links_.count()), "times of messages of {} links for {} links",
            costs_.messages.size(), links_.count());
    require(fits(costs_.reduce.size(), stages) && fits(costs_.update.size(), stages),
            "reduce and update need one time for each of the {} stages", stages);
    require(fits(costs_.frame_bytes.size(), stages), "bytes of {} frames for {} stages", costs_.frame_bytes.size(),
            stages);
}

void Simulator::run() {
    while (!queue_.empty()) { run_row(queue_.take()); }
    for (int row = 0; row < schedule_.ranks; ++row) {
        if (done_[as_size(row)] < schedule_.rows[as_size(row)].size()) { fail_stalled(); }
    }
}

void Simulator::wake_users(Instruction const& one) {
    if (is_send(one.op)) { queue_.wake(schedule_.row_of(one.pipe, one.peer)); }
    if (one.op == Op::forward) {
        for (int const link : links_.out_of(one.stage)) { queue_.wake(schedule_.row_of(one.pipe, links_[link].to)); }
    } else if (makes_input_gradient(one.op)) {
        for (int const link : links_.into(one.stage)) { queue_.wake(schedule_.row_of(one.pipe, links_[link].from)); }
    } else if (one.op == Op::reduce) {
        for (std::vector<int> const& rows : schedule_.placement) { queue_.wake(rows[as_size(one.stage)]); }
    }
}

void Simulator::run_row(int row) {
    std::vector<Instruction> const& instructions = schedule_.rows[as_size(row)];
    std::size_t& done = done_[as_size(row)];
    while (done < instructions.size() && try_instruction(row, instructions[done])) {
        wake_users(instructions[done]);
        ++done;
    }
}

bool Simulator::try_instruction(int row, Instruction const& one) {
    std::optional<double> const ready = ready_time(row, one);
    if (!ready) { return false; }
    double& clock = one.op == Op::reduce ? network_clock_[as_size(row)] : clock_[as_size(row)];
    double start = std::max({clock, clock_[as_size(row)], *ready});
    double const end = start + duration(one);
    if (is_receive(one.op)) { start = clock; }  // the wait is its time
    clock = end;
    events_[first_event_[as_size(row)] + done_[as_size(row)]] = {row,   one.op, one.pipe, one.stage, one.micro_batch,
                                                                 start, end};
    finish(one, end);
    return true;
}

/// When the instruction can start, as far as others decide; none if they have not come so far.
std::optional<double> Simulator::ready_time(int row, Instruction const& one) const {
    if (one.op == Op::update) { return reduced(one); }
    if (is_receive(one.op)) {
        double const arrival = arrival_[index_.message(one, links_.link_of(one))];
        return arrival == not_yet ? std::nullopt : std::optional(arrival);
    }
    if (one.op == Op::forward) { return inputs_ready(row, one, links_.into(one.stage), forward_end_); }
    if (makes_input_gradient(one.op)) { return inputs_ready(row, one, links_.out_of(one.stage), gradient_end_); }
    return 0;
}

std::optional<double> Simulator::inputs_ready(int row, Instruction const& one, std::vector<int> const& links,
                                              std::vector<double> const& made) const {
    double ready = 0;
    for (int const link : links) {
        int const other = links_[link].from == one.stage ? links_[link].to : links_[link].from;
        bool const is_here = schedule_.row_of(one.pipe, other) == row;
        if (has_messages_ && !is_here) { continue; }  // its receive has waited
        double const end = made[index_.work(one.pipe, other, one.micro_batch)];
        if (end == not_yet) { return std::nullopt; }
        ready = std::max(ready, end + (is_here ? 0 : seconds(costs_.messages, link)));
    }
    return ready;
}

/// An update waits for the sums over all replicas of its stage.
std::optional<double> Simulator::reduced(Instruction const& one) const {
    std::size_t const step = updates_[index_.stage(one)];
    double ready = 0;
    for (std::size_t pipe = 0; pipe < schedule_.placement.size(); ++pipe) {
        std::vector<double> const& ends = reduce_end_[index_.stage(static_cast<int>(pipe), one.stage)];
        if (ends.size() <= step) { return std::nullopt; }
        ready = std::max(ready, ends[step]);
    }
    return ready;
}

double Simulator::duration(Instruction const& one) const {
    StageTimes const& times = costs_.stages[as_size(one.stage)];
    switch (one.op) {
        case Op::forward: return times.forward;
        case Op::backward: return times.backward();
        case Op::input_gradient: return times.input_gradient;
        case Op::weight_gradient: return times.weight_gradient;
        case Op::reduce: return seconds(costs_.reduce, one.stage);
        case Op::update: return seconds(costs_.update, one.stage);
        default: return 0;
    }
}

void Simulator::finish(Instruction const& one, double end) {
    if (one.op == Op::forward) { forward_end_[index_.work(one)] = end; }
    if (makes_input_gradient(one.op)) { gradient_end_[index_.work(one)] = end; }
    if (one.op == Op::reduce) { reduce_end_[index_.stage(one)].push_back(end); }
    if (one.op == Op::update) { ++updates_[index_.stage(one)]; }
    if (is_send(one.op)) {
        int const link = links_.link_of(one);
        arrival_[index_.message(one, link)] = end + seconds(costs_.messages, link);
    }
}

void Simulator::fail_stalled() const {
    std::string heads;
    for (int row = 0; row < schedule_.ranks; ++row) {
        std::vector<Instruction> const& instructions = schedule_.rows[as_size(row)];
        std::size_t const done = done_[as_size(row)];
        if (done == instructions.size()) { continue; }
        heads += fmt::format("{}row {} at {}", heads.empty() ? "" : ", ", row, notation(instructions[done]));
    }
    fail(ExitCode::bad_deck, "schedule '{}' stalls (waiting for ever: {}): change the order", schedule_.name, heads);
}

void add_bubbles(Simulation& simulation, int ranks) {
    struct Window {
        double first = -1, last = 0, busy = 0;
    };
    std::vector<Window> windows(as_size(ranks));
    for (Event const& event : simulation.events) {
        simulation.makespan = std::max(simulation.makespan, event.end);
        if (!is_busy(event.op)) { continue; }
        Window& window = windows[as_size(event.row)];
        if (window.first < 0) { window.first = event.start; }
        window.last = event.end;
        window.busy += event.end - event.start;
    }
    double busy = 0, wide = 0;
    for (Window const& window : windows) {
        busy += window.busy;
        wide += window.last - std::max(0., window.first);
    }
    double const whole = simulation.makespan * ranks;
    simulation.bubble = whole > 0 ? 1 - busy / whole : 0;
    simulation.window_bubble = wide > 0 ? 1 - busy / wide : 0;
}

/// Frames live from the first instruction of a micro-batch on a stage to its weight gradient.
void add_peaks(Simulation& simulation, Schedule const& schedule, Costs const& costs) {
    WorkIndex const index(schedule, 0);
    simulation.peak_frames.assign(schedule.placement.size(), std::vector<int>(as_size(schedule.stages), 0));
    std::vector<bool> is_live(index.work_count(), false);
    std::vector<int> frames(index.stage_count(), 0);
    for (std::vector<Instruction> const& row : schedule.rows) {
        int row_frames = 0, peak = 0;
        std::int64_t bytes = 0, peak_bytes = 0;
        for (Instruction const& one : row) {
            bool const begins = one.op == Op::forward || one.op == Op::receive_activation;
            bool const ends = makes_weight_gradient(one.op);
            if ((!begins && !ends) || is_live[index.work(one)] == begins) { continue; }
            int const change = begins ? 1 : -1;
            is_live[index.work(one)] = begins;
            int& stage_frames = frames[index.stage(one)];
            stage_frames += change;
            row_frames += change;
            if (!costs.frame_bytes.empty()) { bytes += change * costs.frame_bytes[as_size(one.stage)]; }
            int& stage_peak = simulation.peak_frames[one.pipe][as_size(one.stage)];
            stage_peak = std::max(stage_peak, stage_frames);
            peak = std::max(peak, row_frames);
            peak_bytes = std::max(peak_bytes, bytes);
        }
        simulation.peak_row_frames.push_back(peak);
        if (!costs.frame_bytes.empty()) { simulation.peak_row_bytes.push_back(peak_bytes); }
    }
}

}  // namespace

Costs uniform_costs(int stages, StageTimes times) {
    Costs costs;
    costs.stages.assign(as_size(stages), times);
    return costs;
}

Simulation simulate(Schedule const& schedule, std::span<Link const> links, Costs const& costs) {
    Simulator simulator(schedule, links, costs);
    simulator.run();
    Simulation simulation;
    simulation.events = simulator.take_events();
    add_bubbles(simulation, schedule.ranks);
    add_peaks(simulation, schedule, costs);
    return simulation;
}

}  // namespace aureole
