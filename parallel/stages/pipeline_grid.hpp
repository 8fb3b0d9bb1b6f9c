#pragma once
#include <vector>

#include "parallel/grid/layout.hpp"

namespace aureole {

/// A contiguous run of units, and the tiles into which its mesh of ranks cuts the image.
struct Stage {
    int first_unit = 0;
    TileGrid tiles{};
};

/// Ranks of replicas x rows x tiles. A row is a mesh of processes that runs one stage, or several in turn; a replica is
/// a whole pipeline. Tiles of a row have neighbouring ranks, rows follow each other, then replicas:
///
///   replica 0: [row 0: tile 0 1 2 3] [row 1: tile 0 1] [row 2: tile 0]   replica 1: ...
class PipelineGrid {
  public:
    /// One stage on one rank.
    PipelineGrid() : PipelineGrid(TileGrid{}) {}
    /// One stage in tiles.
    PipelineGrid(TileGrid const& tiles) : PipelineGrid({Stage{0, tiles}}, {0}, 1) {}  // NOLINT: a grid of tiles is one
    /// `row_of_stage`: stages of one row must have the same number of tiles; throws bad_deck otherwise.
    PipelineGrid(std::vector<Stage> stages, std::vector<int> row_of_stage, int replicas);

    struct Place {
        int replica = 0, row = 0, tile = 0;
    };
    [[nodiscard]] int ranks() const { return replicas_ * ranks_per_replica(); }
    [[nodiscard]] int ranks_per_replica() const { return first_rank_.back(); }
    [[nodiscard]] int replicas() const { return replicas_; }
    [[nodiscard]] int rows() const { return static_cast<int>(first_rank_.size()) - 1; }
    [[nodiscard]] int stages() const { return static_cast<int>(stages_.size()); }
    [[nodiscard]] Stage const& stage(int stage) const { return stages_[static_cast<std::size_t>(stage)]; }
    [[nodiscard]] int row_of(int stage) const { return row_of_stage_[static_cast<std::size_t>(stage)]; }
    [[nodiscard]] std::vector<int> stages_of(int row) const;
    [[nodiscard]] std::vector<int> first_units() const;
    [[nodiscard]] int ranks_of(int row) const { return first_rank_of(row + 1) - first_rank_of(row); }
    /// Within a replica.
    [[nodiscard]] int first_rank_of(int row) const { return first_rank_[static_cast<std::size_t>(row)]; }
    [[nodiscard]] Place place(int rank) const;
    [[nodiscard]] int rank(Place const& place) const;

    /// A layout over the tiles of a stage as one over the ranks of a replica: nothing on the others.
    [[nodiscard]] Layout spread(Layout const& layout, int stage) const;

  private:
    std::vector<Stage> stages_;
    std::vector<int> row_of_stage_;
    int replicas_ = 1;
    std::vector<int> first_rank_;  ///< by row, and the end
};

}  // namespace aureole
