#include "unit_tests/parallel/schedule/random_schedule.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "parallel/schedule/links.hpp"

namespace aureole::test {

ScheduleRequest random_request(Dice& dice) {
    ScheduleRequest request;
    request.kind = static_cast<ScheduleKind>(dice.between(0, static_cast<int>(schedule_names().size()) - 1));
    request.ranks = dice.between(1, 6);
    request.chunks = has_chunks(request.kind) ? dice.between(1, 4) : 1;
    request.micro_batches = dice.between(1, 12);
    if (request.kind == ScheduleKind::interleaved) {
        int const groups = std::max(1, 12 / request.ranks);
        request.micro_batches = request.ranks * dice.between(1, groups);
    }
    return request;
}

std::vector<Link> random_links(Dice& dice, int stages) {
    std::vector<Link> links = chain(stages);
    for (int i = dice.between(0, 3); i > 0 && stages > 2; --i) {
        int const from = dice.between(0, stages - 3);
        Link const skip{from, dice.between(from + 2, stages - 1)};
        if (std::find(links.begin(), links.end(), skip) == links.end()) { links.push_back(skip); }
    }
    return links;
}

namespace {

/// What remains to be done of a micro-batch on a stage.
enum class Next : std::uint8_t { forward, input_gradient, weight_gradient, nothing };

class RandomOrder {
  public:
    RandomOrder(int stages, int micro_batches)
        : stages_(stages),
          micro_batches_(micro_batches),
          next_(static_cast<std::size_t>(stages * micro_batches), Next::forward) {}

    /// All that could be done now.
    [[nodiscard]] std::vector<Instruction> ready() const {
        std::vector<Instruction> found;
        for (int stage = 0; stage < stages_; ++stage) {
            for (int i = 0; i < micro_batches_; ++i) {
                if (!is_ready(stage, i)) { continue; }
                auto const add = [&, stage = stage, i = i](Op op) {
                    found.push_back({.op = op, .stage = static_cast<std::int16_t>(stage), .micro_batch = i});
                };
                switch (next(stage, i)) {
                    case Next::forward: add(Op::forward); break;
                    case Next::input_gradient:
                        add(Op::backward);
                        add(Op::input_gradient);
                        break;
                    case Next::weight_gradient: add(Op::weight_gradient); break;
                    case Next::nothing: break;
                }
            }
        }
        return found;
    }
    void perform(Instruction const& each) {
        Next const then = each.op == Op::forward          ? Next::input_gradient
                          : each.op == Op::input_gradient ? Next::weight_gradient
                                                          : Next::nothing;
        next_[static_cast<std::size_t>(each.stage * micro_batches_ + each.micro_batch)] = then;
    }

  private:
    int stages_, micro_batches_;
    std::vector<Next> next_;

    [[nodiscard]] Next next(int stage, int i) const {
        return next_[static_cast<std::size_t>(stage * micro_batches_ + i)];
    }
    [[nodiscard]] bool is_ready(int stage, int i) const {
        switch (next(stage, i)) {
            case Next::forward:
                return (stage == 0 || next(stage - 1, i) > Next::forward) &&
                       (i == 0 || next(stage, i - 1) > Next::forward);
            case Next::input_gradient: return stage + 1 == stages_ || next(stage + 1, i) > Next::input_gradient;
            case Next::weight_gradient: return true;
            case Next::nothing: return false;
        }
        return false;
    }
};

}  // namespace

Schedule random_table(Dice& dice, int rows, int chunks, int micro_batches) {
    Schedule schedule = empty_schedule("random", rows, rows * chunks, micro_batches);
    RandomOrder order(schedule.stages, micro_batches);
    for (auto ready = order.ready(); !ready.empty(); ready = order.ready()) {
        Instruction const& chosen =
            ready[static_cast<std::size_t>(dice.between(0, static_cast<int>(ready.size()) - 1))];
        schedule.rows[static_cast<std::size_t>(schedule.row_of(0, chosen.stage))].push_back(chosen);
        order.perform(chosen);
    }
    append_updates(schedule);
    return schedule;
}

std::string describe(ScheduleRequest const& request, std::vector<Link> const& links) {
    std::string text = fmt::format("{}, {} ranks, {} chunks, {} micro-batches, links", name_of(request.kind),
                                   request.ranks, request.chunks, request.micro_batches);
    for (Link const& link : links) { text += fmt::format(" {}-{}", link.from, link.to); }
    return text;
}

}  // namespace aureole::test
