// Stages, schedules, tiles and replicas: loss, gradients and running statistics are those of one rank.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/models/resnet.hpp"
#include "parallel/engine/engine.hpp"
#include "parallel/schedule/generate.hpp"
#include "parallel/schedule/lower.hpp"
#include "parallel/schedule/validate.hpp"
#include "parallel/stages/cut.hpp"
#include "unit_tests/parallel/schedule/random_schedule.hpp"
#include "unit_tests/parallel/stages/networks.hpp"

namespace aureole::test {
namespace {

constexpr double f64_tolerance = 1e-10;

Comm const& world() {
    static Comm const comm = Comm::world();
    return comm;
}

NetworkSpec resnet20() {
    NetworkSpec spec;
    spec.image = {2, 1, 32, 32, 3};
    spec.model = [](NetworkBuilder& net, ValueId x) { return resnet_cifar(net, x, {20, 1, 4, 10}); };
    return spec;
}

struct NamedNetwork {
    char const* name;
    NetworkSpec spec;
};
std::vector<NamedNetwork> networks() {
    return {
        {"resnet-20", resnet20()}, {"unet", unet2d({1, 1, 48, 32, 1})}, {"amoebanet", amoeba({1, 1, 64, 48, 3}, 8)}};
}

/// How a network is spread over ranks.
struct Spread {
    std::vector<TileGrid> rows;  ///< tiles of every row
    ScheduleKind kind = ScheduleKind::one_f_one_b;
    int chunks = 1;
    int replicas = 1;
    int micro_batches = 1;            ///< over all replicas
    std::optional<Schedule> table{};  ///< instead of one of `kind`

    [[nodiscard]] int ranks() const {
        int ranks = 0;
        for (TileGrid const& tiles : rows) { ranks += tiles.ranks(); }
        return ranks * replicas;
    }
    [[nodiscard]] int stages() const { return static_cast<int>(rows.size()) * chunks; }
};

std::string to_string(Spread const& spread) {
    std::string text = fmt::format("{} {} micro-batches, {} replicas, {} chunks, rows",
                                   spread.table ? spread.table->name : name_of(spread.kind), spread.micro_batches,
                                   spread.replicas, spread.chunks);
    for (TileGrid const& tiles : spread.rows) { text += " [" + aureole::to_string(tiles) + "]"; }
    return text;
}

struct Outcome {
    double loss = 0;
    std::map<std::string, std::vector<double>> tensors;  ///< gradients and running statistics known to this rank
};

/// How parameters are updated.
struct Updating {
    OptimizerSettings optimizer;
    bool shard = false;
    bool keep_gradients = true;
};

/// "gradient", "optimizer/momentum"; nothing for parameters and running statistics.
std::string group_of(std::string const& name) {
    auto const end = name.rfind('/');
    return end == std::string::npos ? "" : name.substr(0, end);
}

class Trained {
  public:
    Trained(NetworkSpec spec, Spread const& spread, Comm const* comm, Updating const& updating = {})
        : spec_(std::move(spec)), keeps_gradients_(updating.keep_gradients) {
        spec_.micro_batches = spread.micro_batches;
        if (spread.stages() > 1) { spec_.first_units = cuts(spread.stages()); }
        TestNetwork network = build_test_network(spec_);
        EngineSpec engine;
        engine.micro_batches = spread.micro_batches;
        engine.micro_samples = spec_.image.n;
        engine.kernels = KernelChoice::native;
        engine.optimizer = updating.optimizer;
        engine.shard_optimizer = updating.shard;
        engine.keep_gradients = updating.keep_gradients;
        engine.rank = comm == nullptr ? 0 : comm->rank();
        if (comm != nullptr) {
            std::vector<Stage> stages;
            std::vector<int> row_of_stage;
            for (int stage = 0; stage < spread.stages(); ++stage) {
                auto const row = static_cast<std::size_t>(stage) % spread.rows.size();
                stages.push_back({spec_.first_units[static_cast<std::size_t>(stage)], spread.rows[row]});
                row_of_stage.push_back(static_cast<int>(row));
            }
            engine.grid = PipelineGrid(stages, row_of_stage, spread.replicas);
            std::vector<Link> links;
            if (spread.stages() > 1) { links = links_of(cut(network.graph, spec_.first_units)); }
            ScheduleRequest const request{spread.kind, static_cast<int>(spread.rows.size()), spread.chunks,
                                          spread.micro_batches / spread.replicas};
            engine.schedule = lower(spread.table ? *spread.table : generate(request), links);
            require_valid(engine.schedule, links);
        }
        input_ = network.input;
        labels_ = network.labels;
        label_shape_ = network.graph.value(labels_).type.shape;
        classes_ = spec_.labels == NetworkSpec::Labels::classes ? network.graph.value(network.logits).type.shape.c : 2;
        engine.train = std::move(network.graph);
        engine_.emplace(std::move(engine));
        predicted_ = engine_->memory().total();
        engine_->allocate(1, comm);
    }

