#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "parallel/schedule/event.hpp"
#include "parallel/schedule/schedule.hpp"

namespace aureole {

/// Seconds of one micro-batch on one stage.
struct StageTimes {
    double forward = 1, input_gradient = 1, weight_gradient = 1;
    [[nodiscard]] double backward() const { return input_gradient + weight_gradient; }
    [[nodiscard]] double total() const { return forward + backward(); }
};

/// What instructions cost. Empty vectors but the first stand for zeros.
struct Costs {
    std::vector<StageTimes> stages;
    std::vector<double> messages;  ///< by link: seconds from the send to the arrival, which rows do not work on
    std::vector<double> reduce;    ///< by stage: runs beside the row's work, one after another on a row
    std::vector<double> update;    ///< by stage
    std::vector<std::int64_t> frame_bytes;  ///< by stage: activations of one micro-batch
};

/// The same times on every stage, and nothing else.
[[nodiscard]] Costs uniform_costs(int stages, StageTimes times);

struct Simulation {
    std::vector<Event> events;  ///< row by row, in the order of the schedule
    double makespan = 0;
    double bubble = 0;  ///< idle time over makespan, mean of the rows
    double window_bubble =
        0;  ///< idle time over time, both between first and last work of each row: zero-bubble papers'
    std::vector<std::vector<int>> peak_frames;  ///< [pipe][stage]: micro-batches alive at a time
    std::vector<int> peak_row_frames;           ///< [row]: over its stages, at a time
    std::vector<std::int64_t> peak_row_bytes;   ///< [row]: the same in bytes; empty if frames have none
};

/// Runs a schedule event by event. A schedule without messages is taken as compute order: results of another row
/// arrive a link's seconds after they are made. One with messages waits in its receives instead. Sends are buffered and
/// take no time of their row. Fails on a schedule that stalls.
[[nodiscard]] Simulation simulate(Schedule const& schedule, std::span<Link const> links, Costs const& costs);

}  // namespace aureole
