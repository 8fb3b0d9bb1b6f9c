#include "parallel/stages/balance.hpp"

#include <algorithm>
#include <limits>

#include "core/error.hpp"
#include "core/graph/cost.hpp"

namespace aureole {

namespace {

void require_units(int units, std::size_t stages) {
    require(units >= static_cast<int>(stages), ExitCode::bad_deck,
            "{} stages of a network of {} units (every stage needs one): set parallel.stages to {} or fewer", stages,
            units, units);
}

}  // namespace

std::vector<UnitWeight> weigh_units(Graph const& graph, MachineModel const& machine) {
    std::vector<UnitWeight> weights(graph.units().size());
    for (Node const& node : graph.nodes()) {
        if (node.op->is_view()) { continue; }
        Cost const cost = cost_of(graph, node);
        UnitWeight& weight = weights[static_cast<std::size_t>(node.unit)];
        weight.flops += cost.flops;
        weight.seconds += machine.seconds(cost);
        if (node.phase != Phase::forward) { continue; }
        for (ValueId const id : node.outputs) {
            ValueType const& type = graph.value(id).type;
            weight.bytes += static_cast<double>(type.shape.volume()) * static_cast<double>(size_of(type.dtype));
        }
    }
    return weights;
}

/// best[k][u]: the least largest weight with which the first k stages can take the first u units.
std::vector<int> balance(std::span<double const> weights, std::span<int const> ranks) {
    auto const units = static_cast<int>(weights.size());
    auto const stages = ranks.size();
    require_units(units, stages);
    std::vector<double> before(weights.size() + 1, 0);
    for (std::size_t i = 0; i < weights.size(); ++i) { before[i + 1] = before[i] + weights[i]; }
    constexpr double never = std::numeric_limits<double>::infinity();
    std::vector<std::vector<double>> best(stages + 1, std::vector<double>(weights.size() + 1, never));
    std::vector<std::vector<std::size_t>> from(stages + 1, std::vector<std::size_t>(weights.size() + 1, 0));
    best[0][0] = 0;
    for (std::size_t stage = 1; stage <= stages; ++stage) {
        for (std::size_t end = stage; end <= weights.size(); ++end) {
            for (std::size_t begin = end; begin-- > stage - 1;) {
                double const last = (before[end] - before[begin]) / ranks[stage - 1];
                if (last > best[stage][end]) { break; }  // and so are all longer ones
                double const weight = std::max(best[stage - 1][begin], last);
                if (weight <= best[stage][end]) {
                    best[stage][end] = weight;
                    from[stage][end] = begin;
                }
            }
        }
    }
    std::vector<int> first(stages);
    std::size_t end = weights.size();
    for (std::size_t stage = stages; stage > 0; --stage) {
        end = from[stage][end];
        first[stage - 1] = static_cast<int>(end);
    }
    return first;
}

std::vector<int> cut_uniformly(int units, int stages) {
    require_units(units, static_cast<std::size_t>(stages));
    std::vector<int> first;
    for (int stage = 0; stage < stages; ++stage) { first.push_back(stage * (units / stages)); }
    return first;
}

}  // namespace aureole
