#include "app/ranks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.hpp"
#include "core/tensor/arena.hpp"
#include "parallel/exchange/message_span.hpp"
#include "parallel/grid/wait.hpp"

namespace aureole {

namespace {

std::string grid_text(ParallelSpec const& parallel) {
    auto const [d, h, w] = parallel.spatial.counts(0);
    std::string const tiles = d > 1 ? fmt::format("{} x {} x {} tiles", d, h, w) : fmt::format("{} x {} tiles", h, w);
    std::string const samples = fmt::format("{} parts of the samples", parallel.local_data);
    bool const first_in_parts = !parallel.is_tiled(0) && parallel.local_data > 1;
    std::string text = parallel.data > 1 ? fmt::format("{} replicas of ", parallel.data) : "";
    if (parallel.stages == 1) { return text + (first_in_parts ? samples : tiles); }
    text += fmt::format("{} stages, the first in {}", parallel.stages, first_in_parts ? samples : tiles);
    return parallel.local_data == 1 || first_in_parts ? text : text + ", those without tiles in " + samples;
}

/// Whether a deck may have this grid.
bool is_possible(Deck const& deck, ParallelSpec const& grid) {
    Shape const image = deck.image.shape();
    auto const [d, h, w] = grid.spatial.counts(0);
    bool const shared = grid.local_data == 1 || (!grid.is_tiled(grid.rows() - 1) &&
                                                 grid.local_data <= deck.train.batch / deck.train.micro_batches);
    return h <= image.h && w <= image.w && grid.spatial.stages <= grid.rows() &&
           deck.train.micro_batches % grid.data == 0 && shared;
}

/// Grids for a number of ranks, as a deck writes them: other replicas, stages, tiles and parts of the samples, those
/// the deck has first.
std::string fitting_grids(Deck const& deck, int ranks) {
    ParallelSpec const& parallel = deck.parallel;
    std::vector<std::string> found;
    constexpr std::size_t most = 6;
    if (!parallel.spatial.stage_tiles.empty() || !parallel.schedule_file.empty()) { return ""; }  // one grid alone fits
    auto const add = [&](ParallelSpec const& grid) {
        if (found.size() >= most || grid.ranks() != ranks || !is_possible(deck, grid)) { return; }
        std::string text;
        if (grid.data != parallel.data) { text += fmt::format("parallel.data={} ", grid.data); }
        if (grid.stages != parallel.stages) { text += fmt::format("parallel.stages={} ", grid.stages); }
        if (grid.local_data != parallel.local_data) { text += fmt::format("parallel.local_data={} ", grid.local_data); }
        found.push_back(text + fmt::format("parallel.spatial.tiles=[{}]", fmt::join(grid.spatial.tiles, ", ")));
    };
    auto const add_tiles = [&](Index data, Index stages) {
        ParallelSpec grid = parallel;
        grid.data = data;
        grid.stages = stages;
        grid.spatial.slice = ParallelSpec::Slice::square;
        for (Index tiles = 1; tiles <= ranks && found.size() < most; ++tiles) {
            grid.spatial.tiles = {1, tiles};
            if (grid.ranks() != ranks) { continue; }
            for (Index rows = 1; rows <= tiles; ++rows) {
                if (tiles % rows != 0) { continue; }
                grid.spatial.tiles = {rows, tiles / rows};
                add(grid);
            }
        }
    };
    add_tiles(parallel.data, parallel.stages);
    for (ParallelSpec grid = parallel; grid.local_data <= ranks; ++grid.local_data) { add(grid); }
    for (Index stages = 1; stages <= ranks && parallel.chunks == 1 && parallel.balance.empty(); ++stages) {
        if (stages != parallel.stages) { add_tiles(parallel.data, stages); }
    }
    for (Index data = 1; data <= ranks; ++data) {
        if (data != parallel.data) { add_tiles(data, parallel.stages); }
    }
    return fmt::format("{}", fmt::join(found, ", or "));
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

/// The lists of all ranks one after another, on rank 0; empty elsewhere.
template <class T>
std::vector<T> gather_list(Comm const* comm, std::vector<T> mine) {
    if (comm == nullptr) { return mine; }
    std::uint64_t count = mine.size();
    if (comm->rank() != 0) {
        comm->send(&count, sizeof(count), 0);
        comm->send(mine.data(), mine.size() * sizeof(T), 0);
        return {};
    }
    for (int other = 1; other < comm->size(); ++other) {
        comm->receive(&count, sizeof(count), other);
        std::size_t const before = mine.size();
        mine.resize(before + count);
        comm->receive(mine.data() + before, count * sizeof(T), other);
    }
    return mine;
}

/// An OperatorEvent as it travels: names follow.
struct PlainOperatorEvent {
    int row = 0;
    OperatorEvent::Kind kind = OperatorEvent::Kind::compute;
    double start = 0, end = 0;
    int group = 0;
    std::size_t name_size = 0;
};

}  // namespace

void require_ranks(Deck const& deck, int started) {
    ParallelSpec const& parallel = deck.parallel;
    auto const needed = static_cast<int>(parallel.ranks());
    if (needed == started) { return; }
    std::string const grids = fitting_grids(deck, started);
    fail(ExitCode::bad_deck,
         "{}: the grid ({}) takes {} ranks, but {} processes were started: start {} (--local {}, or mpirun -np {}){}",
         deck.where("parallel"), grid_text(parallel), needed, started, needed, needed, needed,
         grids.empty() ? "" : fmt::format(", or set {}", grids));
}

void set_up_messages(ParallelSpec const& parallel) {
    using M = ParallelSpec::Messages;
    set_wait_limit(static_cast<double>(parallel.timeout));
    set_transport(parallel.messages == M::direct   ? Transport::direct
                  : parallel.messages == M::staged ? Transport::staged
                                                   : Transport::automatic);
}

namespace {

Part part_of(Program const& program, ValueId id, int frame) {
    Part part{program.spec(id), program.tensor(id, frame)};
    if (part.tensor.data == nullptr) {
        part.spec.box = Box{};
        return part;
    }
    require(program.is_kept(id), "{} is to be read after a run, but the plan lets others have its memory",
            program.graph().value(id).name);
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
    Part part;
    for (std::size_t i = 0; i < engine.stages(); ++i) {
        part = part_of(engine.train(i), id, engine.stage(i).last_frame());
        if (!part.spec.box.empty()) { break; }
    }
    if (engine.place().replica + 1 != engine.grid().replicas()) { part.spec.box = Box{}; }
    return part;
}

Part eval_part(Engine const& engine, ValueId id) {
    Part part;
    for (std::size_t i = 0; i < engine.stages(); ++i) {
        part = part_of(*engine.eval(i), id, 0);
        if (!part.spec.box.empty()) { break; }
    }
    return part;
}

std::string rank_prefix(Comm const* comm) { return comm == nullptr ? "" : fmt::format("[rank {}] ", comm->rank()); }

void send_text(Comm const& comm, std::string const& text, int to) {
    std::uint64_t const size = text.size();
    comm.send(&size, sizeof(size), to);
    comm.send(text.data(), text.size(), to);
}

std::string receive_text(Comm const& comm, int from) {
    std::uint64_t size = 0;
    comm.receive(&size, sizeof(size), from);
    std::string text(size, '\0');
    comm.receive(text.data(), text.size(), from);
    return text;
}

std::vector<std::string> gather_texts(Comm const* comm, std::string const& mine) {
    if (comm == nullptr) { return {mine}; }
    if (comm->rank() != 0) {
        send_text(*comm, mine, 0);
        return {};
    }
    std::vector<std::string> texts{mine};
    for (int rank = 1; rank < comm->size(); ++rank) { texts.push_back(receive_text(*comm, rank)); }
    return texts;
}

std::string broadcast_text(Comm const* comm, std::string text) {
    if (comm == nullptr) { return text; }
    std::uint64_t size = text.size();
    comm->broadcast(&size, sizeof(size));
    text.resize(size);
    comm->broadcast(text.data(), text.size());
    return text;
}

std::vector<Event> events_of(Comm const* comm, Engine const& engine) {
    std::vector<Event> mine;
    int const rank = comm == nullptr ? 0 : comm->rank();
    for (InstructionTime const& each : engine.times()) {
        Instruction const& done = each.instruction;
        mine.push_back({rank, done.op, done.pipe, done.stage, done.micro_batch, each.begin, each.end});
    }
    return gather_list(comm, mine);
}

std::vector<OperatorEvent> operator_events_of(Comm const* comm, Engine const& engine) {
    std::vector<OperatorEvent> events = engine.operator_events();
    if (comm == nullptr) { return events; }
    std::vector<PlainOperatorEvent> plain;
    std::vector<char> names;
    for (OperatorEvent const& each : events) {
        plain.push_back({each.row, each.kind, each.start, each.end, each.group, each.name.size()});
        names.insert(names.end(), each.name.begin(), each.name.end());
    }
    plain = gather_list(comm, plain);
    names = gather_list(comm, names);
    events.clear();
    char const* name = names.data();
    for (PlainOperatorEvent const& each : plain) {
        events.push_back({each.row, {name, each.name_size}, each.kind, each.start, each.end, each.group});
        name += each.name_size;
    }
    return events;
}

void collect(Comm const* comm, Engine const& engine, std::function<bool(Persistent const&)> const& wanted,
             std::function<void(Persistent const&, std::vector<double> const&)> const& take) {
    PipelineGrid::Place const here = engine.place();
    bool const is_root = comm == nullptr || comm->rank() == 0;
    bool const sends = !is_root && here.replica == 0 && here.tile == 0;
    for (Persistent const& entry : engine.persistent().entries()) {
        if (!wanted(entry)) { continue; }
        std::vector<double> const values = engine.gather(entry);
        if (is_root) { take(entry, values); }
        if (sends) { send(*comm, entry, values); }
    }
    if (sends) {
        PersistentHeader const last;
        comm->send(&last, sizeof(last), 0);
    }
    if (!is_root || comm == nullptr) { return; }
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
