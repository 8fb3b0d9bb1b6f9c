#pragma once
#include "parallel/schedule/schedule.hpp"

namespace aureole::test {

/// A run of several steps without a flush: backwards of a step overlap forwards of the next, which therefore read
/// weights that are late by one update, from the other of two versions (PipeDream-2BW: Narayanan et al. 2021,
/// "Memory-efficient pipeline-parallel DNN training").
[[nodiscard]] Schedule two_versions(int ranks, int steps, int micro_batches);

}  // namespace aureole::test
