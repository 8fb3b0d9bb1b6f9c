// Plans of redistributions, all ranks in one process: what is sent is received, and everything needed arrives once.
#include "parallel/exchange/redistribution.hpp"

#include <gtest/gtest.h>

#include "unit_tests/support/random_layouts.hpp"

namespace aureole::test {
namespace {

std::vector<Redistribution> plans_of(Layout const& from, Layout const& to) {
    std::vector<Redistribution> plans;
    for (int rank = 0; rank < from.ranks(); ++rank) { plans.push_back(plan_redistribution(from, to, rank)); }
    return plans;
}

void expect_peers_in_order(std::vector<Transfer> const& transfers, int rank) {
    int last = -1;
    for (Transfer const& each : transfers) {
        EXPECT_GT(each.peer, last);
        EXPECT_NE(each.peer, rank);
        EXPECT_FALSE(each.box.empty());
        last = each.peer;
    }
}

void expect_sends_meet_receives(std::vector<Redistribution> const& plans) {
    std::size_t sends = 0, receives = 0;
    for (std::size_t rank = 0; rank < plans.size(); ++rank) {
        expect_peers_in_order(plans[rank].sends, static_cast<int>(rank));
        expect_peers_in_order(plans[rank].receives, static_cast<int>(rank));
        sends += plans[rank].sends.size();
        receives += plans[rank].receives.size();
        for (Transfer const& send : plans[rank].sends) {
            int matches = 0;
            for (Transfer const& receive : plans[static_cast<std::size_t>(send.peer)].receives) {
                matches += receive.peer == static_cast<int>(rank) && receive.box == send.box ? 1 : 0;
            }
            EXPECT_EQ(matches, 1) << "rank " << rank << " sends " << to_string(send.box) << " to " << send.peer;
        }
    }
    EXPECT_EQ(sends, receives);
}

/// Every position of `to` is kept or received exactly once, by ranks that hold it in `from`, and nothing else is.
void expect_everything_arrives_once(Layout const& from, Layout const& to, std::vector<Redistribution> const& plans) {
    for (int rank = 0; rank < to.ranks(); ++rank) {
        Box const& target = to[rank];
        std::vector<int> arrivals(static_cast<std::size_t>(target.shape().volume()), 0);
        auto const arrive = [&](Box const& box, Box const& source) {
            if (box.empty()) { return; }
            ASSERT_TRUE(contains(target, box) && contains(source, box)) << "rank " << rank << ": " << to_string(box);
            for_positions(box, [&](auto const& at) { ++arrivals[place_in(target, at)]; });
        };
        Redistribution const& plan = plans[static_cast<std::size_t>(rank)];
        arrive(plan.kept, from[rank]);
        for (Transfer const& each : plan.receives) { arrive(each.box, from[each.peer]); }
        EXPECT_EQ(std::count(arrivals.begin(), arrivals.end(), 1), target.shape().volume()) << "rank " << rank;
    }
}

void expect_exact(Layout const& from, Layout const& to) {
    auto const plans = plans_of(from, to);
    expect_sends_meet_receives(plans);
    expect_everything_arrives_once(from, to, plans);
}

TEST(Redistribution, NothingTravelsWithinOneLayout) {
    Layout const tiles = Layout::tiled(TileGrid(std::array<Index, 3>{1, 2, 2}), {2, 1, 5, 7, 3});
    for (int rank = 0; rank < 4; ++rank) {
        Redistribution const plan = plan_redistribution(tiles, tiles, rank);
        EXPECT_FALSE(plan.travels());
        EXPECT_EQ(plan.kept, tiles[rank]);
    }
}

TEST(Redistribution, HalosComeFromEveryNeighbourInOneRound) {
    Shape const shape{1, 1, 9, 9, 1};
    Layout const tiles = Layout::tiled(TileGrid(std::array<Index, 3>{1, 3, 3}), shape);
    Layout wide = tiles;
    for (Box& box : wide.boxes) {
        for (std::size_t axis = 2; axis <= 3; ++axis) {
            box.lo[axis] = std::max<Index>(0, box.lo[axis] - 1);
            box.hi[axis] = std::min<Index>(9, box.hi[axis] + 1);
        }
    }
    EXPECT_EQ(plan_redistribution(tiles, wide, 4).receives.size(), 8U);
    EXPECT_EQ(plan_redistribution(tiles, wide, 4).sends.size(), 8U);
    EXPECT_EQ(plan_redistribution(tiles, wide, 0).receives.size(), 3U);
    EXPECT_EQ(plan_redistribution(tiles, wide, 1).receives.size(), 5U);
    EXPECT_EQ(plan_redistribution(tiles, wide, 0).receives[2].box, (Box{{0, 0, 3, 3, 0}, {1, 1, 4, 4, 1}}));
    expect_exact(tiles, wide);
}

TEST(Redistribution, HalosWiderThanTilesComeFromFarNeighbours) {
    Shape const shape{1, 1, 7, 2, 1};
    Layout const tiles = Layout::tiled(TileGrid(std::array<Index, 3>{1, 7, 1}), shape);
    Layout wide = tiles;
    for (Box& box : wide.boxes) {
        box.lo[2] = std::max<Index>(0, box.lo[2] - 3);
        box.hi[2] = std::min<Index>(7, box.hi[2] + 3);
    }
    EXPECT_EQ(plan_redistribution(tiles, wide, 3).receives.size(), 6U);
    expect_exact(tiles, wide);
}

TEST(Redistribution, WhoHasEverythingTakesItsPart) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        int const ranks = static_cast<int>(random.between(1, 9));
        Shape const shape = random_shape(random);
        Layout const from = Layout::replicated(ranks, shape), to = random_target(random, from, shape);
        for (int rank = 0; rank < ranks; ++rank) { EXPECT_FALSE(plan_redistribution(from, to, rank).travels()); }
        expect_exact(from, to);
    }
}

