#pragma once
#include <cstdint>

#include "parallel/schedule/operation.hpp"

namespace aureole {

/// One instruction with its times, simulated or measured, in seconds.
struct Event {
    int row = 0;
    Op op = Op::forward;
    int pipe = 0;
    int stage = 0;
    int micro_batch = 0;
    double start = 0, end = 0;
};

/// The row works, rather than waits or leaves the work to the network.
[[nodiscard]] constexpr bool is_busy(Op op) { return is_compute(op) || op == Op::update; }

}  // namespace aureole
