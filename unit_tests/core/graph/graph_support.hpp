#pragma once
#include <algorithm>

#include "core/graph/memory_plan.hpp"
#include "core/models/network_builder.hpp"

namespace aureole::test {

/// A graph with its image input.
struct SmallGraph {
    Graph graph;
    NetworkBuilder net{graph, {Mode::train, DType::f64, 0}};
    ValueId input = net.image({2, 1, 8, 8, 4});

    /// A 3 x 3 convolution that keeps the extents.
    ValueId conv(std::string const& name, ValueId x, Index filters = 4) {
        return net.conv(name, x, {windows(Dimensions::two, 3, 1, 1), filters, 1, false, false});
    }
};

inline Index count_kind(Graph const& graph, std::string_view kind) {
    auto const& nodes = graph.nodes();
    return std::count_if(nodes.begin(), nodes.end(), [&](Node const& node) { return node.op->kind() == kind; });
}

/// The node that computes the value of that name.
inline Node const& producer_of(Graph const& graph, std::string_view name) {
    return graph.node(graph.value(graph.find(name)).producer);
}

/// What a program of one rank asks for: inputs from the start, losses and gradients until the end, no workspace.
inline MemoryRequest request_of(Graph const& graph) {
    std::size_t const count = graph.values().size();
    MemoryRequest request{std::vector<std::size_t>(count), std::vector<std::size_t>(graph.nodes().size()),
                          std::vector<bool>(count), std::vector<bool>(count),
                          std::vector<int>(count, MemoryRequest::made_here)};
    for (std::size_t i = 0; i < count; ++i) {
        Value const& value = graph.values()[i];
        request.value_bytes[i] = static_cast<std::size_t>(value.type.shape.volume()) * size_of(value.type.dtype);
        request.persistent[i] = value.role == Role::parameter || value.role == Role::state;
        request.until_end[i] = value.role == Role::loss || value.role == Role::gradient;
        if (value.role == Role::input) { request.arrives[i] = 0; }
    }
    return request;
}

}  // namespace aureole::test
