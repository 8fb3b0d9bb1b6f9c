#pragma once
#include "io/deck/deck.hpp"
#include "parallel/grid/tile_grid.hpp"
#include "parallel/program/tiling.hpp"
#include "parallel/schedule/schedule.hpp"
#include "parallel/stages/balance.hpp"
#include "parallel/stages/pipeline_grid.hpp"

namespace aureole {

/// Stages of a deck's network on its ranks, and what they do when.
struct Pipeline {
    PipelineGrid grid;
    Schedule schedule;  ///< of one replica, with messages; no rows: a single stage, one micro-batch after the other
    std::vector<Link> links;
};

/// The tiles of a deck's stage, or its parts of the samples. The deck has been validated.
[[nodiscard]] TileGrid tiles_of_stage(Deck const& deck, int stage);

/// First units of a deck's stages: as `balance` or `cut` say. `graph` is the network for training before
/// recomputation.
[[nodiscard]] std::vector<int> cut_units(Deck const& deck, Graph const& graph);

/// `graph`: the network for training, built for these first units.
[[nodiscard]] Pipeline plan_pipeline(Deck const& deck, Graph const& graph, std::vector<int> const& first_units);

/// The images of one micro-batch.
[[nodiscard]] Shape images_of(Deck const& deck);

/// Ranks of the first replica whose plans tell what all need: all of them, or, if they are many, one of every row,
/// whose tile has the most pixels in it and next to it. `images`: of a micro-batch.
[[nodiscard]] std::vector<int> planned_ranks(PipelineGrid const& grid, Shape const& images);

/// "2 x 2 tiles", or "2 replicas of 3 stages on rows of [2 x 2] [1 x 1] [1 x 1]", or with samples shared out
/// "2 stages on rows of [2 x 2] [samples / 2]".
[[nodiscard]] std::string to_string(PipelineGrid const& grid);

}  // namespace aureole
