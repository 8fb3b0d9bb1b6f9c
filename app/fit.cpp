#include "app/fit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.hpp"
#include "io/deck/parse.hpp"
#include "io/log/progress.hpp"

namespace aureole {

namespace {

constexpr int most_tiles_more = 64;  ///< times as many tiles as the deck has
constexpr int most_stages_more = 3;
constexpr std::size_t most_tried = 40;

std::string_view name_of(MemorySpec::Recompute mode) {
    switch (mode) {
        case MemorySpec::Recompute::none: return "none";
        case MemorySpec::Recompute::cheap: return "cheap";
        case MemorySpec::Recompute::blocks: return "blocks";
    }
    return "";
}

/// Overrides for `factor` times as many tiles, as square as the image allows; none if the deck says more than a number
/// of tiles.
std::optional<std::string> more_tiles(Deck const& deck, Index factor) {
    ParallelSpec::Spatial const& spatial = deck.parallel.spatial;
    bool const free = spatial.stage_tiles.empty() && spatial.row_boundaries.empty() &&
                      spatial.column_boundaries.empty() && spatial.depth_boundaries.empty();
    if (!free) { return {}; }
    auto const [d, h, w] = spatial.counts();
    Index rows = h, columns = w;
    Shape const image = deck.image.shape();
    for (Index left = factor; left > 1; left /= 2) {
        bool const wide = image.w * rows > image.h * columns;  // tiles are wider than high
        (wide ? columns : rows) *= 2;
    }
    return d == 1 ? fmt::format("parallel.spatial.tiles=[{}, {}]", rows, columns)
                  : fmt::format("parallel.spatial.tiles=[{}, {}, {}]", d, rows, columns);
}

std::optional<std::string> more_stages(Deck const& deck, Index more) {
    ParallelSpec const& parallel = deck.parallel;
    bool const free = parallel.balance.empty() && parallel.schedule_file.empty() && parallel.chunks == 1;
    if (!free) { return {}; }
    return fmt::format("parallel.stages={}", parallel.stages + more);
}

struct Candidate {
    Deck deck;
    DeckChange change{};
};

/// Grids by number of ranks, then of keys; those that the deck's rules forbid are left out.
std::vector<Candidate> candidates(Deck const& deck) {
    std::string const text = dump_deck(deck);
    std::vector<Candidate> found;
    auto const add = [&](std::vector<std::string> overrides) {
        try {
            Deck changed = parse_deck(text, deck.file, overrides);
            DeckChange change{std::move(overrides), changed.parallel.ranks()};
            found.push_back({std::move(changed), std::move(change)});
        } catch (Error const&) {  // not a grid for this deck
        }
    };
    for (Index stages = 0; stages <= most_stages_more; ++stages) {
        for (Index factor = 1; factor <= most_tiles_more; factor *= 2) {
            std::vector<std::string> grid;
            auto const tiles = factor > 1 ? more_tiles(deck, factor) : std::nullopt;
            auto const cut = stages > 0 ? more_stages(deck, stages) : std::nullopt;
            if ((factor > 1 && !tiles) || (stages > 0 && !cut)) { continue; }
            if (cut) { grid.push_back(*cut); }
            if (tiles) { grid.push_back(*tiles); }
            if (!grid.empty()) { add(grid); }
            for (auto const mode : {MemorySpec::Recompute::cheap, MemorySpec::Recompute::blocks}) {
                if (mode <= deck.memory.recompute) { continue; }
                std::vector<std::string> both = grid;
                both.push_back(fmt::format("memory.recompute={}", name_of(mode)));
                add(std::move(both));
            }
        }
    }
    std::stable_sort(found.begin(), found.end(), [](Candidate const& a, Candidate const& b) {
        auto const key = [](DeckChange const& each) { return std::pair(each.ranks, each.overrides.size()); };
        return key(a.change) < key(b.change);
    });
    return found;
}

std::size_t bytes_of(RunPlan& plan, bool with_data) {
    if (with_data) { open_data(plan, DataUse::size); }
    RunMemory const memory = plan.memory();
    return memory.arena.total() + memory.loaders;
}

/// Bytes of the hungriest rank; gives up at the first one above the limit.
std::optional<std::size_t> fitting_bytes(Deck const& deck, bool with_data, std::size_t limit) {
    RunPlan first = plan_run(deck, false);
    std::size_t most = 0;
    for (int const rank : planned_ranks(first.pipeline.grid, images_of(deck))) {
        RunPlan plan = rank == 0 ? std::move(first) : plan_run(deck, false, rank);
        std::size_t const bytes = bytes_of(plan, with_data);
        if (bytes > limit) { return {}; }
        most = std::max(most, bytes);
    }
    return most;
}

std::string remedy_for(RunPlan const& plan, std::size_t limit) {
    if (plan.program_bytes < limit) {
        if (auto const change = smallest_change(plan, limit - plan.program_bytes)) {
            return fmt::format("the smallest change that fits is {} ({} {}, {}{})", fmt::join(change->overrides, " "),
                               change->ranks, change->ranks == 1 ? "rank" : "ranks",
                               bytes_text(static_cast<double>(change->bytes + plan.program_bytes)),
                               change->ranks == 1 ? "" : " each");
        }
    }
    return "no grid of those tried fits: use a smaller image, or more micro-batches, which share norm statistics "
           "among fewer samples unless train.norm_batch says otherwise";
}

/// Whether this rank speaks for all: the first of those that need most.
bool is_hungriest(RunPlan const& plan) {
    if (plan.comm == nullptr) { return true; }
    bool const most = plan.memory().total() == largest_total(plan);
    int const ranks = plan.comm->size();
    return plan.comm->max(most ? ranks - plan.rank : 0) == ranks - plan.rank;
}

}  // namespace

std::optional<DeckChange> smallest_change(RunPlan const& plan, std::size_t limit) {
    std::vector<Candidate> all = candidates(plan.deck);
    all.resize(std::min(all.size(), most_tried));
    for (Candidate& each : all) {
        try {
            auto const bytes = fitting_bytes(each.deck, plan.train_data != nullptr, limit);
            if (!bytes) { continue; }
            each.change.bytes = *bytes;
            return each.change;
        } catch (Error const&) {  // tiles too thin, more stages than units
        }
    }
    return {};
}

void require_fits(RunPlan const& plan) {
    if (!plan.deck.memory.limit) { return; }
    auto const limit = static_cast<std::size_t>(*plan.deck.memory.limit);
    std::size_t const largest = largest_total(plan);
    if (largest <= limit) { return; }
    if (!is_hungriest(plan)) {
        plan.comm->barrier();  // until the one that speaks ends the job
        return;
    }
    std::string const rank = plan.pipeline.grid.ranks() == 1 ? "" : fmt::format(" on rank {}", plan.rank);
    fail(ExitCode::does_not_fit, "the run needs {}{} and memory.limit is {} (most at operator {}): {}",
         bytes_text(static_cast<double>(largest)), rank, bytes_text(static_cast<double>(limit)),
         plan.memory().arena.peak_node, remedy_for(plan, limit));
}

}  // namespace aureole
