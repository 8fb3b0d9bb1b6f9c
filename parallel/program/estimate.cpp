#include "parallel/program/estimate.hpp"

#include "parallel/program/communicate.hpp"
#include "parallel/program/tiling.hpp"

namespace aureole {

namespace {

/// The value whose pixels the ranks of a grid share out for this node.
ValueId shared_out(Node const& node) {
    int const reduced = node.op->reduced_input();
    if (reduced >= 0) { return node.inputs[static_cast<std::size_t>(reduced)]; }
    return node.outputs.empty() ? node.inputs[0] : node.outputs[0];
}

}  // namespace

double estimate_seconds(LocalGraph const& local, MachineModel const& machine) {
    double seconds = 0;
    for (Node const& node : local.graph.nodes()) {
        if (node.inputs.empty()) { continue; }
        ValueId const anchor = shared_out(node);
        seconds +=
            share_of(local.box(anchor), local.graph.value(anchor).type.shape) * seconds_of(local.graph, node, machine);
    }
    Traffic const traffic = traffic_of(local);
    seconds += machine.latency * static_cast<double>(traffic.exchanges + traffic.reductions);
    seconds += static_cast<double>(traffic.bytes + 2 * traffic.reduced_bytes) / machine.message_bytes;
    return seconds;
}

int best_chain(Graph const& graph, TileGrid const& grid, int longest) {
    int best = 1;
    double least = 0;
    for (int chain = 1; chain <= longest && grid.ranks() > 1; ++chain) {
        double const seconds = estimate_seconds(tile(graph, grid, 0, {.chain = chain}));
        if (chain == 1 || seconds < least) {
            least = seconds;
            best = chain;
        }
    }
    return best;
}

}  // namespace aureole
