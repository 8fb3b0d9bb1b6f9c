// Whole networks in tiles against one rank: loss, logits and every gradient.
#include <gtest/gtest.h>

#include "core/models/resnet.hpp"
#include "unit_tests/parallel/stages/networks.hpp"

namespace aureole::test {
namespace {

constexpr double f64_tolerance = 1e-10;

Comm const& world() {
    static Comm const comm = Comm::world();
    return comm;
}

/// Every way to cut h and w into as many tiles as there are ranks.
std::vector<TileGrid> grids() {
    std::vector<TileGrid> grids;
    Index const ranks = world().size();
    for (Index rows = 1; rows <= ranks; ++rows) {
        if (ranks % rows == 0) { grids.emplace_back(std::array<Index, 3>{1, rows, ranks / rows}); }
    }
    return grids;
}

void expect_tiles_equal_one_rank(NetworkSpec const& spec, TileGrid const& grid, double tolerance,
                                 KernelChoice choice = KernelChoice::native) {
    NetworkRunner const one(spec, choice);
    one.write_random();
    one.run();
    StepResult want = one.result();
    NetworkRunner const tiled(spec, choice, grid, world());
    tiled.write_random();
    tiled.run();
    StepResult const got = tiled.result();
    TensorSpec const logits = tiled.program().spec(tiled.network().logits);
    want.logits = part_of(want.logits, logits.global, logits.box);
    expect_close(got, want, tolerance);
}

NetworkSpec resnet20(Shape const& image, Index version = 1) {
    NetworkSpec spec;
    spec.image = image;
    spec.model = [version](NetworkBuilder& net, ValueId x) { return resnet_cifar(net, x, {20, version, 8, 10}); };
    return spec;
}

TEST(TiledNetwork, ResNet20) {
    for (TileGrid const& grid : grids()) {
        SCOPED_TRACE(to_string(grid));
        expect_tiles_equal_one_rank(resnet20({2, 1, 32, 32, 3}), grid, f64_tolerance);
        expect_tiles_equal_one_rank(resnet20({1, 1, 32, 64, 3}, 2), grid, f64_tolerance);
    }
}

TEST(TiledNetwork, ResNet18) {
    NetworkSpec spec = resnet20({1, 1, 48, 40, 3});  // 2 x 2 pixels at the end: fewer than tiles
    spec.model = [](NetworkBuilder& net, ValueId x) { return resnet(net, x, 18, 10); };
    for (TileGrid const& grid : grids()) {
        SCOPED_TRACE(to_string(grid));
        expect_tiles_equal_one_rank(spec, grid, f64_tolerance);
    }
}

TEST(TiledNetwork, UNet) {
    for (TileGrid const& grid : grids()) {
        SCOPED_TRACE(to_string(grid));
        expect_tiles_equal_one_rank(unet2d({1, 1, 64, 48, 2}), grid, f64_tolerance);
        expect_tiles_equal_one_rank(unet2d({2, 1, 32, 64, 1}), grid, f64_tolerance);
    }
}

TEST(TiledNetwork, AmoebaNet) {
    NetworkSpec const spec = amoeba({2, 1, 93, 77, 1}, 16);  // odd extents all the way down
    for (TileGrid const& grid : grids()) {
        SCOPED_TRACE(to_string(grid));
        expect_tiles_equal_one_rank(spec, grid, f64_tolerance);
    }
}

/// Parts of the samples, with and without tiles; some ranks have more samples than others, or none.
std::vector<TileGrid> grids_of_samples() {
    std::vector<TileGrid> grids;
    Index const ranks = world().size();
    for (Index parts = 2; parts <= ranks; ++parts) {
        if (ranks % parts != 0) { continue; }
        grids.push_back(TileGrid(std::array<Index, 3>{1, ranks / parts, 1}).with_sample_parts(parts));
    }
    return grids;
}

TEST(TiledNetwork, SamplesAreSharedOut) {
    for (TileGrid const& grid : grids_of_samples()) {
        SCOPED_TRACE(to_string(grid));
        for (NetworkSpec spec :
             {resnet20({5, 1, 32, 32, 3}), unet2d({3, 1, 32, 48, 2}), amoeba({2, 1, 61, 45, 1}, 8)}) {
            expect_tiles_equal_one_rank(spec, grid, f64_tolerance);
            spec.recompute = RecomputeMode::cheap;
            spec.micro_batches = 2;
            expect_tiles_equal_one_rank(spec, grid, f64_tolerance);
        }
    }
}

TEST(TiledNetwork, RecomputesAndAddsUpMicroBatches) {
    for (TileGrid const& grid : grids()) {
        SCOPED_TRACE(to_string(grid));
        for (RecomputeMode const mode : {RecomputeMode::cheap, RecomputeMode::blocks}) {
            NetworkSpec spec = unet2d({1, 1, 32, 32, 1});
            spec.recompute = mode;
            expect_tiles_equal_one_rank(spec, grid, f64_tolerance);
            spec.micro_batches = 2;
            expect_tiles_equal_one_rank(spec, grid, f64_tolerance);
        }
    }
}

TEST(TiledNetwork, ChainsOfOperatorsShareAnExchange) {
    for (TileGrid const& grid : grids()) {
        for (int chain = 2; chain <= 4; ++chain) {
            SCOPED_TRACE(to_string(grid) + ", chain of " + std::to_string(chain));
            for (NetworkSpec spec : {resnet20({1, 1, 32, 32, 3}), unet2d({1, 1, 32, 48, 1})}) {
                spec.chain = chain;
                expect_tiles_equal_one_rank(spec, grid, f64_tolerance);
                spec.recompute = RecomputeMode::cheap;
                expect_tiles_equal_one_rank(spec, grid, f64_tolerance);
            }
        }
    }
}

TEST(TiledNetwork, InteriorsAreComputedWhileStripsTravel) {
    for (TileGrid const& grid : grids()) {
        SCOPED_TRACE(to_string(grid));
        for (NetworkSpec spec : {resnet20({1, 1, 96, 32, 3}, 2), unet2d({1, 1, 96, 32, 1})}) {
            spec.overlap = Overlap::always;
            expect_tiles_equal_one_rank(spec, grid, f64_tolerance);
            spec.recompute = RecomputeMode::cheap;
            spec.chain = 2;
            expect_tiles_equal_one_rank(spec, grid, f64_tolerance);
        }
    }
}

TEST(TiledNetwork, ChainsExchangeLessOften) {
    std::size_t plain = 0;
    for (int chain = 1; chain <= 4; ++chain) {
        TestNetwork network = build_test_network(resnet20({1, 1, 64, 64, 3}));
        Traffic const traffic = traffic_of(tile(network.graph, grids().back(), world().rank(), {.chain = chain}));
        if (chain == 1) { plain = traffic.exchanges; }
        if (chain > 1) { EXPECT_LT(3 * traffic.exchanges, 2 * plain) << chain; }
    }
}

}  // namespace
}  // namespace aureole::test
