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
constexpr std::size_t most_tried = 60;

std::string_view name_of(MemorySpec::Recompute mode) {
    switch (mode) {
        case MemorySpec::Recompute::none: return "none";
        case MemorySpec::Recompute::cheap: return "cheap";
        case MemorySpec::Recompute::blocks: return "blocks";
    }
    return "";
}

/// Overrides of one kind, of which a change takes one; "" leaves the deck as it is.
using Choices = std::vector<std::string>;

/// More and more tiles, as square as the image allows; none if the deck says more than a number of tiles.
Choices tile_choices(Deck const& deck) {
    ParallelSpec::Spatial const& spatial = deck.parallel.spatial;
    Choices choices{""};
    bool const free = spatial.stage_tiles.empty() && spatial.row_boundaries.empty() &&
                      spatial.column_boundaries.empty() && spatial.depth_boundaries.empty();
    auto [d, rows, columns] = spatial.counts();
    Shape const image = deck.image.shape();
    for (Index factor = 2; free && factor <= most_tiles_more; factor *= 2) {
        bool const wide = image.w * rows > image.h * columns;  // tiles are wider than high
        (wide ? columns : rows) *= 2;
        choices.push_back(d == 1 ? fmt::format("parallel.spatial.tiles=[{}, {}]", rows, columns)
                                 : fmt::format("parallel.spatial.tiles=[{}, {}, {}]", d, rows, columns));
    }
    return choices;
}

Choices stage_choices(Deck const& deck) {
    ParallelSpec const& parallel = deck.parallel;
    Choices choices{""};
    bool const free = parallel.balance.empty() && parallel.schedule_file.empty() && parallel.chunks == 1;
    for (Index more = 1; free && more <= most_stages_more; ++more) {
        choices.push_back(fmt::format("parallel.stages={}", parallel.stages + more));
    }
    return choices;
}

Choices shard_choices(Deck const& deck) {
    return deck.parallel.shard_optimizer ? Choices{""} : Choices{"", "parallel.shard_optimizer=true"};
}

Choices recompute_choices(Deck const& deck) {
    Choices choices{""};
    for (auto const mode : {MemorySpec::Recompute::cheap, MemorySpec::Recompute::blocks}) {
        if (mode > deck.memory.recompute) { choices.push_back(fmt::format("memory.recompute={}", name_of(mode))); }
    }
    return choices;
}

/// Every way to take one of each.
std::vector<std::vector<std::string>> combinations(std::vector<Choices> const& kinds) {
    std::vector<std::vector<std::string>> all{{}};
    for (Choices const& choices : kinds) {
        std::vector<std::vector<std::string>> longer;
        for (std::vector<std::string> const& each : all) {
            for (std::string const& choice : choices) {
                longer.push_back(each);
                if (!choice.empty()) { longer.back().push_back(choice); }
            }
        }
        all = std::move(longer);
    }
    return all;
}

struct Candidate {
    Deck deck;
    DeckChange change{};
};

/// Changes by number of ranks, then of keys; those that the deck's rules forbid are left out.
std::vector<Candidate> candidates(Deck const& deck) {
    std::string const text = dump_deck(deck);
    std::vector<Candidate> found;
    for (std::vector<std::string>& overrides :
         combinations({stage_choices(deck), tile_choices(deck), shard_choices(deck), recompute_choices(deck)})) {
        if (overrides.empty()) { continue; }
        try {
            Deck changed = parse_deck(text, deck.file, overrides);
            DeckChange change{std::move(overrides), changed.parallel.ranks()};
            found.push_back({std::move(changed), std::move(change)});
        } catch (Error const&) {  // not a grid for this deck
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
        // NOLINTNEXTLINE(bugprone-use-after-move): each rank comes once
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
