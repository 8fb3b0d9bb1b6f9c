#include "app/ranks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "core/tensor/arena.hpp"

namespace aureole {

namespace {

/// Grids of tiles for a number of ranks, as a deck writes them.
std::string fitting_grids(Deck const& deck, int ranks) {
    Shape const image = deck.image.shape();
    std::string text;
    for (Index rows = 1; rows <= ranks; ++rows) {
        Index const columns = ranks / rows;
        if (rows * columns != ranks || rows > image.h || columns > image.w) { continue; }
        text += fmt::format("{}[{}, {}]", text.empty() ? "" : ", ", rows, columns);
    }
    return text;
}

void place(std::vector<double>& whole, Shape const& shape, Box const& box, double const* part) {
    for (Index n = box.lo[0]; n < box.hi[0]; ++n) {
        for (Index d = box.lo[1]; d < box.hi[1]; ++d) {
            for (Index h = box.lo[2]; h < box.hi[2]; ++h) {
                Index const row = (((n * shape.d + d) * shape.h + h) * shape.w + box.lo[3]) * shape.c;
                Index const count = (box.hi[3] - box.lo[3]) * shape.c;
                std::copy(part, part + count, whole.begin() + row);
                part += count;
            }
        }
    }
}

constexpr int gather_tag = 0;

}  // namespace

TileGrid grid_of(Deck const& deck) {
    ParallelSpec::Spatial const& spatial = deck.parallel.spatial;
    Shape const image = deck.image.shape();
    return {spatial.counts(),
            {spatial.depth_boundaries, spatial.row_boundaries, spatial.column_boundaries},
            {image.d, image.h, image.w}};
}

void require_ranks(Deck const& deck, int started) {
    TileGrid const grid = grid_of(deck);
    if (grid.ranks() == started) { return; }
    std::string const grids = fitting_grids(deck, started);
    fail(ExitCode::bad_deck,
         "{}: the grid has {} tiles ({}), but {} processes were started: start {} (mpirun -np {}){}",
         deck.where("parallel.spatial.tiles"), grid.ranks(), to_string(grid), started, grid.ranks(), grid.ranks(),
         grids.empty() ? "" : fmt::format(", or set parallel.spatial.tiles to {}", grids));
}

std::vector<double> gather(Comm const* comm, TensorSpec const& spec, Tensor const& tensor) {
    std::vector<double> mine = spec.box.empty() ? std::vector<double>{} : read_values(tensor);
    if (comm == nullptr) { return mine; }
    if (comm->rank() != 0) {
        check_mpi(MPI_Send(&spec.box, static_cast<int>(sizeof(Box)), MPI_BYTE, 0, gather_tag, comm->get()), "MPI_Send");
        check_mpi(MPI_Send(mine.data(), mpi_count(mine.size()), MPI_DOUBLE, 0, gather_tag, comm->get()), "MPI_Send");
        return {};
    }
    std::vector<double> whole(static_cast<std::size_t>(spec.global.volume()));
    place(whole, spec.global, spec.box, mine.data());
    for (int rank = 1; rank < comm->size(); ++rank) {
        Box box;
        check_mpi(
            MPI_Recv(&box, static_cast<int>(sizeof(Box)), MPI_BYTE, rank, gather_tag, comm->get(), MPI_STATUS_IGNORE),
            "MPI_Recv");
        mine.resize(static_cast<std::size_t>(box.shape().volume()));
        check_mpi(
            MPI_Recv(mine.data(), mpi_count(mine.size()), MPI_DOUBLE, rank, gather_tag, comm->get(), MPI_STATUS_IGNORE),
            "MPI_Recv");
        place(whole, spec.global, box, mine.data());
    }
    return whole;
}

}  // namespace aureole
