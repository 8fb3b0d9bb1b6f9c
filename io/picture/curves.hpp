#pragma once
#include <string>
#include <vector>

#include "io/log/run_log.hpp"

namespace aureole {

/// Reads back the records of a run from its metrics.csv. Damaged lines are left out, with one warning.
[[nodiscard]] std::vector<LogRecord> read_run_log(std::string const& csv_path);

/// Loss and metrics against steps, training and evaluation, as one SVG file: a panel for the loss, a panel for each
/// metric.
void write_curves(std::string const& svg_path, std::string const& title, std::vector<LogRecord> const& records);

}  // namespace aureole
