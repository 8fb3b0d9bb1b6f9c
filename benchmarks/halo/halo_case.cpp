#include "benchmarks/halo/halo_case.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace aureole::benchmarks {

namespace {

std::array<Index, 3> tile_counts(Slicing slicing, Index ranks) {
    switch (slicing) {
        case Slicing::vertical: return {1, 1, ranks};
        case Slicing::horizontal: return {1, ranks, 1};
        case Slicing::square: break;
    }
    Index rows = 1;
    for (Index i = 1; i * i <= ranks; ++i) {
        if (ranks % i == 0) { rows = i; }
    }
    return {1, rows, ranks / rows};
}

std::vector<std::array<Index, 3>> distinct_grids(HaloOptions const& options, Index ranks) {
    std::vector<std::array<Index, 3>> grids;
    for (Slicing const slicing : options.slicings) {
        auto const counts = tile_counts(slicing, ranks);
        if (std::find(grids.begin(), grids.end(), counts) == grids.end()) { grids.push_back(counts); }
    }
    return grids;
}

void append_kernels(std::vector<HaloCase>& cases, HaloCase one, Index halo) {
    Index const k = 2 * halo + 1;
    for (std::array<Index, 2> const& kernel : {std::array{k, k}, std::array<Index, 2>{1, k}, {k, 1}}) {
        one.kernel = kernel;
        cases.push_back(one);
    }
}

}  // namespace

ConvAttributes HaloCase::attributes() const {
    auto const window = [](Index size) { return Window{size, 1, (size - 1) / 2, (size - 1) / 2, 1}; };
    return {{Window{}, window(kernel[0]), window(kernel[1])}, filters, 1, false};
}

Layout HaloCase::needed() const { return needed_layout(Conv(attributes()).access(0), results(), x); }

std::string HaloCase::name() const {
    return fmt::format("{}/{}x{}/batch_{}/channels_{}_to_{}/kernel_{}x{}/tiles_{}x{}", name_of(dtype), x.h, x.w, x.n,
                       x.c, filters, kernel[0], kernel[1], grid.counts()[1], grid.counts()[2]);
}

std::vector<HaloCase> halo_cases(HaloOptions const& options, int ranks) {
    std::vector<HaloCase> cases;
    for (auto const& counts : distinct_grids(options, ranks)) {
        for (auto const& [height, width] : options.images) {
            require(counts[1] <= height && counts[2] <= width, ExitCode::bad_deck,
                    "an image of {} x {} pixels has not one pixel for each of {} x {} tiles: start fewer ranks", height,
                    width, counts[1], counts[2]);
            for (DType const dtype : options.dtypes) {
                for (Index const batch : options.batches) {
                    for (Index const channels : options.channels) {
                        for (Index const filters : options.filters) {
                            Shape const x{batch, 1, height, width, channels};
                            for (Index const halo : options.halos) {
                                append_kernels(cases, {x, filters, {1, 1}, TileGrid(counts), dtype}, halo);
                            }
                        }
                    }
                }
            }
        }
    }
    return cases;
}

}  // namespace aureole::benchmarks
