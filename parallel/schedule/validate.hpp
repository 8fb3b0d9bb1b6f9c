#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "parallel/schedule/schedule.hpp"

namespace aureole {

/// What a lowered schedule must get along with. Empty vectors are not checked.
struct Limits {
    int messages_in_flight = 0;              ///< from one row to another: more make the sender wait; 0: any number
    std::vector<std::int64_t> frame_bytes;   ///< by stage: activations of one micro-batch
    std::vector<std::int64_t> fixed_bytes;   ///< by row: weights in all versions, gradients, optimizer, workspace
    std::vector<std::int64_t> budget_bytes;  ///< by row
};

/// Everything that would make a lowered schedule stop, compute something else than one rank alone, or not fit; none if
/// it is sound. Rows and positions count from 0. Checked are:
/// - shape: stages on the rows where they are placed, one row for each stage of a pipe, messages along links;
/// - completeness: per micro-batch, one forward and one backward or one of each of its halves on every stage of a pipe;
/// - flow: work after what it needs, on the row or received; messages sent once and received once, in any order;
/// - progress: no row waits for ever, with receives and full channels that block, and updates that wait for replicas;
/// - weights: both passes of a micro-batch read the same version, forwards the newest flipped; one delay per stage;
///   reduce and update after all gradients of a step, and before any of the next;
/// - slots: no frame is overwritten while it is needed; memory: frames and what is fixed stay in the budget of a row.
/// What a stage does with random numbers and statistics of recomputed micro-batches is not seen in a schedule.
[[nodiscard]] std::vector<std::string> faults(Schedule const& schedule, std::span<Link const> links,
                                              Limits const& limits = {});

/// Fails with the first faults, with code `does_not_fit` if memory is all that is wrong.
void require_valid(Schedule const& schedule, std::span<Link const> links, Limits const& limits = {});

}  // namespace aureole
