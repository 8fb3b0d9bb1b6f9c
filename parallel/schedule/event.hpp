#pragma once
#include <cstdint>
#include <string>

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

/// One operator on a row, within an instruction where there are any: its work, or its messages.
struct OperatorEvent {
    enum class Kind : std::uint8_t { compute, exchange, reduction };
    int row = 0;
    std::string name;
    Kind kind = Kind::compute;
    double start = 0, end = 0;
    int group = 0;  ///< rows of a group wait for each other in operators of the same name
};

/// The row works, rather than waits or leaves the work to the network.
[[nodiscard]] constexpr bool is_busy(Op op) { return is_compute(op) || op == Op::update; }

}  // namespace aureole
