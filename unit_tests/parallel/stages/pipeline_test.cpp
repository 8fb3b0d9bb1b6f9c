// Stages, schedules, tiles and replicas: loss, gradients and running statistics are those of one rank.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "unit_tests/parallel/schedule/random_schedule.hpp"
#include "unit_tests/parallel/stages/pipeline_run.hpp"

namespace aureole::test {
namespace {

/// Rows of tiles that take so many ranks.
std::vector<std::vector<TileGrid>> meshes(int ranks) {
    switch (ranks) {
        case 1: return {{tiles(1)}};
        case 2: return {{tiles(1), tiles(1)}, {tiles(2)}};
        case 3: return {{tiles(1), tiles(1), tiles(1)}, {tiles(2), tiles(1)}, {tiles(1), tiles(1, 2)}};
        case 4:
            return {{tiles(1), tiles(1), tiles(1), tiles(1)}, {tiles(2), tiles(1, 2)}, {tiles(2), tiles(1), tiles(1)}};
        case 5: return {{tiles(2, 2), tiles(1)}, {tiles(2), tiles(2), tiles(1)}};
        case 7: return {{tiles(2, 2), tiles(2), tiles(1)}, {tiles(3), tiles(1, 3), tiles(1)}};
        default: return {};
    }
}

TEST(Pipeline, EverySynchronousScheduleEqualsOneRank) {
    for (std::vector<TileGrid> const& rows : meshes(world().size())) {
        for (ScheduleKind const kind : {ScheduleKind::layer, ScheduleKind::gpipe, ScheduleKind::one_f_one_b,
                                        ScheduleKind::overlap_one_f_one_b, ScheduleKind::zb_h1}) {
            for (int const micro_batches : {1, 2, 4, 8}) {
                Spread spread;
                spread.rows = rows;
                spread.kind = kind;
                spread.micro_batches = micro_batches;
                // every network with some schedules and numbers, every schedule and number with some network
                auto const all = networks();
                expect_equals_one_rank(all[static_cast<std::size_t>(static_cast<int>(kind) + micro_batches) % 3],
                                       spread);
            }
        }
    }
}

TEST(Pipeline, SeveralStagesOnARankEqualOneRank) {
    for (std::vector<TileGrid> rows : meshes(world().size())) {
        bool uneven = false;
        for (TileGrid const& each : rows) { uneven = uneven || each.ranks() != rows[0].ranks(); }
        for (ScheduleKind const kind : {ScheduleKind::interleaved, ScheduleKind::breadth_first}) {
            for (int const chunks : {2, 3}) {
                Spread spread;
                spread.rows = rows;
                spread.kind = kind;
                spread.chunks = chunks;
                if (spread.stages() > 8) { continue; }
                for (int const groups : {1, 2}) {
                    spread.micro_batches = groups * static_cast<int>(rows.size());
                    for (NamedNetwork const& network : networks()) {
                        if (std::string(network.name) == "unet" && spread.stages() > 5) { continue; }
                        expect_equals_one_rank(network, spread);
                    }
                }
            }
        }
    }
}

TEST(Pipeline, ReplicasEqualOneRank) {
    int const ranks = world().size();
    for (int const replicas : {2, 3}) {
        if (ranks % replicas != 0) { continue; }
        for (std::vector<TileGrid> const& rows : meshes(ranks / replicas)) {
            for (int const micro_batches : {1, 2, 4}) {
                Spread spread;
                spread.rows = rows;
                spread.replicas = replicas;
                spread.micro_batches = replicas * micro_batches;
                for (NamedNetwork const& network : networks()) { expect_equals_one_rank(network, spread); }
            }
        }
    }
}

TEST(Pipeline, RandomTablesEqualOneRank) {
    Dice dice(11);  // the same on all ranks
    auto const all = networks();
    for (std::vector<TileGrid> const& rows : meshes(world().size())) {
        bool const even = std::all_of(rows.begin(), rows.end(),
                                      [&](TileGrid const& tiles) { return tiles.ranks() == rows[0].ranks(); });
        for (int i = 0; i < 6; ++i) {
            Spread spread;
            spread.rows = rows;
            spread.chunks = even && rows.size() <= 2 ? dice.between(1, 2) : 1;
            spread.micro_batches = dice.between(1, 6);
            spread.table = random_table(dice, static_cast<int>(rows.size()), spread.chunks, spread.micro_batches);
            expect_equals_one_rank(all[static_cast<std::size_t>(i) % all.size()], spread);
        }
    }
}

TileGrid samples(Index parts) { return TileGrid{}.with_sample_parts(parts); }

/// Rows of which some share samples, handed over from and to tiles.
std::vector<std::vector<TileGrid>> sample_meshes(int ranks) {
    switch (ranks) {
        case 2: return {{samples(2)}};
        case 3: return {{tiles(1), samples(2)}, {samples(2), tiles(1)}, {samples(3)}};
        case 4:
            return {{tiles(2), samples(2)},
                    {samples(2), tiles(1, 2)},
                    {tiles(2).with_sample_parts(2)},
                    {samples(4)}};  // one has no sample of three
        case 5: return {{tiles(1, 2), samples(2), tiles(1)}, {samples(3), samples(2)}};
        case 7: return {{tiles(2, 2), samples(2), tiles(1)}, {tiles(2, 2), samples(3)}};
        default: return {};
    }
}

/// Micro-batches of three samples.
std::vector<NamedNetwork> networks_of_samples() {
    NetworkSpec resnet = networks()[0].spec;
    resnet.image.n = 3;
    return {{"resnet-20", resnet}, {"unet", unet2d({3, 1, 48, 32, 1})}, {"amoebanet", amoeba({3, 1, 64, 48, 3}, 8)}};
}

TEST(Pipeline, RanksThatShareSamplesEqualOneRank) {
    for (std::vector<TileGrid> const& rows : sample_meshes(world().size())) {
        ScheduleKind kind = ScheduleKind::one_f_one_b;
        for (NamedNetwork const& network : networks_of_samples()) {
            Spread spread;
            spread.rows = rows;
            spread.kind = kind;
            spread.micro_batches = 3;
            expect_equals_one_rank(network, spread);
            kind = ScheduleKind::zb_h1;
        }
    }
}

TEST(Pipeline, ReplicasThatShareSamplesEqualOneRank) {
    int const ranks = world().size();
    if (ranks % 2 != 0) { return; }
    for (std::vector<TileGrid> const& rows : sample_meshes(ranks / 2)) {
        Spread spread;
        spread.rows = rows;
        spread.replicas = 2;
        spread.micro_batches = 4;
        for (NamedNetwork const& network : networks_of_samples()) { expect_equals_one_rank(network, spread); }
    }
}

TEST(Pipeline, RecomputationStaysWithinStages) {
    for (std::vector<TileGrid> const& rows : meshes(world().size())) {
        for (RecomputeMode const mode : {RecomputeMode::cheap, RecomputeMode::blocks}) {
            Spread spread;
            spread.rows = rows;
            spread.micro_batches = 3;
            spread.kind = mode == RecomputeMode::cheap ? ScheduleKind::zb_h1 : ScheduleKind::one_f_one_b;
            for (NamedNetwork network : networks()) {
                network.spec.recompute = mode;
                expect_equals_one_rank(network, spread);
            }
        }
    }
}

struct NamedSettings {
    char const* name;
    OptimizerSettings settings;
};

std::vector<NamedSettings> optimizers() {
    OptimizerSettings momentum;
    momentum.momentum = 0.9;
    momentum.nesterov = true;
    momentum.weight_decay = 0.01;
    OptimizerSettings adamw;
    adamw.kind = OptimizerSettings::Kind::adamw;
    adamw.weight_decay = 0.01;
    adamw.epsilon = 1e-2;  // a bias without influence has a gradient that is rounding: it must not be scaled up to 1
    OptimizerSettings clipped = adamw;
    clipped.clip_norm = 0.1;
    return {{"momentum", momentum}, {"adamw", adamw}, {"clipped adamw", clipped}};
}

/// Ranks that hold the parameters of this rank's row.
int owners_of(Engine const& engine) { return engine.grid().ranks_of(engine.place().row) * engine.grid().replicas(); }

/// Slots of all owners are those of one rank, and each has its share, to the alignment of its buckets.
void expect_slots_are_shared(Engine const& sharded, Engine const& whole, std::size_t slots) {
    int const owners = owners_of(sharded);
    auto const mine = static_cast<double>(sharded.memory().optimizer);
    auto const all = static_cast<double>(whole.memory().optimizer);
    double of_row = mine;
    world().split(sharded.place().row, world().rank()).sum(&of_row, 1);
    EXPECT_EQ(of_row, all);
    std::size_t const buckets = 2 * sharded.stages();  // gradients that tiles have in parts, others
    EXPECT_LE(mine, all / owners + static_cast<double>(slots * buckets * arena_alignment));
    if (owners > 1) { EXPECT_LT(sharded.memory().total(), whole.memory().total()); }
}

void expect_shared_equals_one_rank(NamedNetwork const& network, Spread const& spread, NamedSettings const& optimizer,
                                   bool keep_gradients) {
    SCOPED_TRACE(fmt::format("{} with {}{}: {} on rank {}", network.name, optimizer.name,
                             keep_gradients ? ", gradients kept" : "", to_string(spread), world().rank()));
    Spread alone;
    alone.rows = {TileGrid{}};
    alone.micro_batches = spread.micro_batches;
    Trained one(network.spec, alone, nullptr, {optimizer.settings, false, keep_gradients});
    Trained many(network.spec, spread, &world(), {optimizer.settings, true, keep_gradients});
    Trained const whole(network.spec, spread, &world(), {optimizer.settings, false, keep_gradients});
    EXPECT_EQ(many.engine().arena_bytes(), many.predicted());
    expect_slots_are_shared(many.engine(), whole.engine(), optimizer_slots(optimizer.settings).size());
    Outcome const want = one.train(3);
    expect_equal(many.train(3), want);
    EXPECT_GE(one.gradient_norm(), optimizer.settings.clip_norm.value_or(0));  // something is clipped
    EXPECT_NEAR(many.gradient_norm(), one.gradient_norm(), f64_tolerance * one.gradient_norm());
}

TEST(Pipeline, SharedOptimizerEqualsOneRank) {
    int const ranks = world().size();
    for (int const replicas : {1, 2, 3}) {
        if (ranks % replicas != 0 || ranks == 1) { continue; }
        for (std::vector<TileGrid> const& rows : meshes(ranks / replicas)) {
            Spread spread;
            spread.rows = rows;
            spread.replicas = replicas;
            spread.micro_batches = 2 * replicas;
            if (replicas == 2) {
                Spread chunked = spread;
                chunked.chunks = 2;
                chunked.kind = ScheduleKind::breadth_first;
                expect_shared_equals_one_rank(networks()[0], chunked, optimizers()[1], false);
            }
            for (std::size_t i = 0; i < 3; ++i) {
                NamedNetwork const network = networks()[(i + rows.size()) % 3];
                expect_shared_equals_one_rank(network, spread, optimizers()[i], false);
                if (i == rows.size() % 3) { expect_shared_equals_one_rank(network, spread, optimizers()[i], true); }
            }
        }
    }
}

}  // namespace
}  // namespace aureole::test
