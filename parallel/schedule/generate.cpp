#include "parallel/schedule/generate.hpp"

#include <algorithm>
#include <limits>

#include "core/error.hpp"
#include "parallel/schedule/links.hpp"
#include "parallel/schedule/list_schedule.hpp"

namespace aureole {

namespace {

using Row = std::vector<Instruction>;

void append(Row& row, Op op, int stage, int micro_batch) {
    row.push_back({.op = op, .stage = static_cast<std::int16_t>(stage), .micro_batch = micro_batch});
}

Row layer_row(int rank, int micro_batches) {
    Row row;
    for (int i = 0; i < micro_batches; ++i) {
        append(row, Op::forward, rank, i);
        append(row, Op::backward, rank, i);
    }
    return row;
}

/// Forwards until `warm_up` are ahead, then one forward and one backward in turn, then the backwards that are left.
/// All of them give the unit of a position: `unit(op, position)` is stage and micro-batch.
template <class Unit>
Row alternating_row(int warm_up, int units, Unit const& unit) {
    Row row;
    for (int i = 0; i < warm_up; ++i) { unit(row, Op::forward, i); }
    for (int i = warm_up; i < units; ++i) {
        unit(row, Op::forward, i);
        unit(row, Op::backward, i - warm_up);
    }
    for (int i = units - warm_up; i < units; ++i) { unit(row, Op::backward, i); }
    return row;
}

Row one_f_one_b_row(int rank, int warm_up, int micro_batches) {
    return alternating_row(std::min(warm_up, micro_batches), micro_batches,
                           [&](Row& row, Op op, int i) { append(row, op, rank, i); });
}

/// Micro-batches go in groups of as many as there are ranks: a group visits all stages of the rank before the next.
Row interleaved_row(ScheduleRequest const& request, int rank) {
    int const ranks = request.ranks, chunks = request.chunks, units = request.micro_batches * chunks;
    int const warm_up = std::min(2 * (ranks - 1 - rank) + (chunks - 1) * ranks, units);
    return alternating_row(warm_up, units, [&](Row& row, Op op, int i) {
        int const turn = i / ranks % chunks;
        int const chunk = op == Op::forward ? turn : chunks - 1 - turn;
        append(row, op, chunk * ranks + rank, i / (ranks * chunks) * ranks + i % ranks);
    });
}

Row breadth_first_row(ScheduleRequest const& request, int rank) {
    Row row;
    for (int chunk = 0; chunk < request.chunks; ++chunk) {
        for (int i = 0; i < request.micro_batches; ++i) { append(row, Op::forward, chunk * request.ranks + rank, i); }
    }
    for (int chunk = request.chunks - 1; chunk >= 0; --chunk) {
        for (int i = 0; i < request.micro_batches; ++i) { append(row, Op::backward, chunk * request.ranks + rank, i); }
    }
    return row;
}

/// Of 1F1B with its backwards cut in two, rank r does the weight gradient of a micro-batch r micro-batches after its
/// input gradient: every rank holds as many micro-batches as the first, and the ends of the ranks fill up.
Row zero_bubble_row(ScheduleRequest const& request, int rank) {
    int const micro_batches = request.micro_batches;
    int const warm_up = std::min(request.ranks - 1 - rank, micro_batches);
    Row row;
    for (int i = 0; i < warm_up; ++i) { append(row, Op::forward, rank, i); }
    for (int i = 0; i < micro_batches; ++i) {
        if (warm_up + i < micro_batches) { append(row, Op::forward, rank, warm_up + i); }
        append(row, Op::input_gradient, rank, i);
        if (i >= rank) { append(row, Op::weight_gradient, rank, i - rank); }
    }
    for (int i = std::max(0, micro_batches - rank); i < micro_batches; ++i) {
        append(row, Op::weight_gradient, rank, i);
    }
    return row;
}

Row row_of(ScheduleRequest const& request, int rank) {
    int const behind = request.ranks - 1 - rank;
    switch (request.kind) {
        case ScheduleKind::layer: return layer_row(rank, request.micro_batches);
        case ScheduleKind::gpipe: return one_f_one_b_row(rank, request.micro_batches, request.micro_batches);
        case ScheduleKind::one_f_one_b: return one_f_one_b_row(rank, behind, request.micro_batches);
        case ScheduleKind::overlap_one_f_one_b: return one_f_one_b_row(rank, 2 * behind, request.micro_batches);
        case ScheduleKind::interleaved: return interleaved_row(request, rank);
        case ScheduleKind::breadth_first: return breadth_first_row(request, rank);
        case ScheduleKind::zb_h1: return zero_bubble_row(request, rank);
    }
    fail(ExitCode::internal, "unknown kind of schedule");
}

void check(ScheduleRequest const& request) {
    auto const [kind, ranks, chunks, micro_batches] = request;
    constexpr int most = std::numeric_limits<std::int16_t>::max();
    std::string_view const name = name_of(kind);
    require(ranks >= 1 && chunks >= 1 && micro_batches >= 1, ExitCode::bad_deck,
            "schedule {} with {} ranks, {} stages per rank and {} micro-batches (all must be at least 1): raise them",
            name, ranks, chunks, micro_batches);
    require(chunks == 1 || has_chunks(kind), ExitCode::bad_deck,
            "schedule {} with {} stages per rank (it has one): set 1, or choose interleaved or breadth-first", name,
            chunks);
    require(static_cast<std::int64_t>(ranks) * chunks <= most && micro_batches <= most, ExitCode::bad_deck,
            "schedule {} with {} x {} stages and {} micro-batches (at most {} of each): lower them", name, ranks,
            chunks, micro_batches, most);
    int const below = micro_batches / ranks * ranks;
    require(kind != ScheduleKind::interleaved || micro_batches == below, ExitCode::bad_deck,
            "schedule interleaved with {} micro-batches on {} ranks (it takes them in groups of {}): set {}{}",
            micro_batches, ranks, ranks, below > 0 ? fmt::format("{} or ", below) : "", below + ranks);
}

}  // namespace

std::vector<std::string_view> const& schedule_names() {
    static std::vector<std::string_view> const names{"layer",       "gpipe",         "1f1b", "1f1b-overlap",
                                                     "interleaved", "breadth-first", "zb-h1"};
    return names;
}

std::string_view name_of(ScheduleKind kind) { return schedule_names().at(static_cast<std::size_t>(kind)); }

ScheduleKind schedule_kind(std::string_view name) {
    std::vector<std::string_view> const& names = schedule_names();
    auto const found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
        std::string list;
        for (std::string_view const known : names) { list += fmt::format("{}{}", list.empty() ? "" : ", ", known); }
        fail(ExitCode::bad_deck, "'{}' is no schedule: choose one of {}", name, list);
    }
    return static_cast<ScheduleKind>(found - names.begin());
}

Schedule empty_schedule(std::string_view name, int ranks, int stages, int micro_batches) {
    Schedule schedule;
    schedule.name = name;
    schedule.ranks = ranks;
    schedule.stages = stages;
    schedule.micro_batches = micro_batches;
    schedule.placement.emplace_back();
    for (int stage = 0; stage < stages; ++stage) { schedule.placement[0].push_back(stage % ranks); }
    schedule.rows.resize(as_size(ranks));
    return schedule;
}

void append_updates(Schedule& schedule) {
    for (Op const op : {Op::reduce, Op::update}) {
        for (int stage = schedule.stages - 1; stage >= 0; --stage) {
            append(schedule.rows[as_size(schedule.row_of(0, stage))], op, stage, 0);
        }
    }
}

Schedule generate(ScheduleRequest const& request) {
    check(request);
    Schedule schedule =
        empty_schedule(name_of(request.kind), request.ranks, request.ranks * request.chunks, request.micro_batches);
    for (int rank = 0; rank < request.ranks; ++rank) { schedule.rows[as_size(rank)] = row_of(request, rank); }
    append_updates(schedule);
    return schedule;
}

}  // namespace aureole
