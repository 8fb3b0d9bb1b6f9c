#pragma once
#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "core/graph/graph.hpp"
#include "core/graph/memory_plan.hpp"
#include "parallel/grid/layout.hpp"

namespace aureole {

/// A graph as one rank of a grid runs it: the same mathematics over local parts, with exchanges and reductions between.
struct LocalGraph {
    Graph graph;                                         ///< values of the global graph keep their ids
    std::vector<std::shared_ptr<Layout const>> layouts;  ///< by value: what every rank holds of it
    std::vector<Inside> inside;                          ///< values that lie in the memory of others
    std::vector<Inside> may_be_strided;    ///< tiles that may lie in the memory of the same with their halo, with other
                                           ///< elements between their rows, if all kernels that meet them can
    std::map<ValueId, Inside> strided;     ///< those of them that do, chosen with the kernels
    std::set<ValueId> partial_gradients;   ///< sums over this rank's pixels only, to be added up after the last
                                           ///< micro-batch
    std::set<std::string> partial_states;  ///< counters of this rank's pixels only
    std::set<std::string> tile_norms;      ///< nodes that take their tile for the whole image
    int rank = 0;

    [[nodiscard]] Box box(ValueId id) const { return (*layouts[static_cast<std::size_t>(id)])[rank]; }
    /// What this rank holds of a value.
    [[nodiscard]] TensorSpec spec(ValueId id) const;
};

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

/// Whether a windowed operator computes what it can while the rest of its input travels: its output in three slabs,
/// the one between first.
enum class Overlap : std::uint8_t {
    never,
    worthwhile,  ///< where the machine model expects the exchange to take longer than the two more kernels
    always,      ///< wherever the slabs are contiguous in memory: one sample, cut along its outermost axis only
};

struct TilingOptions {
    bool defer_gradients = false;  ///< gradients stay partial: they are added up over micro-batches first
    /// Windowed operators served by one exchange ("fused halo"): all but the first of a chain compute the overlap that
    /// the next one needs, instead of receiving it. 1: every operator has an exchange of its own.
    int chain = 1;
    /// Batch norms take the statistics of their own tile: an approximation that other systems make, and no longer the
    /// mathematics of one rank.
    bool tile_norm = false;
    Overlap overlap = Overlap::worthwhile;
    MachineModel machine{};
};

/// Lowers a global graph to one rank of a grid of tiles and parts of the samples. Pure: needs no MPI, and may be asked
/// for any rank.
///
/// A value with more than one pixel is cut, along d, h, w and n; everything else is on all ranks. The access rule of an
/// operator turns the part of the output that a rank owns into the part of an input that it needs; where that is more
/// than it holds, an exchange is put in, once for all users with the same need. Reductions over tiles give partial
/// results, which are combined at once, or for gradients after the last micro-batch. Inputs of the network are not
/// exchanged: every rank is to be given all that it needs of them.
[[nodiscard]] LocalGraph tile(Graph graph, TileGrid const& grid, int rank, TilingOptions const& options = {});

/// Seconds that a rank's graph takes by the model, nothing of the messages hidden.
[[nodiscard]] double estimate_seconds(LocalGraph const& local, MachineModel const& machine = {});

/// The chain length from 1 to `longest` with the least estimate for this grid; judged at rank 0, so that all ranks
/// agree.
[[nodiscard]] int best_chain(Graph const& graph, TileGrid const& grid, int longest = 4);

/// The same for one rank: nothing is changed.
[[nodiscard]] LocalGraph whole(Graph graph);

}  // namespace aureole
