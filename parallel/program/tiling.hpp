#pragma once
#include "parallel/program/local_graph.hpp"
#include "parallel/program/machine_model.hpp"

namespace aureole {

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

}  // namespace aureole
