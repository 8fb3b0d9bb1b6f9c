#include "app/grid_report.hpp"

#include <fmt/format.h>

#include <vector>

#include "app/ranks.hpp"
#include "app/run_plan.hpp"
#include "io/log/progress.hpp"
#include "parallel/program/communication.hpp"

namespace aureole {

namespace {

std::string range(Box const& box, std::size_t axis) {
    return box.empty() ? "-" : fmt::format("[{}, {})", box.lo[axis], box.hi[axis]);
}

/// "before+after" along one axis.
std::string halo(Box const& own, Box const& held, std::size_t axis) {
    if (own.empty() || held.empty()) { return "-"; }
    return fmt::format("{}+{}", own.lo[axis] - held.lo[axis], held.hi[axis] - own.hi[axis]);
}

/// A rank with neighbours on all sides, where the grid has one.
int middle_rank(TileGrid const& grid) {
    auto const& n = grid.counts();
    return static_cast<int>((n[0] / 2 * n[1] + n[1] / 2) * n[2] + n[2] / 2);
}

std::string owners(Deck const& deck, Network const& network, std::vector<LocalGraph> const& ranks) {
    TileGrid const grid = tiles_of_stage(deck, 0);
    Shape image = deck.image.shape();
    image.n = deck.train.batch / deck.train.micro_batches;
    bool const volume = image.d > 1, samples = grid.sample_parts() > 1;
    std::string text = fmt::format(
        "{} of an image of {}{} x {} pixels{}\n{:>6}{}{}{:>16}{:>16}   held of the input\n",
        samples ? fmt::format("{} parts of {} samples", grid.sample_parts(), image.n) : to_string(grid) + " tiles",
        volume ? fmt::format("{} x ", image.d) : "", image.h, image.w,
        deck.parallel.stages > 1 ? ", as the first stage has them, for the whole network" : "", "rank",
        samples ? fmt::format("{:>16}", "samples") : "", volume ? fmt::format("{:>16}", "d") : "", "h", "w");
    for (int rank = 0; rank < grid.ranks(); ++rank) {
        Box const own = grid.tile(rank, image);
        Box const held = ranks[static_cast<std::size_t>(rank)].box(network.input);
        text += fmt::format("{:>6}{}{}{:>16}{:>16}   {}{} x {}\n", rank,
                            samples ? fmt::format("{:>16}", range(own, 0)) : "",
                            volume ? fmt::format("{:>16}", range(own, 1)) : "", range(own, 2), range(own, 3),
                            volume ? range(held, 1) + " x " : "", range(held, 2), range(held, 3));
    }
    return text;
}

std::string exchanges(Deck const& deck, LocalGraph const& local) {
    bool const volume = deck.image.shape().d > 1;
    std::string text = fmt::format(
        "\nexchanges of one training micro-batch on rank {}, in their order (pixels before+after the tile)\n  {:<44}{}"
        "{:>8}{:>8}{:>10}{:>12}\n",
        local.rank, "value", volume ? fmt::format("{:>8}", "d") : "", "h", "w", "messages", "sent");
    for (Node const& node : local.graph.nodes()) {
        if (node.op->kind() != "redistribute_begin") { continue; }
        auto const& op = static_cast<RedistributeBegin const&>(*node.op);
        Redistribution const plan = plan_redistribution(op.from(), op.to(), local.rank);
        ValueType const& type = local.graph.value(node.inputs[0]).type;
        std::size_t bytes = 0;
        for (Transfer const& each : plan.sends) {
            bytes += static_cast<std::size_t>(each.box.shape().volume()) * size_of(type.dtype);
        }
        Box const own = op.from()[local.rank], held = op.to()[local.rank];
        text += fmt::format("  {:<44}{}{:>8}{:>8}{:>10}{:>12}\n", local.graph.value(node.inputs[0]).name,
                            volume ? fmt::format("{:>8}", halo(own, held, 1)) : "", halo(own, held, 2),
                            halo(own, held, 3), plan.sends.size(), bytes_text(static_cast<double>(bytes)));
    }
    Traffic const traffic = traffic_of(local);
    text += fmt::format("in all {} exchanges, {} messages, {} sent; {} reductions of {}\n", traffic.exchanges,
                        traffic.messages, bytes_text(static_cast<double>(traffic.bytes)), traffic.reductions,
                        bytes_text(static_cast<double>(traffic.reduced_bytes)));
    return text;
}

}  // namespace

std::string grid_report(Deck const& deck) {
    Index const samples = deck.train.batch / deck.train.micro_batches;
    Network const network = build_network(deck, Mode::train, samples);
    TileGrid const grid = tiles_of_stage(deck, 0);
    TilingOptions const options = tiling_of(deck, network.graph);
    std::vector<LocalGraph> ranks;
    for (int rank = 0; rank < grid.ranks(); ++rank) { ranks.push_back(tile(network.graph, grid, rank, options)); }
    return owners(deck, network, ranks) + exchanges(deck, ranks[static_cast<std::size_t>(middle_rank(grid))]);
}

}  // namespace aureole
