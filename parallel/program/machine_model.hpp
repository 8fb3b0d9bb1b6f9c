#pragma once
#include <algorithm>

#include "core/graph/graph.hpp"

namespace aureole {

/// Seconds that a rank's graph takes by a simple model, for the choice between plans: compute at `flops` per second and
/// `bytes` of memory traffic per second, messages at a latency and a bandwidth.
struct MachineModel {
    double flops = 1e11, memory_bytes = 1e10;  ///< of one rank
    double latency = 2e-5;                     ///< seconds per exchange or reduction
    double message_bytes = 4e9;                ///< per second

    /// Of a kernel: limited by arithmetic or by memory.
    [[nodiscard]] double seconds(Cost const& cost) const {
        return std::max(cost.flops / flops, cost.bytes / memory_bytes);
    }
};

/// Seconds of a node's kernel over all of its tensors; nothing for what moves or renames data only.
[[nodiscard]] double seconds_of(Graph const& graph, Node const& node, MachineModel const& machine);

/// Share of a tensor's elements.
[[nodiscard]] double share_of(Box const& part, Shape const& whole);

}  // namespace aureole
