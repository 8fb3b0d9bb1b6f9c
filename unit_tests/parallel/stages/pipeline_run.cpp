#include "unit_tests/parallel/stages/pipeline_run.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/models/resnet.hpp"
#include "parallel/schedule/lower.hpp"
#include "parallel/schedule/validate.hpp"
#include "parallel/stages/cut.hpp"

namespace aureole::test {

namespace {

NetworkSpec resnet20() {
    NetworkSpec spec;
    spec.image = {2, 1, 32, 32, 3};
    spec.model = [](NetworkBuilder& net, ValueId x) { return resnet_cifar(net, x, {20, 1, 4, 10}); };
    return spec;
}

void write(Program const& program, int frame, ValueId id, std::vector<double> const& values) {
    Tensor const tensor = program.tensor(id, frame);
    if (tensor.data == nullptr) { return; }
    TensorSpec const spec = program.spec(id);
    write_values(part_of(values, spec.global, spec.box), tensor);
}

}  // namespace

Comm const& world() {
    static Comm const comm = Comm::world();
    return comm;
}

std::vector<NamedNetwork> networks() {
    return {
        {"resnet-20", resnet20()}, {"unet", unet2d({1, 1, 48, 32, 1})}, {"amoebanet", amoeba({1, 1, 64, 48, 3}, 8)}};
}

TileGrid tiles(Index rows, Index columns) { return TileGrid(std::array<Index, 3>{1, rows, columns}); }

std::string to_string(Spread const& spread) {
    std::string text = fmt::format("{} {} micro-batches, {} replicas, {} chunks, rows",
                                   spread.table ? spread.table->name : name_of(spread.kind), spread.micro_batches,
                                   spread.replicas, spread.chunks);
    for (TileGrid const& tiles : spread.rows) { text += " [" + aureole::to_string(tiles) + "]"; }
    return text;
}

std::string group_of(std::string const& name) {
    auto const end = name.rfind('/');
    return end == std::string::npos ? "" : name.substr(0, end);
}

Trained::Trained(NetworkSpec spec, Spread const& spread, Comm const* comm, Updating const& updating)
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
    // between red zones each gradient is summed on its own: sums of many at once are tested without
    engine.guard = guard_by_default() && spread.replicas == 1 && !updating.shard;
    engine.rank = comm == nullptr ? 0 : comm->rank();
    if (comm != nullptr) { place(engine, network.graph, spread); }
    input_ = network.input;
    labels_ = network.labels;
    label_shape_ = network.graph.value(labels_).type.shape;
    classes_ = spec_.labels == NetworkSpec::Labels::classes ? network.graph.value(network.logits).type.shape.c : 2;
    engine.train = std::move(network.graph);
    engine_.emplace(std::move(engine));
    predicted_ = engine_->memory().total();
    engine_->allocate(1, comm);
}

void Trained::place(EngineSpec& engine, Graph const& graph, Spread const& spread) const {
    std::vector<Stage> stages;
    std::vector<int> row_of_stage;
    for (int stage = 0; stage < spread.stages(); ++stage) {
        auto const row = static_cast<std::size_t>(stage) % spread.rows.size();
        stages.push_back({spec_.first_units[static_cast<std::size_t>(stage)], spread.rows[row]});
        row_of_stage.push_back(static_cast<int>(row));
    }
    engine.grid = PipelineGrid(stages, row_of_stage, spread.replicas);
    std::vector<Link> links;
    if (spread.stages() > 1) { links = links_of(cut(graph, spec_.first_units)); }
    ScheduleRequest const request{spread.kind, static_cast<int>(spread.rows.size()), spread.chunks,
                                  spread.micro_batches / spread.replicas};
    engine.schedule = lower(spread.table ? *spread.table : generate(request), links);
    require_valid(engine.schedule, links);
}

Outcome Trained::run() {
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
Outcome Trained::train(Index steps) {
    Outcome outcome;
    for (step_ = 0; step_ < steps; ++step_) {
        outcome = run();
        gradient_norm_ = engine_->update(learning_rate, step_).gradient_norm;
    }
    for (Persistent const& entry : engine_->persistent().entries()) {
        if (entry.kind == Persistent::Kind::gradient) { continue; }
        std::vector<double> const values = entry.part ? engine_->gather(entry) : read_values(engine_->tensor(entry));
        if (!values.empty()) { outcome.tensors[entry.name] = values; }
    }
    return outcome;
}

std::vector<int> Trained::cuts(int stages) const {
    NetworkSpec whole = spec_;
    auto const units = static_cast<int>(build_test_network(whole).graph.units().size());
    std::vector<int> first;
    for (int stage = 0; stage < stages; ++stage) { first.push_back(stage * units / stages); }
    return first;
}

double norm(std::vector<double> const& values) {
    double sum = 0;
    for (double const value : values) { sum += value * value; }
    return std::sqrt(sum);
}

/// What a running mean is rounded by: it is a sum of values of this deviation that cancel. 0 for other tensors.
double deviation_behind(std::string const& name, Outcome const& outcome) {
    std::string const suffix = "running_mean";
    if (!name.ends_with(suffix)) { return 0; }
    double sum = 0;
    for (double const variance : outcome.tensors.at(name.substr(0, name.size() - suffix.size()) + "running_var")) {
        sum += variance;
    }
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
        double const scale =
            std::max({norm(difference), group.empty() ? 0 : 1e-2 * total[group], deviation_behind(name, want)});
        ASSERT_EQ(values.size(), difference.size()) << name;
        for (std::size_t i = 0; i < values.size(); ++i) { difference[i] -= values[i]; }
        EXPECT_LE(norm(difference), f64_tolerance * scale) << name;
    }
}

void expect_planned(Trained const& trained) {
    EXPECT_EQ(trained.engine().arena_bytes(), trained.predicted());
    MemoryUse const use = trained.engine().memory();
    MemorySplit const split = trained.engine().memory_split();
    EXPECT_EQ(split.total(), use.frames + use.train_transient);
    EXPECT_LE(split.gaps, split.total());
}

void expect_equals_one_rank(NamedNetwork const& network, Spread const& spread) {
    SCOPED_TRACE(fmt::format("{}: {} on rank {}", network.name, to_string(spread), world().rank()));
    Spread alone;
    alone.rows = {TileGrid{}};
    alone.micro_batches = spread.micro_batches;
    Trained one(network.spec, alone, nullptr);
    Trained many(network.spec, spread, &world());
    expect_planned(many);
    for (int step = 0; step < 2; ++step) {  // frames are used again
        Outcome const want = one.run();
        expect_equal(many.run(), want);
    }
}

}  // namespace aureole::test
