#pragma once
#include <span>
#include <string>
#include <string_view>

#include "parallel/schedule/event.hpp"

namespace aureole {

/// Events in the JSON of Chrome's trace viewer and Perfetto: a thread for each row, in microseconds. Operators lie
/// below the instructions that run them. Reduces run beside the work of their row and are written as asynchronous.
[[nodiscard]] std::string write_trace(std::span<Event const> events, std::span<OperatorEvent const> operators,
                                      std::string_view title);

}  // namespace aureole
