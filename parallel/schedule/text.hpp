#pragma once
#include <string>
#include <string_view>

#include "parallel/schedule/schedule.hpp"

namespace aureole {

/// Reads the order of computation from comma-separated cells: a line per rank, a cell per slot of time, empty where the
/// rank waits; `2F0`, `2B0`, `2I0`, `2W0` are stage 2's forward, backward, input and weight gradient of micro-batch 0,
/// as in PyTorch's compute_only files. What follows a # is a comment; lines without cells are skipped. Stages,
/// placement and micro-batches are those of the cells; every stage gets its reduce and update at the end of its row.
[[nodiscard]] Schedule read_schedule(std::string_view text, std::string const& name);

/// The same text for the first pipe of a schedule; slots are as long as any work, and stages form a chain.
[[nodiscard]] std::string write_schedule(Schedule const& schedule);

}  // namespace aureole
