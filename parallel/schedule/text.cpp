#include "parallel/schedule/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "core/error.hpp"
#include "parallel/schedule/generate.hpp"
#include "parallel/schedule/links.hpp"
#include "parallel/schedule/operation.hpp"
#include "parallel/schedule/simulate.hpp"

namespace aureole {

namespace {

constexpr int most = std::numeric_limits<std::int16_t>::max();

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    std::size_t const first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) { return {}; }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Takes what lies before the next separator off the front of `rest`.
std::string_view take(std::string_view& rest, char separator) {
    std::size_t const end = rest.find(separator);
    std::string_view const part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    return part;
}

/// Takes a number off the front.
std::optional<int> take_number(std::string_view& rest) {
    int number = 0;
    auto const [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc{} || number < 0 || number >= most) { return std::nullopt; }
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return number;
}

std::optional<Op> take_work(std::string_view& rest) {
    for (Op const op : {Op::forward, Op::backward, Op::input_gradient, Op::weight_gradient}) {
        if (rest.starts_with(code_of(op))) {
            rest.remove_prefix(1);
            return op;
        }
    }
    return std::nullopt;
}

std::optional<Instruction> parse(std::string_view cell) {
    std::optional<int> const stage = take_number(cell);
    std::optional<Op> const op = stage ? take_work(cell) : std::nullopt;
    std::optional<int> const micro_batch = op ? take_number(cell) : std::nullopt;
    if (!micro_batch || !cell.empty()) { return std::nullopt; }
    return Instruction{.op = *op, .stage = static_cast<std::int16_t>(*stage), .micro_batch = *micro_batch};
}

class Reader {
  public:
    explicit Reader(std::string const& name) { schedule_.name = name; }
    Schedule read(std::string_view text);

  private:
    Schedule schedule_;
    int line_ = 0;
    std::vector<int> placement_;  ///< -1: not seen

    void read_line(std::string_view line);
    void read_cell(std::string_view cell, int number);
    void place(int stage, int number);
    void require_all_stages() const;
};

Schedule Reader::read(std::string_view text) {
    schedule_.micro_batches = 0;
    while (!text.empty()) {
        ++line_;
        std::string_view line = take(text, '\n');
        read_line(trimmed(take(line, '#')));
    }
    require_all_stages();
    schedule_.ranks = static_cast<int>(schedule_.rows.size());
    schedule_.stages = static_cast<int>(placement_.size());
    schedule_.placement = {placement_};
    append_updates(schedule_);
    return std::move(schedule_);
}

void Reader::read_line(std::string_view line) {
    if (line.empty()) { return; }
    schedule_.rows.emplace_back();
    for (int number = 1; !line.empty(); ++number) { read_cell(trimmed(take(line, ',')), number); }
}

void Reader::read_cell(std::string_view cell, int number) {
    if (cell.empty()) { return; }
    std::optional<Instruction> const one = parse(cell);
    require(one.has_value(), ExitCode::bad_deck,
            "{}, line {}, cell {}: '{}' is no work of a stage (stage, one of F B I W, micro-batch; numbers below {}): "
            "write it as 0F1, or leave the cell empty",
            schedule_.name, line_, number, cell, most);
    place(one->stage, number);
    schedule_.micro_batches = std::max(schedule_.micro_batches, one->micro_batch + 1);
    schedule_.rows.back().push_back(*one);
}

void Reader::place(int stage, int number) {
    int const row = static_cast<int>(schedule_.rows.size()) - 1;
    if (as_size(stage) >= placement_.size()) { placement_.resize(as_size(stage) + 1, -1); }
    int& where = placement_[as_size(stage)];
    if (where == -1) { where = row; }
    require(where == row, ExitCode::bad_deck,
            "{}, line {}, cell {}: stage {} is on rank {} too (a stage has one rank): move it to one line",
            schedule_.name, line_, number, stage, where);
}

void Reader::require_all_stages() const {
    require(!placement_.empty(), ExitCode::bad_deck, "schedule {} is empty (no cell has work): write a line per rank",
            schedule_.name);
    for (std::size_t stage = 0; stage < placement_.size(); ++stage) {
        require(placement_[stage] != -1, ExitCode::bad_deck,
                "schedule {} has no stage {} (stages count from 0 to {}): add it or renumber the stages",
                schedule_.name, stage, placement_.size() - 1);
    }
}

/// The work of the first pipe alone; halves of backwards take a slot as backwards do.
Schedule in_slots(Schedule const& schedule) {
    Schedule work = schedule;
    for (std::vector<Instruction>& row : work.rows) {
        std::erase_if(row, [](Instruction const& one) { return !is_compute(one.op) || one.pipe != 0; });
        for (Instruction& one : row) {
            if (one.op == Op::backward) { one.op = Op::input_gradient; }
        }
    }
    return work;
}

/// By row, the slot of every instruction of `work`. An order that stalls in a chain has no times: its cells follow one
/// another, so that what is wrong can be looked at.
std::vector<std::vector<int>> slots_of(Schedule const& work) {
    std::vector<std::vector<int>> slots(work.rows.size());
    try {
        std::vector<Link> const links = chain(work.stages);
        Simulation const simulation = simulate(work, links, uniform_costs(work.stages, {1, 1, 1}));
        for (Event const& event : simulation.events) {
            slots[as_size(event.row)].push_back(static_cast<int>(std::lround(event.start)));
        }
    } catch (Error const&) {
        for (std::size_t row = 0; row < slots.size(); ++row) {
            for (std::size_t i = 0; i < work.rows[row].size(); ++i) { slots[row].push_back(static_cast<int>(i)); }
        }
    }
    return slots;
}

}  // namespace

Schedule read_schedule(std::string_view text, std::string const& name) { return Reader(name).read(text); }

std::string write_schedule(Schedule const& schedule) {
    std::vector<std::vector<int>> const slots = slots_of(in_slots(schedule));
    std::string text = fmt::format("# {}: {} ranks, {} stages, {} micro-batches\n", schedule.name, schedule.ranks,
                                   schedule.stages, schedule.micro_batches);
    for (std::size_t row = 0; row < slots.size(); ++row) {
        std::size_t written = 0;
        int slot = 0;
        for (Instruction const& one : schedule.rows[row]) {
            if (!is_compute(one.op) || one.pipe != 0) { continue; }
            for (; slot < slots[row][written]; ++slot) { text += ','; }
            text += notation(one);
            ++written;
        }
        text += '\n';
    }
    return text;
}

}  // namespace aureole
