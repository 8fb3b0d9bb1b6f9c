#include "io/deck/validate.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "io/deck/rules.hpp"
#include "io/deck/schema.hpp"

namespace aureole::deck {
namespace {

void check_run(Rules& rules) {
    Deck const& deck = rules.deck();
    if (rules.readable({"name"}) && (!is_plain_name(deck.name) || deck.name.front() == '.')) {
        rules.fail("name", "name is '{}' (it names a folder): use letters, digits, '_', '-' and '.'",
                   shorten(deck.name));
    }
    auto const& dump = deck.output.dump;
    bool const is_readable = rules.readable({"output.dump.step", "train.steps"});
    if (is_readable && dump.step && deck.train.steps && *dump.step > *deck.train.steps) {
        rules.fail("output.dump.step", "output.dump.step is {} (train.steps is {}): dump an earlier step", *dump.step,
                   *deck.train.steps);
    }
}

void check_boundaries(Rules& rules, std::string const& key, std::vector<Index> const& boundaries, Index tiles,
                      Index extent) {
    std::string const path = "parallel.spatial." + key;
    if (boundaries.empty() || !rules.readable({path})) { return; }
    if (static_cast<Index>(boundaries.size()) != tiles - 1) {
        rules.fail(path, "{} has {} positions for {} tiles (the image's own ends are not counted): give {}", key,
                   boundaries.size(), tiles, tiles - 1);
    }
    Index last = 0;
    for (Index const boundary : boundaries) {
        if (boundary <= last || boundary >= extent) {
            rules.fail(path,
                       "{} has {} (after {}, in an image of {} pixels): give ascending positions inside the image", key,
                       boundary, last, extent);
            return;
        }
        last = boundary;
    }
}

void check_tiles(Rules& rules) {
    ParallelSpec::Spatial const& spatial = rules.deck().parallel.spatial;
    if (!rules.readable({"parallel.spatial.tiles", "image.size"})) { return; }
    std::string const path = "parallel.spatial.tiles";
    if (spatial.tiles.size() == 1 && spatial.slice == ParallelSpec::Slice::square) {
        auto const root = static_cast<Index>(std::lround(std::sqrt(static_cast<double>(spatial.tiles[0]))));
        if (root * root != spatial.tiles[0]) {
            rules.fail(path,
                       "{} tiles cannot be cut square (no integer squares to it): give {} or {}, [rows, columns], or "
                       "slice: horizontal",
                       spatial.tiles[0], root * root, (root + 1) * (root + 1));
            return;
        }
    }
    bool const is_shaped = spatial.tiles.size() > 1 && spatial.stage_tiles.empty();
    if (is_shaped && spatial.slice != ParallelSpec::Slice::square) {
        rules.fail("parallel.spatial.slice",
                   "slice is for a number of tiles (tiles names rows and columns): leave it out");
    }
    auto const counts = spatial.counts();
    Shape const image = rules.deck().image.shape();
    std::array<Index, 3> const extents{image.d, image.h, image.w};
    static constexpr std::array<char const*, 3> axes{"deep", "high", "wide"};
    for (std::size_t i = 0; i < 3; ++i) {
        if (counts[i] > extents[i]) {
            rules.fail(path, "{} tiles along an image {} pixels {} (every tile needs one): give {} or fewer", counts[i],
                       extents[i], axes[i], extents[i]);
        }
    }
    check_boundaries(rules, "depth_boundaries", spatial.depth_boundaries, counts[0], image.d);
    check_boundaries(rules, "row_boundaries", spatial.row_boundaries, counts[1], image.h);
    check_boundaries(rules, "column_boundaries", spatial.column_boundaries, counts[2], image.w);
}

/// Whether stages and tiles go together.
void check_stages(Rules& rules) {
    ParallelSpec const& parallel = rules.deck().parallel;
    auto const& spatial = parallel.spatial;
    bool const chunked = parallel.schedule == ParallelSpec::Schedule::interleaved ||
                         parallel.schedule == ParallelSpec::Schedule::breadth_first;
    if (parallel.stages % parallel.chunks != 0) {
        rules.fail("parallel.chunks", "{} stages cannot be shared out {} to a rank: make stages a multiple of chunks",
                   parallel.stages, parallel.chunks);
        return;
    }
    if (parallel.chunks > 1 && !chunked && parallel.schedule_file.empty()) {
        rules.fail(
            "parallel.chunks",
            "{} stages on a rank are for the schedules interleaved and breadth-first: choose one, or leave chunks "
            "out",
            parallel.chunks);
    }
    if (!parallel.balance.empty() && static_cast<Index>(parallel.balance.size()) != parallel.stages) {
        rules.fail("parallel.balance", "balance has {} numbers for {} stages: give one for each",
                   parallel.balance.size(), parallel.stages);
    }
    Index const rows = parallel.stages / parallel.chunks;  // stages on the same ranks have the same tiles
    if (spatial.stages > rows) {
        rules.fail("parallel.spatial.stages",
                   "{} stages are to be tiled, but {} have ranks of their own: give {} or fewer", spatial.stages, rows,
                   rows);
    }
    if (static_cast<Index>(spatial.stage_tiles.size()) > rows) {
        rules.fail(
            "parallel.spatial.stage_tiles",
            "stage_tiles has {} numbers, but {} stages have ranks of their own: give {} or fewer, or leave it out",
            spatial.stage_tiles.size(), rows, rows);
    }
    if (!spatial.stage_tiles.empty() && spatial.tiles != std::vector<Index>{1, 1}) {
        rules.fail("parallel.spatial.stage_tiles", "both tiles and stage_tiles are given: leave one of them out");
    }
}

/// Whether there are stages whose ranks may share samples, and samples for all of them.
void check_local_data(Rules& rules) {
    ParallelSpec const& parallel = rules.deck().parallel;
    TrainSpec const& train = rules.deck().train;
    if (parallel.local_data == 1) { return; }
    bool tiled = true;
    for (Index row = 0; row < parallel.rows(); ++row) { tiled = tiled && parallel.is_tiled(row); }
    if (tiled) {
        rules.fail(
            "parallel.local_data",
            "{} ranks are to share the samples of stages that are not tiled, but every stage is: leave local_data "
            "out, or add a stage without tiles",
            parallel.local_data);
    }
    if (!rules.readable({"train.batch"}) || train.batch % train.micro_batches != 0) { return; }
    Index const samples = train.batch / train.micro_batches;
    if (parallel.local_data > samples) {
        rules.fail("parallel.local_data",
                   "{} ranks cannot share {} samples of a micro-batch (train.batch / train.micro_batches; every rank "
                   "needs one): give {} or less, or make micro-batches larger",
                   parallel.local_data, samples, samples);
    }
    if (train.norm == TrainSpec::Norm::tile && train.norm_batch && *train.norm_batch != samples) {
        rules.fail("parallel.local_data",
                   "train.norm: tile takes statistics of the samples of a rank, not of train.norm_batch samples: leave "
                   "norm_batch, norm or local_data out");
    }
}

/// Whether there is something to share.
void check_shards(Rules& rules) {
    OptimizerSpec const& optimizer = rules.deck().train.optimizer;
    if (!rules.readable({"train.optimizer", "parallel.shard_optimizer"})) { return; }
    bool const is_stateless = optimizer.kind == OptimizerSpec::Kind::sgd && optimizer.momentum == 0;
    if (rules.deck().parallel.shard_optimizer && is_stateless) {
        rules.fail(
            "parallel.shard_optimizer",
            "parallel.shard_optimizer is true (sgd without momentum keeps no state that could be shared): give a "
            "momentum, such as 0.9, or leave it out");
    }
}

void check_ranks(Rules& rules) {
    ParallelSpec const& parallel = rules.deck().parallel;
    if (!rules.readable({"parallel", "train.micro_batches"})) { return; }
    Index const parts = rules.deck().train.micro_batches;
    if (parts % parallel.data != 0) {
        rules.fail("parallel.data",
                   "{} replicas cannot share {} micro-batches (each takes whole ones, so that the grid does not change "
                   "statistics): make train.micro_batches a multiple of {}",
                   parallel.data, parts, parallel.data);
    }
    if (!parallel.counted_ranks().is_at_most(static_cast<Index>(most_ranks))) {
        rules.fail("parallel", "the grid takes more than {} ranks (data, stages and tiles together): choose fewer",
                   static_cast<Index>(most_ranks));
        return;
    }
    check_stages(rules);
    check_tiles(rules);
    check_local_data(rules);
}

}  // namespace

bool is_plain_name(std::string const& name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.';
    });
}

bool Rules::readable(std::initializer_list<std::string_view> paths) const {
    return std::all_of(paths.begin(), paths.end(), [&](std::string_view path) {
        for (std::string around(path); !around.empty();) {
            if (unreadable_.contains(around)) { return false; }
            auto const dot = around.rfind('.');
            around.resize(dot == std::string::npos ? 0 : dot);
        }
        std::string const below = std::string(path) + ".";
        auto const first = unreadable_.lower_bound(below);
        return !unreadable_.contains("") && (first == unreadable_.end() || !first->starts_with(below));
    });
}

std::vector<Problem> validate(Deck const& deck, std::set<std::string> const& unreadable) {
    Rules rules(deck, unreadable);
    check_run(rules);
    check_ranks(rules);
    check_shards(rules);
    check_model(rules);
    check_layers(rules);
    check_data(rules);
    check_train(rules);
    return rules.take();
}

}  // namespace aureole::deck
