#pragma once
#include <span>

#include "parallel/schedule/schedule.hpp"

namespace aureole {

/// Completes an order of computation with what it implies:
/// - messages for links between rows: sent right after the work that makes them, received right before the work that
///   needs them, activations forwards and gradients back. No deadlock follows that the order does not have itself, as
///   long as sends are buffered. Messages are told apart by their micro-batch and stages: receives of one row may come
///   in another order than the sends of the other, for skips overtake chains.
///   Between stages of one row nothing is sent: the later stage reads the frame of the earlier and leaves its gradient
///   in it.
/// - every reduce as early as it can be: right after the last weight gradient of its stage and step.
/// - slots of frames: the activations of a micro-batch on a stage keep one slot of that stage from the first receive or
///   forward to the last of its instructions; as few slots as possible.
[[nodiscard]] Schedule lower(Schedule compute, std::span<Link const> links);

/// How many slots the frames of a stage take.
[[nodiscard]] int frames(Schedule const& schedule, int pipe, int stage);

}  // namespace aureole
