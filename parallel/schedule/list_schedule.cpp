#include "parallel/schedule/list_schedule.hpp"

#include <algorithm>
#include <optional>

#include "core/error.hpp"
#include "parallel/schedule/generate.hpp"
#include "parallel/schedule/links.hpp"

namespace aureole {

namespace {

/// How many micro-batches a rank has finished of each kind of work; they come in order.
struct Progress {
    int forward = 0, input_gradient = 0, weight_gradient = 0;
};

std::optional<Op> choose(std::span<Progress const> ranks, int rank, int micro_batches, int cap) {
    Progress const& mine = ranks[as_size(rank)];
    bool const is_last = as_size(rank) + 1 == ranks.size();
    int const inputs = rank == 0 ? micro_batches : ranks[as_size(rank - 1)].forward;
    int const gradients = is_last ? mine.forward : ranks[as_size(rank + 1)].input_gradient;
    if (mine.input_gradient < gradients) { return Op::input_gradient; }
    if (mine.forward < inputs && mine.forward - mine.weight_gradient < cap) { return Op::forward; }
    if (mine.weight_gradient < mine.input_gradient) { return Op::weight_gradient; }
    return std::nullopt;
}

int advance(Progress& progress, Op op) {
    if (op == Op::forward) { return progress.forward++; }
    return op == Op::input_gradient ? progress.input_gradient++ : progress.weight_gradient++;
}

}  // namespace

Schedule list_schedule(int micro_batches, std::span<int const> caps) {
    int const count = static_cast<int>(caps.size());
    for (int const cap : caps) { require(cap >= 1, "a rank that holds {} micro-batches at most does nothing", cap); }
    Schedule schedule = empty_schedule("list", count, count, micro_batches);
    std::vector<Progress> ranks(caps.size());
    auto const is_done = [&](Progress const& rank) { return rank.weight_gradient == micro_batches; };
    while (!std::all_of(ranks.begin(), ranks.end(), is_done)) {
        std::vector<Progress> const before = ranks;
        for (int rank = 0; rank < count; ++rank) {
            std::optional<Op> const op = choose(before, rank, micro_batches, caps[as_size(rank)]);
            if (!op) { continue; }
            int const micro_batch = advance(ranks[as_size(rank)], *op);
            schedule.rows[as_size(rank)].push_back(
                {.op = *op, .stage = static_cast<std::int16_t>(rank), .micro_batch = micro_batch});
        }
    }
    return schedule;
}

}  // namespace aureole
