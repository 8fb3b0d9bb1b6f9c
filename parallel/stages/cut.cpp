#include "parallel/stages/cut.hpp"

#include <algorithm>
#include <set>

#include "core/error.hpp"

namespace aureole {

namespace {

bool is_forward(Node const& node) { return node.phase == Phase::forward; }

void check_cuts(Graph const& graph, std::span<int const> first_units) {
    require(!first_units.empty() && first_units[0] == 0, "stages do not begin with the first unit");
    auto const units = static_cast<int>(graph.units().size());
    for (std::size_t i = 1; i < first_units.size(); ++i) {
        require(first_units[i] > first_units[i - 1] && first_units[i] < units, ExitCode::bad_deck,
                "stage {} of {} is empty (the network has {} units): give every stage at least one unit", i,
                first_units.size(), units);
    }
}

/// What one stage knows of the whole graph.
Graph part_of(Graph const& graph, std::vector<int> const& stage_of_node, int stage) {
    std::vector<Node> nodes;
    std::set<ValueId> known;
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        Node const& node = graph.nodes()[i];
        if (stage_of_node[i] != stage) { continue; }
        known.insert(node.inputs.begin(), node.inputs.end());
        known.insert(node.outputs.begin(), node.outputs.end());
        nodes.push_back(node);
    }
    Graph part = graph;
    for (std::size_t i = 0; i < graph.values().size(); ++i) {
        auto const id = static_cast<ValueId>(i);
        Value& value = part.value(id);
        bool const here = known.count(id) != 0;
        NodeId const producer = graph.value(id).producer;
        bool const arrives = here && producer != none && stage_of_node[static_cast<std::size_t>(producer)] != stage;
        if (arrives) {
            value.role = Role::input;
            value.arrives = is_forward(graph.node(producer)) ? Phase::forward : Phase::input_gradient;
        }
        if (!here) {
            if (value.role == Role::parameter) { part.set_gradient(id, none); }
            value.role = Role::activation;
        }
    }
    part.replace_nodes(std::move(nodes));
    return part;
}

}  // namespace

StagedGraph cut(Graph const& graph, std::span<int const> first_units) {
    check_cuts(graph, first_units);
    std::vector<int> stage_of_node;
    for (Node const& node : graph.nodes()) { stage_of_node.push_back(stage_of_unit(first_units, node.unit)); }
    StagedGraph staged;
    for (int stage = 0; stage < static_cast<int>(first_units.size()); ++stage) {
        staged.stages.push_back(part_of(graph, stage_of_node, stage));
    }
    std::vector<std::set<int>> users(graph.values().size());  // stages, by value
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        for (ValueId const id : graph.nodes()[i].inputs) {
            users[static_cast<std::size_t>(id)].insert(stage_of_node[i]);
        }
    }
    for (std::size_t i = 0; i < graph.values().size(); ++i) {
        auto const id = static_cast<ValueId>(i);
        NodeId const producer = graph.value(id).producer;
        if (producer == none) { continue; }
        int const from = stage_of_node[static_cast<std::size_t>(producer)];
        bool const forward = is_forward(graph.node(producer));
        for (int const to : users[i]) {
            if (to == from) { continue; }
            require(forward == (to > from), ExitCode::bad_deck,
                    "{} goes from stage {} to stage {} in the {} pass (stages would wait for each other): cut the "
                    "network elsewhere",
                    graph.value(id).name, from, to, forward ? "forward" : "backward");
            staged.crossings.push_back({id, from, to, !forward});
        }
    }
    return staged;
}

std::vector<Link> links_of(StagedGraph const& staged) {
    std::set<std::pair<int, int>> pairs;
    for (Crossing const& each : staged.crossings) {
        // every gradient goes back where an activation came from
        pairs.insert({std::min(each.from, each.to), std::max(each.from, each.to)});
    }
    std::vector<Link> links;
    for (auto const& [from, to] : pairs) { links.push_back({from, to}); }
    return links;
}

std::vector<ValueId> crossing_activations(Graph const& graph, std::span<int const> first_units) {
    std::set<ValueId> crossing;
    for (Node const& node : graph.nodes()) {
        for (ValueId const id : node.inputs) {
            NodeId const producer = graph.value(id).producer;
            if (producer == none || !is_forward(graph.node(producer))) { continue; }
            if (stage_of_unit(first_units, graph.node(producer).unit) != stage_of_unit(first_units, node.unit)) {
                crossing.insert(id);
            }
        }
    }
    return {crossing.begin(), crossing.end()};
}

}  // namespace aureole