    Outcome run() {
        auto const load = [this](Program const& program, int frame, Index micro_batch) {
            auto const seed = static_cast<std::uint64_t>(micro_batch);
            write(program, frame, input_, random_images(spec_.image, seed));
            write(program, frame, labels_, random_labels(label_shape_, classes_, seed));
        };
        Outcome outcome;
        RunContext context;  // where updates are part of the graph
        context.learning_rate = learning_rate;
        context.update = step_;
        outcome.loss = engine_->run_batch(context, load);
        for (Persistent const& entry : engine_->persistent().entries()) {
            bool const gradient = keeps_gradients_ && group_of(entry.name) == "gradient";
            if (gradient || entry.kind == Persistent::Kind::state) {
                outcome.tensors[entry.name] = read_values(engine_->tensor(entry));
            }
        }
        return outcome;
    }
    /// Batches with an update after each. Gradients are those of the last batch, parameters, running statistics and
    /// slots those after the last update; slots that are shared only on the first rank of their stage.
    Outcome train(Index steps) {
        Outcome outcome;
        for (step_ = 0; step_ < steps; ++step_) {
            outcome = run();
            gradient_norm_ = engine_->update(learning_rate, step_).gradient_norm;
        }
        for (Persistent const& entry : engine_->persistent().entries()) {
            if (entry.kind == Persistent::Kind::gradient) { continue; }
            std::vector<double> const values =
                entry.part ? engine_->gather(entry) : read_values(engine_->tensor(entry));
            if (!values.empty()) { outcome.tensors[entry.name] = values; }
        }
        return outcome;
    }
    [[nodiscard]] double gradient_norm() const { return gradient_norm_; }
    [[nodiscard]] Engine const& engine() const { return *engine_; }
    [[nodiscard]] std::size_t predicted() const { return predicted_; }

  private:
    static constexpr double learning_rate = 0.01;
    NetworkSpec spec_;
    bool keeps_gradients_;
    Index step_ = 0;
    double gradient_norm_ = 0;
    std::optional<Engine> engine_;
    ValueId input_ = none, labels_ = none;
    Shape label_shape_;
    Index classes_ = 2;
    std::size_t predicted_ = 0;

    [[nodiscard]] std::vector<int> cuts(int stages) const {
        NetworkSpec whole = spec_;
        auto const units = static_cast<int>(build_test_network(whole).graph.units().size());
        std::vector<int> first;
        for (int stage = 0; stage < stages; ++stage) { first.push_back(stage * units / stages); }
        return first;
    }
    static void write(Program const& program, int frame, ValueId id, std::vector<double> const& values) {
        Tensor const tensor = program.tensor(id, frame);
        if (tensor.data == nullptr) { return; }
        TensorSpec const spec = program.spec(id);
        write_values(part_of(values, spec.global, spec.box), tensor);
    }
};

double norm(std::vector<double> const& values) {
    double sum = 0;
    for (double const value : values) { sum += value * value; }
    return std::sqrt(sum);
}

void expect_equal(Outcome const& got, Outcome const& want) {
    EXPECT_NEAR(got.loss, want.loss, f64_tolerance * std::abs(want.loss));
    std::map<std::string, double> total;
    for (auto const& [name, values] : want.tensors) {
        double& of_group = total[group_of(name)];
        of_group = std::hypot(of_group, norm(values));
    }
    for (auto const& [name, values] : got.tensors) {
        std::vector<double> difference = want.tensors.at(name);
        std::string const group = group_of(name);
        // small gradients are sums of large terms that cancel: their rounding is measured by the whole gradient
        double const scale = std::max(norm(difference), group.empty() ? 0 : 1e-2 * total[group]);
        ASSERT_EQ(values.size(), difference.size()) << name;
        for (std::size_t i = 0; i < values.size(); ++i) { difference[i] -= values[i]; }
        EXPECT_LE(norm(difference), f64_tolerance * scale) << name;
    }
}

void expect_equals_one_rank(NamedNetwork const& network, Spread const& spread) {
    SCOPED_TRACE(fmt::format("{}: {} on rank {}", network.name, to_string(spread), world().rank()));
    Spread alone;
    alone.rows = {TileGrid{}};
    alone.micro_batches = spread.micro_batches;
    Trained one(network.spec, alone, nullptr);
    Trained many(network.spec, spread, &world());
    EXPECT_EQ(many.engine().arena_bytes(), many.predicted());
    MemoryUse const use = many.engine().memory();
    EXPECT_EQ(use.split.total(), use.frames + use.train_transient);
    EXPECT_LE(use.split.gaps, use.split.total());
    for (int step = 0; step < 2; ++step) {  // frames are used again
        Outcome const want = one.run();
        expect_equal(many.run(), want);
    }
}

TileGrid tiles(Index rows, Index columns = 1) { return TileGrid(std::array<Index, 3>{1, rows, columns}); }

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
    NetworkSpec resnet = resnet20();
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
