#pragma once
#include <span>
#include <string>

#include "parallel/schedule/event.hpp"

namespace aureole {

struct TimelineStyle {
    std::string title;
    std::string unit;  ///< of the times of events; empty: seconds, written as s, ms or us
};

/// Share of the time between the first and last event that rows do not work, mean of the rows.
[[nodiscard]] double bubble_of(std::span<Event const> events);

/// A picture of what rows do, as SVG: a lane for each row, a bar for each event, hatched where a row waits. Work and
/// updates are as high as their lane and carry the micro-batch; messages run along its top and reduces along its
/// bottom. Times count from the first event.
[[nodiscard]] std::string draw_timeline(std::span<Event const> events, TimelineStyle const& style);

}  // namespace aureole
