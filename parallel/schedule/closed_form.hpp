#pragma once
#include <span>

#include "parallel/schedule/generate.hpp"
#include "parallel/schedule/simulate.hpp"

namespace aureole {

/// Seconds of a step without simulating it, for planners that try many partitions: `stages` are the times of all
/// stages, messages included. Exact for stages of equal times, otherwise near.
[[nodiscard]] double closed_step_seconds(ScheduleRequest const& request, std::span<StageTimes const> stages);

/// Idle share of a step with stages of equal times.
[[nodiscard]] double closed_bubble(ScheduleRequest const& request, StageTimes const& times);

/// Most micro-batches that live on a rank at a time, summed over its stages.
[[nodiscard]] int closed_frames(ScheduleRequest const& request, int rank);

}  // namespace aureole
