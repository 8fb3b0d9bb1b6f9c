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

namespace {

Part part_of(Program const& program, ValueId id) {
    Part part{program.spec(id), program.tensor(id)};
    if (part.tensor.data == nullptr) { part.spec.box = Box{}; }
    return part;
}

/// What travels of a persistent tensor, before its name and its values.
struct PersistentHeader {
    std::int64_t name = 0;  ///< characters; 0: there are no more
    std::int32_t kind = 0, dtype = 0;
    std::array<Index, axis_count> extents{};
};

void send(Comm const& comm, Persistent const& entry, std::vector<double> const& values) {
    PersistentHeader const header{static_cast<std::int64_t>(entry.name.size()), static_cast<std::int32_t>(entry.kind),
                                  static_cast<std::int32_t>(entry.spec.dtype), entry.spec.global.extents()};
    comm.send(&header, sizeof(header), 0);
    comm.send(entry.name.data(), entry.name.size(), 0);
    comm.send(values.data(), values.size() * sizeof(double), 0);
}

bool receive(Comm const& comm, int rank, Persistent& entry, std::vector<double>& values) {
    PersistentHeader header;
    comm.receive(&header, sizeof(header), rank);
    if (header.name == 0) { return false; }
    entry.name.resize(static_cast<std::size_t>(header.name));
    comm.receive(entry.name.data(), entry.name.size(), rank);
    entry.kind = static_cast<Persistent::Kind>(header.kind);
    auto const& [n, d, h, w, c] = header.extents;
    entry.spec = TensorSpec::whole(static_cast<DType>(header.dtype), {n, d, h, w, c});
    values.resize(static_cast<std::size_t>(entry.spec.global.volume()));
    comm.receive(values.data(), values.size() * sizeof(double), rank);
    return true;
}

}  // namespace

Part train_part(Engine const& engine, ValueId id) {
    Part part = part_of(engine.train(0), id);
    for (std::size_t i = 1; i < engine.stages() && part.spec.box.empty(); ++i) { part = part_of(engine.train(i), id); }
    return part;
}

Part eval_part(Engine const& engine, ValueId id) {
    Part part = part_of(*engine.eval(0), id);
    for (std::size_t i = 1; i < engine.stages() && part.spec.box.empty(); ++i) { part = part_of(*engine.eval(i), id); }
    return part;
}

void collect(Comm const* comm, Engine const& engine, std::function<bool(Persistent const&)> const& wanted,
             std::function<void(Persistent const&, std::vector<double> const&)> const& take) {
    PipelineGrid::Place const here = engine.place();
    bool const is_root = comm == nullptr || comm->rank() == 0;
    bool const sends = !is_root && here.replica == 0 && here.tile == 0;
    for (Persistent const& entry : engine.persistent().entries()) {
        if (!wanted(entry) || !(is_root || sends)) { continue; }
        std::vector<double> const values = read_values(engine.tensor(entry));
        if (is_root) {
            take(entry, values);
        } else {
            send(*comm, entry, values);
        }
    }
    if (sends) {
        PersistentHeader const last;
        comm->send(&last, sizeof(last), 0);
    }
    if (!is_root) { return; }
    for (int row = 1; row < engine.grid().rows(); ++row) {
        Persistent entry;
        std::vector<double> values;
        while (receive(*comm, engine.grid().first_rank_of(row), entry, values)) { take(entry, values); }
    }
}

std::vector<double> gather(Comm const* comm, Part const& part) {
    Box const& box = part.spec.box;
    std::vector<double> mine = box.empty() ? std::vector<double>{} : read_values(part.tensor);
    if (comm == nullptr) { return mine; }
    if (comm->rank() != 0) {
        comm->send(&box, sizeof(Box), 0);
        comm->send(mine.data(), mine.size() * sizeof(double), 0);
        return {};
    }
    std::vector<double> whole(static_cast<std::size_t>(part.spec.global.volume()));
    place(whole, part.spec.global, box, mine.data());
    for (int rank = 1; rank < comm->size(); ++rank) {
        Box theirs;
        comm->receive(&theirs, sizeof(Box), rank);
        mine.resize(static_cast<std::size_t>(theirs.shape().volume()));
        comm->receive(mine.data(), mine.size() * sizeof(double), rank);
        place(whole, part.spec.global, theirs, mine.data());
    }
    return whole;
}

}  // namespace aureole
