// Every synchronous schedule x stages x micro-batches x tiles x replicas x network: what pipeline_test.cpp samples, in
// full. One grid takes a given number of ranks, so every number of ranks is a run of its own.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "unit_tests/parallel/stages/pipeline_run.hpp"

namespace aureole::test {
namespace {

/// Tiles of up to four stages: none, two, four, and fewer from stage to stage.
std::vector<std::vector<TileGrid>> const& tilings() {
    static std::vector<std::vector<TileGrid>> const all{
        {tiles(1), tiles(1), tiles(1), tiles(1)},
        {tiles(2), tiles(1), tiles(1), tiles(1)},
        {tiles(2, 2), tiles(1), tiles(1), tiles(1)},
        {tiles(2, 2), tiles(1, 2), tiles(1), tiles(1)},
    };
    return all;
}

/// All grids of the matrix that take so many ranks.
std::vector<Spread> spreads(int ranks) {
    std::vector<Spread> found;
    for (std::vector<TileGrid> const& tiling : tilings()) {
        for (std::size_t rows = 1; rows <= tiling.size(); ++rows) {
            for (int const replicas : {1, 2}) {
                Spread spread;
                spread.rows.assign(tiling.begin(), tiling.begin() + static_cast<std::ptrdiff_t>(rows));
                spread.replicas = replicas;
                bool const again = rows == 1 && &tiling == &tilings().back();  // as the one before
                if (spread.ranks() == ranks && !again) { found.push_back(std::move(spread)); }
            }
        }
    }
    return found;
}

bool can_hold_chunks(Spread const& spread) {
    return spread.rows.size() <= 2 && spread.rows.front().ranks() == spread.rows.back().ranks();
}

/// Outcomes of two batches on one rank, by network and number of micro-batches.
std::vector<Outcome> const& alone(NamedNetwork const& network, int micro_batches) {
    static std::map<std::pair<std::string, int>, std::vector<Outcome>> known;
    std::vector<Outcome>& outcomes = known[{network.name, micro_batches}];
    if (outcomes.empty()) {
        Spread one;
        one.rows = {TileGrid{}};
        one.micro_batches = micro_batches;
        Trained trained(network.spec, one, nullptr);
        for (int step = 0; step < 2; ++step) { outcomes.push_back(trained.run()); }
    }
    return outcomes;
}

void expect_equals_one_rank_known(NamedNetwork const& network, Spread const& spread) {
    SCOPED_TRACE(fmt::format("{}: {} on rank {}", network.name, to_string(spread), world().rank()));
    Trained many(network.spec, spread, &world());
    expect_planned(many);
    for (Outcome const& want : alone(network, spread.micro_batches)) { expect_equal(many.run(), want); }
}

TEST(Matrix, EveryGridEqualsOneRank) {
    int done = 0;
    for (Spread spread : spreads(world().size())) {
        for (int kind = 0; kind < static_cast<int>(schedule_names().size()); ++kind) {
            spread.kind = static_cast<ScheduleKind>(kind);
            spread.chunks = has_chunks(spread.kind) ? 2 : 1;
            if (spread.chunks > 1 && !can_hold_chunks(spread)) { continue; }
            for (int const each : {1, 2, 4, 8}) {
                spread.micro_batches = each * spread.replicas;
                bool const in_groups = spread.kind == ScheduleKind::interleaved;
                if (in_groups && each % static_cast<int>(spread.rows.size()) != 0) { continue; }
                for (NamedNetwork const& network : networks()) {
                    expect_equals_one_rank_known(network, spread);
                    ++done;
                    if (HasFailure()) { return; }
                }
            }
        }
    }
    RecordProperty("grids", done);
    EXPECT_GT(done, 0) << "no grid of the matrix takes " << world().size() << " ranks";
    if (world().rank() == 0) { fmt::print("{} grids on {} ranks\n", done, world().size()); }
}

}  // namespace
}  // namespace aureole::test
