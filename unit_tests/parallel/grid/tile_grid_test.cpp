// Tiles of images: places, boundaries, and that they never miss or share a pixel.
#include <gtest/gtest.h>

#include "core/error.hpp"
#include "unit_tests/support/random_layouts.hpp"

namespace aureole::test {
namespace {

using Counts = std::array<Index, 3>;
using Boundaries = std::array<std::vector<Index>, 3>;

Box image_box(Index d0, Index d1, Index h0, Index h1, Index w0, Index w1, Shape const& shape) {
    return {{0, d0, h0, w0, 0}, {shape.n, d1, h1, w1, shape.c}};
}

/// Every position of the tensor lies in exactly one tile.
void expect_partition(TileGrid const& grid, Shape const& shape) {
    std::vector<int> owners(static_cast<std::size_t>(shape.volume()), 0);
    Box const whole = Box::whole(shape);
    Index volume = 0;
    for (int rank = 0; rank < grid.ranks(); ++rank) {
        Box const tile = grid.tile(rank, shape);
        volume += tile.shape().volume();
        ASSERT_TRUE(contains(whole, tile)) << to_string(tile);
        for_positions(tile, [&](auto const& at) { ++owners[place_in(whole, at)]; });
    }
    ASSERT_EQ(volume, shape.volume()) << to_string(grid) << " of " << to_string(shape);
    ASSERT_EQ(std::count(owners.begin(), owners.end(), 1), shape.volume()) << to_string(grid);
}

ExitCode code_of_error(Counts const& counts, Boundaries const& boundaries, Counts const& image) {
    try {
        TileGrid const grid(counts, boundaries, image);
    } catch (Error const& error) { return error.code(); }
    return ExitCode::success;
}

TEST(TileGrid, OneTileIsTheImage) {
    TileGrid const grid;
    Shape const shape{2, 3, 5, 7, 4};
    EXPECT_EQ(grid.ranks(), 1);
    EXPECT_EQ(grid.tile(0, shape), Box::whole(shape));
}

TEST(TileGrid, CountsRanksRowByRow) {
    TileGrid const grid(Counts{2, 3, 4});
    EXPECT_EQ(grid.ranks(), 24);
    int rank = 0;
    for (Index d = 0; d < 2; ++d) {
        for (Index h = 0; h < 3; ++h) {
            for (Index w = 0; w < 4; ++w) { EXPECT_EQ(grid.coordinates(rank++), (Counts{d, h, w})); }
        }
    }
    EXPECT_EQ(to_string(grid), "2 x 3 x 4");
    EXPECT_EQ(to_string(TileGrid(Counts{1, 3, 4})), "3 x 4");
}

TEST(TileGrid, EveryPartOfTheSamplesHasAllTiles) {
    TileGrid const grid = TileGrid(Counts{1, 2, 3}).with_sample_parts(2);
    EXPECT_EQ(grid.ranks(), 12);
    EXPECT_EQ(grid.sample_parts(), 2);
    Shape const shape{5, 1, 4, 6, 2};
    for (int rank = 0; rank < 6; ++rank) {
        Box first = TileGrid(Counts{1, 2, 3}).tile(rank, shape), second = first;
        first.hi[0] = second.lo[0] = 2;  // uneven: 2 and 3 samples
        EXPECT_EQ(grid.tile(rank, shape), first);
        EXPECT_EQ(grid.tile(rank + 6, shape), second);
        EXPECT_EQ(grid.coordinates(rank + 6), grid.coordinates(rank));
    }
    EXPECT_EQ(to_string(grid), "samples / 2, 2 x 3");
    EXPECT_EQ(to_string(TileGrid{}.with_sample_parts(3)), "samples / 3");
    EXPECT_THROW(static_cast<void>(TileGrid{}.with_sample_parts(0)), Error);
}

TEST(TileGrid, APartIsEmptyWhereThereAreFewerSamples) {
    TileGrid const grid = TileGrid{}.with_sample_parts(3);
    Index samples = 0;
    for (int rank = 0; rank < 3; ++rank) { samples += grid.tile(rank, {2, 1, 4, 4, 1}).shape().n; }
    EXPECT_EQ(samples, 2);
    EXPECT_TRUE(grid.tile(0, {2, 1, 4, 4, 1}).empty());
}

TEST(TileGrid, CutsEvenlyUpToOnePixel) {
    TileGrid const grid(Counts{1, 2, 3});
    Shape const shape{2, 1, 5, 7, 3};
    EXPECT_EQ(grid.tile(0, shape), image_box(0, 1, 0, 2, 0, 2, shape));
    EXPECT_EQ(grid.tile(1, shape), image_box(0, 1, 0, 2, 2, 4, shape));
    EXPECT_EQ(grid.tile(5, shape), image_box(0, 1, 2, 5, 4, 7, shape));
}

TEST(TileGrid, TakesBoundaries) {
    TileGrid const grid(Counts{1, 3, 2}, Boundaries{{{}, {1, 6}, {9}}}, Counts{1, 8, 10});
    Shape const shape{1, 1, 8, 10, 1};
    EXPECT_EQ(grid.tile(0, shape), image_box(0, 1, 0, 1, 0, 9, shape));
    EXPECT_EQ(grid.tile(3, shape), image_box(0, 1, 1, 6, 9, 10, shape));
    EXPECT_EQ(grid.tile(4, shape), image_box(0, 1, 6, 8, 0, 9, shape));
}

TEST(TileGrid, ScalesBoundariesToOtherResolutions) {
    TileGrid const grid(Counts{1, 3, 1}, Boundaries{{{}, {3, 6}, {}}}, Counts{1, 8, 8});
    auto const rows = [&](int rank, Index h) {
        Box const tile = grid.tile(rank, {1, 1, h, h, 1});
        return std::pair{tile.lo[2], tile.hi[2]};
    };
    EXPECT_EQ(rows(0, 16), std::pair(Index{0}, Index{6}));
    EXPECT_EQ(rows(1, 16), std::pair(Index{6}, Index{12}));
    EXPECT_EQ(rows(0, 4), std::pair(Index{0}, Index{1}));  // 1.5, rounded down
    EXPECT_EQ(rows(1, 4), std::pair(Index{1}, Index{3}));
    EXPECT_EQ(rows(2, 4), std::pair(Index{3}, Index{4}));
    EXPECT_EQ(rows(0, 1), std::pair(Index{0}, Index{0}));  // nothing left
    EXPECT_EQ(rows(2, 1), std::pair(Index{0}, Index{1}));
}

TEST(TileGrid, TilesOfHalvedResolutionsCoverEachOther) {
    TileGrid const grid(Counts{1, 4, 3}, Boundaries{{{}, {10, 30, 50}, {20, 40}}}, Counts{1, 64, 64});
    for (Index extent = 64; extent > 1; extent /= 2) {
        for (int rank = 0; rank < grid.ranks(); ++rank) {
            Box const fine = grid.tile(rank, {1, 1, extent, extent, 1});
            Box const coarse = grid.tile(rank, {1, 1, extent / 2, extent / 2, 1});
            for (std::size_t axis = 2; axis <= 3; ++axis) { EXPECT_EQ(coarse.lo[axis], fine.lo[axis] / 2); }
        }
    }
}

TEST(TileGrid, HasEmptyTilesWhereThereAreMoreTilesThanPixels) {
    TileGrid const grid(Counts{1, 5, 1});
    Shape const shape{1, 1, 2, 3, 1};
    int empty = 0;
    for (int rank = 0; rank < grid.ranks(); ++rank) { empty += grid.tile(rank, shape).empty() ? 1 : 0; }
    EXPECT_EQ(empty, 3);
    expect_partition(grid, shape);
}

TEST(TileGrid, RefusesGridsThatDoNotFit) {
    Counts const image{1, 8, 8};
    EXPECT_THROW(TileGrid(Counts{1, 0, 2}), Error);
    EXPECT_THROW(TileGrid(Counts{1, 2, -1}), Error);
    EXPECT_EQ(code_of_error({1, 0, 1}, {}, image), ExitCode::bad_deck);
    EXPECT_EQ(code_of_error({1, 3, 1}, {{{}, {4}, {}}}, image), ExitCode::bad_deck) << "one boundary for three tiles";
    EXPECT_EQ(code_of_error({1, 1, 1}, {{{}, {4}, {}}}, image), ExitCode::bad_deck) << "a boundary for one tile";
    EXPECT_EQ(code_of_error({1, 3, 1}, {{{}, {4, 4}, {}}}, image), ExitCode::bad_deck) << "an empty tile";
    EXPECT_EQ(code_of_error({1, 3, 1}, {{{}, {5, 4}, {}}}, image), ExitCode::bad_deck) << "descending";
    EXPECT_EQ(code_of_error({1, 2, 1}, {{{}, {0}, {}}}, image), ExitCode::bad_deck) << "at the beginning";
    EXPECT_EQ(code_of_error({1, 2, 1}, {{{}, {8}, {}}}, image), ExitCode::bad_deck) << "at the end";
    EXPECT_EQ(code_of_error({1, 2, 1}, {{{}, {-3}, {}}}, image), ExitCode::bad_deck) << "before the image";
    EXPECT_EQ(code_of_error({2, 1, 1}, {{{1}, {}, {}}}, image), ExitCode::bad_deck) << "no room along d";
    EXPECT_EQ(code_of_error({1, 3, 1}, {{{}, {1, 7}, {}}}, image), ExitCode::success);
}

TEST(TileGrid, PartitionsEverySmallImageForEveryGrid) {
    for (Index d = 1; d <= 3; ++d)
        for (Index h = 1; h <= 6; ++h)
            for (Index w = 1; w <= 6; ++w)
                for (Index tiles_d = 1; tiles_d <= 3; ++tiles_d)
                    for (Index tiles_h = 1; tiles_h <= 4; ++tiles_h)
                        for (Index tiles_w = 1; tiles_w <= 4; ++tiles_w) {
                            expect_partition(TileGrid(Counts{tiles_d, tiles_h, tiles_w}), {2, d, h, w, 1});
                        }
}

TEST(TileGrid, PartitionsEveryResolutionForEveryChoiceOfBoundaries) {
    Index const image = 7;
    for (Index first = 1; first < image - 1; ++first) {
        for (Index second = first + 1; second < image; ++second) {
            TileGrid const grid(Counts{1, 3, 2}, Boundaries{{{}, {first, second}, {first}}}, Counts{1, image, image});
            for (Index extent = 1; extent <= 15; ++extent) { expect_partition(grid, {1, 2, extent, 16 - extent, 2}); }
        }
    }
}

TEST(TileGrid, PartitionsRandomVolumes) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        Random random(seed);
        Shape const image = random_shape(random);
        TileGrid const grid = random_grid(random, static_cast<int>(random.between(1, 12)), image);
        expect_partition(grid, image);
        expect_partition(grid, random_shape(random));
    }
}

}  // namespace
}  // namespace aureole::test
