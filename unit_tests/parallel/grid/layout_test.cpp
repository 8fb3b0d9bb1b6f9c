// What ranks hold and need of tensors.
#include <gtest/gtest.h>

#include "unit_tests/support/random_layouts.hpp"

namespace aureole::test {
namespace {

/// Whether an output position reads an input position along one axis, from the definition of each reach.
bool reads(Reach reach, Window const& window, Index output, Index input) {
    switch (reach) {
        case Reach::same: return input == output;
        case Reach::all: return true;
        case Reach::window: {
            Index const offset = input - (output * window.stride - window.pad_lo);
            return offset >= 0 && offset % window.dilation == 0 && offset / window.dilation < window.size;
        }
        case Reach::inverse_window: {
            Index const offset = output - (input * window.stride - window.pad_lo);
            return offset >= 0 && offset % window.dilation == 0 && offset / window.dilation < window.size;
        }
    }
    return false;
}

Window random_window(Random& random) {
    Index const size = random.between(1, 4);
    return {size, random.between(1, 3), random.between(0, size), random.between(0, size), random.between(1, 2)};
}

TEST(Layout, TilesOrReplicas) {
    TileGrid const grid(std::array<Index, 3>{1, 2, 3});
    Shape const shape{2, 1, 9, 7, 3};
    Layout const tiles = Layout::tiled(grid, shape), replicas = Layout::replicated(6, shape);
    EXPECT_EQ(tiles.ranks(), 6);
    EXPECT_EQ(replicas.ranks(), 6);
    for (int rank = 0; rank < 6; ++rank) {
        EXPECT_EQ(tiles[rank], grid.tile(rank, shape));
        EXPECT_EQ(replicas[rank], Box::whole(shape));
    }
    EXPECT_FALSE(tiles == replicas);
    EXPECT_TRUE(contains(replicas, tiles));
    EXPECT_FALSE(contains(tiles, replicas));
}

TEST(Layout, AnEmptyPartIsContainedInAny) {
    Shape const shape{1, 1, 4, 4, 1};
    Layout outer = Layout::tiled(TileGrid(std::array<Index, 3>{1, 2, 1}), shape), inner = outer;
    inner.boxes[0] = Box{};
    EXPECT_TRUE(contains(outer, inner));
    outer.boxes[0] = Box{};
    EXPECT_TRUE(contains(outer, inner));
    inner.boxes[0] = Box::whole(shape);
    EXPECT_FALSE(contains(outer, inner));
}

TEST(Layout, HalosOfAConvolution) {
    Shape const shape{1, 1, 9, 6, 2};
    Layout const tiles = Layout::tiled(TileGrid(std::array<Index, 3>{1, 3, 1}), shape);
    Access const access = Access::windowed({Window{}, {3, 1, 1, 1, 1}, {3, 1, 1, 1, 1}}, Reach::window, Reach::all);
    Layout const needed = needed_layout(access, tiles, shape);
    EXPECT_EQ(needed[0], (Box{{0, 0, 0, 0, 0}, {1, 1, 4, 6, 2}}));
    EXPECT_EQ(needed[1], (Box{{0, 0, 2, 0, 0}, {1, 1, 7, 6, 2}}));
    EXPECT_EQ(needed[2], (Box{{0, 0, 5, 0, 0}, {1, 1, 9, 6, 2}}));
}

TEST(Layout, NeedsNothingForNothing) {
    Shape const shape{1, 1, 2, 2, 1};
    Layout const tiles = Layout::tiled(TileGrid(std::array<Index, 3>{1, 3, 1}), shape);
    Layout const needed = needed_layout(Access::whole(), tiles, {1, 1, 8, 8, 1});
    for (int rank = 0; rank < 3; ++rank) { EXPECT_EQ(needed[rank].empty(), tiles[rank].empty()); }
    EXPECT_EQ(needed[0], Box{});
}

TEST(Layout, NeedsTheHullOfAllThatIsRead) {
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        Reach const reach = random.coin() ? Reach::window : Reach::inverse_window;
        Windows const windows{random_window(random), random_window(random), random_window(random)};
        Access const access = Access::windowed(windows, reach, random.coin() ? Reach::all : Reach::same);
        Shape const output = random_shape(random);
        Shape input = random_shape(random);
        input.n = output.n;
        if (access.reach[4] == Reach::same) { input.c = output.c; }
        Layout const tiles = Layout::tiled(random_grid(random, static_cast<int>(random.between(1, 6)), output), output);
        Layout const needed = needed_layout(access, tiles, input);
        for (int rank = 0; rank < tiles.ranks(); ++rank) {
            Box const& tile = tiles[rank];
            Box hull;
            bool nothing = tile.empty();
            for (std::size_t axis = 0; axis < axis_count && !nothing; ++axis) {
                Window const window = axis >= 1 && axis <= 3 ? windows[axis - 1] : Window{};
                Index lo = input.extents()[axis], hi = 0;
                for (Index o = tile.lo[axis]; o < tile.hi[axis]; ++o) {
                    for (Index i = 0; i < input.extents()[axis]; ++i) {
                        if (!reads(access.reach[axis], window, o, i)) { continue; }
                        lo = std::min(lo, i);
                        hi = std::max(hi, i + 1);
                    }
                }
                nothing = lo >= hi;
                hull.lo[axis] = lo;
                hull.hi[axis] = hi;
            }
            if (nothing) { continue; }  // only padding, or the holes of a dilated window: anything will do
            EXPECT_TRUE(contains(needed[rank], hull)) << to_string(needed[rank]) << " lacks " << to_string(hull);
            bool const dilated = windows[0].dilation + windows[1].dilation + windows[2].dilation > 3;
            bool const strided = windows[0].stride + windows[1].stride + windows[2].stride > 3;
            if (!dilated && !strided) { EXPECT_EQ(needed[rank], hull); }
        }
    }
}

}  // namespace
}  // namespace aureole::test