TEST(Redistribution, WidenedTilesGiveTheirNeighboursNothing) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        Shape const shape = random_shape(random);
        TileGrid const grid = random_grid(random, static_cast<int>(random.between(1, 9)), shape);
        Layout const tiles = Layout::tiled(grid, shape), wide = with_halo(random, tiles, shape, 3);
        for (int rank = 0; rank < grid.ranks(); ++rank) {
            EXPECT_FALSE(plan_redistribution(wide, tiles, rank).travels());
        }
        expect_exact(wide, tiles);
    }
}

TEST(Redistribution, PartitionsBecomeAnything) {
    for (std::uint64_t seed = 0; seed < 1500; ++seed) {
        Random random(seed);
        int const ranks = static_cast<int>(random.between(1, 9));
        Shape const shape = random_shape(random);
        Layout const from = random_source(random, ranks, shape), to = random_target(random, from, shape);
        SCOPED_TRACE("seed " + std::to_string(seed) + ", from\n" + to_string(from) + "to\n" + to_string(to));
        expect_exact(from, to);
        if (HasFailure()) { return; }
    }
}

TEST(Redistribution, EveryHaloOfEveryRowOfTiles) {
    for (Index extent = 1; extent <= 8; ++extent)
        for (Index tiles = 1; tiles <= 9; ++tiles)
            for (Index below = 0; below <= 4; ++below)
                for (Index above = 0; above <= 4; ++above) {
                    Shape const shape{1, 1, extent, 1, 1};
                    Layout const from = Layout::tiled(TileGrid(std::array<Index, 3>{1, tiles, 1}), shape);
                    Layout to = from;
                    for (Box& box : to.boxes) {
                        if (box.empty()) { continue; }
                        box.lo[2] = std::max<Index>(0, box.lo[2] - below);
                        box.hi[2] = std::min(extent, box.hi[2] + above);
                    }
                    expect_exact(from, to);
                }
}

}  // namespace
}  // namespace aureole::test
