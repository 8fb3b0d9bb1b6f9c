#pragma once
#include <span>

#include "parallel/schedule/event.hpp"
#include "parallel/schedule/simulate.hpp"

namespace aureole {

/// What a measured step says of the stages: the mean of each kind of work over micro-batches and rows. A backward pass
/// in one piece counts as input gradient. Messages cost nothing.
[[nodiscard]] Costs measured_costs(std::span<Event const> events, int stages);

}  // namespace aureole
