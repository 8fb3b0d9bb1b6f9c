#pragma once
#include "app/run_plan.hpp"

namespace aureole {

/// Reads every sample of the training and evaluation data once and prints what it finds: labels, statistics, samples
/// that occur twice, and whatever training would refuse. Throws bad_deck after the last line if there is any of these.
void report_data(RunPlan const& plan);

}  // namespace aureole
