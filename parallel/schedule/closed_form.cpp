#include "parallel/schedule/closed_form.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "parallel/schedule/links.hpp"

namespace aureole {

namespace {

void add(StageTimes& sum, StageTimes const& times) {
    sum.forward += times.forward;
    sum.input_gradient += times.input_gradient;
    sum.weight_gradient += times.weight_gradient;
}

/// Times of all stages of each rank, of all ranks, and of the slowest.
struct Loads {
    std::vector<StageTimes> ranks;
    double sum = 0, slowest = 0;
};

Loads loads_of(ScheduleRequest const& request, std::span<StageTimes const> stages) {
    require(stages.size() == as_size(request.ranks) * as_size(request.chunks), "times of {} stages for {} x {} stages",
            stages.size(), request.ranks, request.chunks);
    Loads loads;
    loads.ranks.assign(as_size(request.ranks), {0, 0, 0});
    for (std::size_t i = 0; i < stages.size(); ++i) { add(loads.ranks[i % as_size(request.ranks)], stages[i]); }
    for (StageTimes const& rank : loads.ranks) {
        loads.sum += rank.total();
        loads.slowest = std::max(loads.slowest, rank.total());
    }
    return loads;
}

/// Every rank waits for the first micro-batch and after the last one; what it waits while others do input gradients, it
/// fills with weight gradients, if it has them (Qi et al. 2024).
double zero_bubble_seconds(ScheduleRequest const& request, Loads const& loads) {
    StageTimes slowest{0, 0, 0};
    for (StageTimes const& rank : loads.ranks) {
        if (rank.total() >= slowest.total()) { slowest = rank; }
    }
    int const units = request.micro_batches + request.ranks - 1;
    int const weight_gradients = std::max(1, request.micro_batches - request.ranks + 1);
    return units * (slowest.forward + slowest.input_gradient) + weight_gradients * slowest.weight_gradient;
}

}  // namespace

double closed_step_seconds(ScheduleRequest const& request, std::span<StageTimes const> stages) {
    Loads const loads = loads_of(request, stages);
    auto const [kind, ranks, chunks, micro_batches] = request;
    double const others = loads.sum - loads.slowest;
    switch (kind) {
        case ScheduleKind::layer: return micro_batches * loads.sum;
        case ScheduleKind::gpipe:
        case ScheduleKind::one_f_one_b:
        case ScheduleKind::overlap_one_f_one_b: return micro_batches * loads.slowest + others;
        case ScheduleKind::interleaved: return micro_batches * loads.slowest + others / chunks;
        case ScheduleKind::breadth_first: {
            // fewer micro-batches than ranks do not fill the loop: the first waits for itself before every next stage
            int const waits = (chunks - 1) * std::max(0, ranks - micro_batches);
            return micro_batches * loads.slowest + (others + waits * loads.slowest) / chunks;
        }
        case ScheduleKind::zb_h1: return zero_bubble_seconds(request, loads);
    }
    fail(ExitCode::internal, "unknown kind of schedule");
}

double closed_bubble(ScheduleRequest const& request, StageTimes const& times) {
    std::vector<StageTimes> const stages(as_size(request.ranks) * as_size(request.chunks), times);
    return 1 - request.micro_batches * request.chunks * times.total() / closed_step_seconds(request, stages);
}

int closed_frames(ScheduleRequest const& request, int rank) {
    auto const [kind, ranks, chunks, micro_batches] = request;
    int const from_end = ranks - rank;
    switch (kind) {
        case ScheduleKind::layer: return 1;
        case ScheduleKind::gpipe: return micro_batches;
        case ScheduleKind::one_f_one_b: return std::min(from_end, micro_batches);
        case ScheduleKind::overlap_one_f_one_b: return std::min(2 * from_end - 1, micro_batches);
        case ScheduleKind::interleaved:
            return std::min(2 * (from_end - 1) + (chunks - 1) * ranks + 1, micro_batches * chunks);
        case ScheduleKind::breadth_first: return micro_batches * chunks;
        case ScheduleKind::zb_h1: return std::min(ranks, micro_batches);
    }
    fail(ExitCode::internal, "unknown kind of schedule");
}

}  // namespace aureole
