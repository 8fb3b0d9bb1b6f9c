#include "parallel/stages/pipeline_grid.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"

namespace aureole::test {
namespace {

TileGrid tiles(Index rows, Index columns) { return TileGrid(std::array<Index, 3>{1, rows, columns}); }

TEST(PipelineGrid, TilesOfARowAreNeighboursThenRowsThenReplicas) {
    PipelineGrid const grid({{0, tiles(2, 2)}, {3, tiles(1, 2)}, {5, tiles(1, 1)}}, {0, 1, 2}, 2);
    EXPECT_EQ(grid.ranks(), 14);
    EXPECT_EQ(grid.ranks_per_replica(), 7);
    for (int rank = 0; rank < grid.ranks(); ++rank) { EXPECT_EQ(grid.rank(grid.place(rank)), rank); }
    EXPECT_EQ(grid.place(3).row, 0);
    EXPECT_EQ(grid.place(3).tile, 3);
    EXPECT_EQ(grid.place(5).row, 1);
    EXPECT_EQ(grid.place(5).tile, 1);
    EXPECT_EQ(grid.place(6).row, 2);
    EXPECT_EQ(grid.place(13).replica, 1);
    EXPECT_EQ(grid.first_units(), (std::vector<int>{0, 3, 5}));
}

TEST(PipelineGrid, StagesOfOneRowHaveAsManyTiles) {
    PipelineGrid const grid({{0, tiles(2, 1)}, {1, tiles(1, 2)}, {2, tiles(2, 1)}, {3, tiles(2, 1)}}, {0, 1, 0, 1}, 1);
    EXPECT_EQ(grid.ranks(), 4);
    EXPECT_EQ(grid.stages_of(1), (std::vector<int>{1, 3}));
    EXPECT_THROW(PipelineGrid({{0, tiles(2, 1)}, {1, tiles(1, 1)}}, {0, 0}, 1), Error);
}

TEST(PipelineGrid, LayoutsOfAStageAreSpreadOverTheRanksOfAReplica) {
    PipelineGrid const grid({{0, tiles(2, 1)}, {1, tiles(1, 1)}}, {0, 1}, 1);
    Shape const shape{1, 1, 4, 4, 2};
    Layout const first = grid.spread(Layout::tiled(tiles(2, 1), shape), 0);
    Layout const second = grid.spread(Layout::tiled(tiles(1, 1), shape), 1);
    ASSERT_EQ(first.ranks(), 3);
    EXPECT_TRUE(first[2].empty());
    EXPECT_TRUE(second[0].empty() && second[1].empty());
    EXPECT_EQ(second[2], Box::whole(shape));
}

}  // namespace
}  // namespace aureole::test
