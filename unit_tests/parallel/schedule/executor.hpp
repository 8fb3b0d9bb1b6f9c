#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "parallel/schedule/schedule.hpp"

namespace aureole::test {

/// What training leaves behind: for every stage, in number, its weights after all updates.
using Weights = std::vector<std::uint64_t>;

/// Runs a lowered schedule of one pipe with numbers in place of tensors: frames in their slots, messages in channels,
/// versions of weights. None if it gets stuck. Shares no code with the validator.
[[nodiscard]] std::optional<Weights> execute(Schedule const& schedule, std::span<Link const> links);

/// The same without any schedule: one stage after another, one micro-batch after another, one step.
[[nodiscard]] Weights execute_plainly(int stages, int micro_batches, std::span<Link const> links);

}  // namespace aureole::test
