#include "app/pipeline.hpp"

#include <fmt/format.h>

#include <fstream>
#include <numeric>
#include <sstream>

#include "core/error.hpp"
#include "io/file/link.hpp"
#include "parallel/schedule/generate.hpp"
#include "parallel/schedule/lower.hpp"
#include "parallel/schedule/text.hpp"
#include "parallel/schedule/validate.hpp"
#include "parallel/stages/cut.hpp"

namespace aureole {

namespace {

/// Grids of more ranks are planned for one tile of every row.
constexpr int most_planned = 32;

/// Micro-batches of all stages that a schedule is planned for.
constexpr Index most_passes = Index{1} << 20;

/// Pixels of a tile and of one more around it, where the image goes on, of all its samples.
Index pixels_with_border(Box const& tile, Shape const& image) {
    Index pixels = tile.hi[0] - tile.lo[0];
    for (std::size_t axis = 1; axis <= 3; ++axis) {
        Index const lo = std::max<Index>(0, tile.lo[axis] - 1);
        pixels *= std::min(image.extents()[axis], tile.hi[axis] + 1) - lo;
    }
    return pixels;
}

ScheduleKind kind_of(ParallelSpec::Schedule schedule) {
    using S = ParallelSpec::Schedule;
    switch (schedule) {
        case S::layer: return ScheduleKind::layer;
        case S::gpipe: return ScheduleKind::gpipe;
        case S::one_f_one_b: return ScheduleKind::one_f_one_b;
        case S::overlap_one_f_one_b: return ScheduleKind::overlap_one_f_one_b;
        case S::interleaved: return ScheduleKind::interleaved;
        case S::breadth_first: return ScheduleKind::breadth_first;
        case S::zb_h1: return ScheduleKind::zb_h1;
    }
    return ScheduleKind::one_f_one_b;
}

std::string read_text(std::string const& path) {
    std::ifstream file(path);
    if (!file.good()) { require_link_target(path, ExitCode::bad_deck); }
    require(file.good(), ExitCode::bad_deck, "cannot read the schedule '{}': correct parallel.schedule_file", path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// The table of a file must be one for the deck's stages and micro-batches, which go through a stage in order: running
/// statistics are updated so.
Schedule read_table(Deck const& deck, int micro_batches) {
    ParallelSpec const& parallel = deck.parallel;
    Schedule schedule = read_schedule(read_text(parallel.schedule_file), parallel.schedule_file);
    require(
        schedule.stages == parallel.stages && schedule.micro_batches == micro_batches, ExitCode::bad_deck,
        "{}: '{}' is for {} stages and {} micro-batches, the deck has {} and {} on each replica: make them the same",
        deck.where("parallel.schedule_file"), parallel.schedule_file, schedule.stages, schedule.micro_batches,
        parallel.stages, micro_batches);
    require(
        schedule.ranks * parallel.chunks == parallel.stages, ExitCode::bad_deck,
        "{}: '{}' has {} rows for {} stages, {} on each: set parallel.chunks to the stages of a row, or correct the "
        "table",
        deck.where("parallel.schedule_file"), parallel.schedule_file, schedule.ranks, parallel.stages, parallel.chunks);
    for (std::vector<Instruction> const& row : schedule.rows) {
        std::vector<int> last(static_cast<std::size_t>(schedule.stages), -1);
        for (Instruction const& each : row) {
            if (each.op != Op::forward) { continue; }
            int& before = last[static_cast<std::size_t>(each.stage)];
            require(each.micro_batch > before, ExitCode::bad_deck,
                    "{}: in '{}' stage {} runs micro-batch {} forward after {} (running statistics are updated in "
                    "order): put them in ascending order",
                    deck.where("parallel.schedule_file"), parallel.schedule_file, each.stage, each.micro_batch, before);
            before = each.micro_batch;
        }
    }
    return schedule;
}

Schedule order_of(Deck const& deck) {
    ParallelSpec const& parallel = deck.parallel;
    auto const micro_batches = static_cast<int>(deck.train.micro_batches / parallel.data);
    Extent const passes = Extent(parallel.stages) * micro_batches;
    require(passes.is_at_most(most_passes), ExitCode::bad_deck,
            "{}: {} stages take {} micro-batches each (a schedule has {} passes at most): use fewer stages, or larger "
            "micro-batches",
            deck.where("parallel.stages"), parallel.stages, micro_batches, most_passes);
    if (!parallel.schedule_file.empty()) { return read_table(deck, micro_batches); }
    try {
        return generate({kind_of(parallel.schedule), static_cast<int>(parallel.stages / parallel.chunks),
                         static_cast<int>(parallel.chunks), micro_batches});
    } catch (Error const& error) { fail(error.code(), "{}: {}", deck.where("parallel.schedule"), error.what()); }
}

double weight_of(UnitWeight const& unit, ParallelSpec::Cut cut) {
    switch (cut) {
        case ParallelSpec::Cut::uniform: return 1;
        case ParallelSpec::Cut::flops: return unit.flops;
        case ParallelSpec::Cut::time: return unit.seconds;
        case ParallelSpec::Cut::memory: return unit.bytes;
    }
    return 1;
}

std::vector<int> units_of_balance(Deck const& deck, int units) {
    std::vector<Index> const& counts = deck.parallel.balance;
    Index const sum = std::accumulate(counts.begin(), counts.end(), Index{0});
    require(sum == units, ExitCode::bad_deck, "{}: balance adds up to {} units, the network has {}: make it {}",
            deck.where("parallel.balance"), sum, units, units);
    std::vector<int> first{0};
    for (std::size_t i = 0; i + 1 < counts.size(); ++i) { first.push_back(first.back() + static_cast<int>(counts[i])); }
    return first;
}

}  // namespace

TileGrid tiles_of_stage(Deck const& deck, int stage) {
    ParallelSpec::Spatial const& spatial = deck.parallel.spatial;
    auto const counts = spatial.counts(stage);
    if (!deck.parallel.is_tiled(stage)) { return TileGrid(counts).with_sample_parts(deck.parallel.local_data); }
    if (counts != spatial.counts()) { return TileGrid(counts); }
    Shape const image = deck.image.shape();
    return {counts,
            {spatial.depth_boundaries, spatial.row_boundaries, spatial.column_boundaries},
            {image.d, image.h, image.w}};
}

std::vector<int> cut_units(Deck const& deck, Graph const& graph) {
    ParallelSpec const& parallel = deck.parallel;
    auto const units = static_cast<int>(graph.units().size());
    auto const stages = static_cast<int>(parallel.stages);
    if (!parallel.balance.empty()) { return units_of_balance(deck, units); }
    if (parallel.cut == ParallelSpec::Cut::uniform) { return cut_uniformly(units, stages); }
    std::vector<double> weights;
    for (UnitWeight const& unit : weigh_units(graph)) { weights.push_back(weight_of(unit, parallel.cut)); }
    std::vector<int> ranks;
    int const rows = stages / static_cast<int>(parallel.chunks);
    for (int stage = 0; stage < stages; ++stage) { ranks.push_back(tiles_of_stage(deck, stage % rows).ranks()); }
    return balance(weights, ranks);
}

Pipeline plan_pipeline(Deck const& deck, Graph const& graph, std::vector<int> const& first_units) {
    Pipeline pipeline;
    auto const stages = static_cast<int>(first_units.size());
    auto const replicas = static_cast<int>(deck.parallel.data);
    if (stages == 1 && deck.parallel.schedule_file.empty()) {
        pipeline.grid = PipelineGrid({{0, tiles_of_stage(deck, 0)}}, {0}, replicas);
        return pipeline;
    }
    Schedule const order = order_of(deck);
    std::vector<Stage> meshes;
    std::vector<int> rows;
    for (int stage = 0; stage < stages; ++stage) {
        rows.push_back(order.row_of(0, stage));
        meshes.push_back({first_units[static_cast<std::size_t>(stage)], tiles_of_stage(deck, rows.back())});
    }
    pipeline.grid = PipelineGrid(std::move(meshes), std::move(rows), replicas);
    if (stages > 1) { pipeline.links = links_of(cut(graph, first_units)); }
    pipeline.schedule = lower(order, pipeline.links);
    require_valid(pipeline.schedule, pipeline.links);
    return pipeline;
}

Shape images_of(Deck const& deck) {
    Shape images = deck.image.shape();
    images.n = deck.train.batch / deck.train.micro_batches;
    return images;
}

std::vector<int> planned_ranks(PipelineGrid const& grid, Shape const& images) {
    std::vector<int> ranks;
    bool const all = grid.ranks_per_replica() <= most_planned;
    for (int row = 0; row < grid.rows(); ++row) {
        TileGrid const& tiles = grid.stage(grid.stages_of(row)[0]).tiles;
        int largest = 0;
        for (int tile = 0; tile < tiles.ranks(); ++tile) {
            if (all) { ranks.push_back(grid.first_rank_of(row) + tile); }
            Index const pixels = pixels_with_border(tiles.tile(tile, images), images);
            if (pixels > pixels_with_border(tiles.tile(largest, images), images)) { largest = tile; }
        }
        if (!all) { ranks.push_back(grid.first_rank_of(row) + largest); }
    }
    return ranks;
}

std::string to_string(PipelineGrid const& grid) {
    std::string text;
    if (grid.replicas() > 1) { text = fmt::format("{} replicas of ", grid.replicas()); }
    if (grid.stages() == 1) {
        TileGrid const& mesh = grid.stage(0).tiles;
        return text + to_string(mesh) + (mesh.sample_parts() > 1 ? "" : " tiles");
    }
    text += fmt::format("{} stages on rows of", grid.stages());
    for (int row = 0; row < grid.rows(); ++row) {
        text += fmt::format(" [{}]", to_string(grid.stage(grid.stages_of(row)[0]).tiles));
    }
    return text;
}

}  // namespace aureole
