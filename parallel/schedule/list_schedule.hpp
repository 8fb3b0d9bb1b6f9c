#pragma once
#include <span>

#include "parallel/schedule/schedule.hpp"

namespace aureole {

/// One stage per rank, forwards and both halves of backwards of the same length: every rank does in every unit of time
/// what others wait for most: an input gradient, else a forward if it holds fewer micro-batches than its `caps`, else a
/// weight gradient. The greedy scheduler of zero-bubble schedules (Qi et al. 2024); what hand-made ones are compared
/// with.
[[nodiscard]] Schedule list_schedule(int micro_batches, std::span<int const> caps);

}  // namespace aureole
