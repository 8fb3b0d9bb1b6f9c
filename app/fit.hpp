#pragma once
#include <optional>

#include "app/run_plan.hpp"

namespace aureole {

/// A change of a deck, as a user writes it on the command line.
struct DeckChange {
    std::vector<std::string> overrides;
    Index ranks = 1;        ///< that the changed grid takes
    std::size_t bytes = 0;  ///< of its hungriest rank, but for the program itself
};

/// The smallest change of a plan's grid after which no rank needs more than `limit` bytes for its arena and, if the
/// plan has its data open, for loading: fewest ranks, then fewest keys. Tries recomputation, shared optimizer
/// state, more stages and more tiles; nothing that changes the result. None if nothing tried fits.
[[nodiscard]] std::optional<DeckChange> smallest_change(RunPlan const& plan, std::size_t limit);

/// Throws does_not_fit if a rank's prediction exceeds memory.limit, naming the rank, its hungriest operator and the
/// smallest change that fits. Ranks of a run call it together; the hungriest one throws.
void require_fits(RunPlan const& plan);

}  // namespace aureole
