#pragma once
#include <map>
#include <string>
#include <vector>

#include "app/run_plan.hpp"
#include "io/log/run_log.hpp"

namespace aureole {

/// Seconds spent in one part of a run, for the table at its end.
struct PhaseTime {
    double seconds = 0;
    double fastest = 0, slowest = 0;
    Index count = 0;
    void add(double value);
};

/// What summary.json says of a run, beside its plan.
struct RunSummary {
    Index step = 0;
    double epoch = 0;
    std::optional<LogRecord> train, evaluation;  ///< the last of each
    std::optional<double> best;                  ///< value of train.best
    std::vector<std::string> hosts;              ///< of each rank
    std::string started, ended;                  ///< "2026-01-31T12:00:00Z"
    std::map<std::string, PhaseTime> phases;
};

/// JSON; numbers that are not finite are null.
[[nodiscard]] std::string to_json(RunPlan const& plan, RunSummary const& summary);

/// The time of day in UTC, as summaries say it.
[[nodiscard]] std::string time_of_day();
[[nodiscard]] std::string name_of_host();

}  // namespace aureole
