#include "app/run_plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "app/checkpoints.hpp"
#include "app/pictures.hpp"
#include "app/ranks.hpp"
#include "app/score_store.hpp"
#include "core/error.hpp"
#include "io/data/batch_reader.hpp"
#include "io/data/class_names.hpp"
#include "io/data/statistics.hpp"
#include "io/deck/schema.hpp"
#include "io/log/console.hpp"
#include "io/log/process_memory.hpp"
#include "io/log/progress.hpp"
#include "parallel/grid/wait.hpp"
#include "parallel/program/estimate.hpp"

namespace aureole {

namespace {

/// Updates of the longest run: as many as train.steps may say.
constexpr double most_steps = deck::most_counted;

OptimizerSettings optimizer_settings(TrainSpec const& train) {
    OptimizerSpec const& spec = train.optimizer;
    OptimizerSettings settings;
    settings.kind =
        spec.kind == OptimizerSpec::Kind::sgd ? OptimizerSettings::Kind::sgd : OptimizerSettings::Kind::adamw;
    settings.momentum = spec.momentum;
    settings.nesterov = spec.nesterov;
    settings.weight_decay = spec.weight_decay;
    settings.decay_norm_and_bias = spec.decay_norm_and_bias;
    settings.beta1 = spec.beta1;
    settings.beta2 = spec.beta2;
    settings.epsilon = spec.epsilon;
    settings.clip_norm = train.clip_norm;
    settings.clip_value = train.clip_value;
    return settings;
}

Normalization normalization_of(RunPlan const& plan, DataUse use) {
    NormalizeSpec const& spec = plan.deck.data.loader.normalize;
    Index const channels = plan.deck.image.channels;
    if (spec.kind != NormalizeSpec::Kind::dataset) { return {spec, channels}; }
    if (use == DataUse::size || use == DataUse::check) { return {}; }
    std::string const path = statistics_file(plan.deck);
    if (use == DataUse::resume && std::filesystem::exists(path)) {
        Statistics const statistics = load_statistics(path);
        return {spec, channels, &statistics};
    }
    Activity const activity("measuring the statistics of the training data");
    if (plan.is_root()) {
        Progress progress("measuring the training data", plan.train_data->samples(), "samples");
        save_statistics(path, measure_statistics(*plan.train_data, spec, [&](Index sample) {
                            WaitMessages::tell_of_work();
                            progress.update(sample);
                        }));
    }
    if (plan.comm != nullptr) { plan.comm->barrier(); }
    Statistics const statistics = load_statistics(path);
    return {spec, channels, &statistics};
}

/// Tiles smaller than the chunks of the file: every rank unpacks what its neighbours need.
void warn_about_chunks(RunPlan const& plan) {
    if (!plan.train_loader.x_box || !plan.is_root()) { return; }
    Box const& box = *plan.train_loader.x_box;
    double const overhead = plan.train_data->overhead(box);
    if (overhead < 2) { return; }
    Shape const tile = box.shape();
    warn(
        "the training images are stored in chunks of which a rank unpacks {:.1f} times its tile: "
        "rewrite them once, with chunks of at most a tile ({} x {} pixels), by `aureole convert hdf5 FILE --chunk "
        "... -o NEW.h5`",
        overhead, tile.h, tile.w);
}

/// All but the data set and its normalisation.
LoaderConfig loader_config(RunPlan const& plan, Network const& network, LoaderConfig::Mode mode, Index batch) {
    LoaderConfig loader;
    loader.sample = plan.train.sample;
    loader.spec = plan.deck.data.loader;
    loader.seed = static_cast<std::uint64_t>(plan.deck.train.seed);
    loader.batch = batch;
    loader.mode = mode;
    loader.micro_samples = plan.micro_samples;
    if (plan.pipeline.grid.ranks() > 1) {
        bool const training = mode == LoaderConfig::Mode::train;
        loader.x_box = plan.engine->read_box(network.input, training);
        loader.y_box = plan.engine->read_box(network.labels, training);
    }
    return loader;
}

Extent bytes_of(Graph const& graph) {
    Extent bytes = 0;
    for (Value const& value : graph.values()) {
        bytes = bytes + Extent(value.type.shape.volume()) * static_cast<Index>(size_of(value.type.dtype));
    }
    return bytes;
}

/// Refuses decks whose memory could not be added up: each tensor is small enough, but not all of them together.
void require_countable(RunPlan const& plan) {
    constexpr Index most = Index{1} << 60;
    Deck const& deck = plan.deck;
    Index const in_flight = deck.parallel.stages > 1 ? deck.train.micro_batches : 1;
    require((bytes_of(plan.train.graph) * in_flight + bytes_of(plan.eval.graph)).is_at_most(most), ExitCode::bad_deck,
            "{}: the tensors of the network, for {} micro-batches in flight, have more than 2^60 bytes: use smaller "
            "extents, or fewer micro-batches",
            deck.where("model"), in_flight);
    SampleSpec const& sample = plan.train.sample;
    Extent const elements = Extent(sample.x.volume()) + sample.y.volume() + 1;
    Extent const batches =
        elements * static_cast<Index>(sizeof(double)) * deck.train.batch * (deck.data.loader.prefetch + 2);
    require(batches.is_at_most(most), ExitCode::bad_deck,
            "{}: {} batches of {} samples have more than 2^60 bytes: use smaller ones", deck.where("train.batch"),
            deck.data.loader.prefetch + 2, deck.train.batch);
}

/// train.best names a figure that evaluations give.
void require_judge(RunPlan const& plan) {
    std::string const& best = plan.deck.train.best;
    if (best == "loss") { return; }
    std::vector<std::string> names{"loss"};
    for (MetricSource const& source : plan.eval.metrics) { names.push_back(source.name); }
    require(std::find(names.begin(), names.end(), best) != names.end(), ExitCode::bad_deck,
            "{}: train.best is '{}', which {}: choose {}", plan.deck.where("train.best"), best,
            plan.has_eval ? "no evaluation of this run gives" : "there is no evaluation to give (data.eval)",
            fmt::join(names, ", or "));
}

}  // namespace

std::string statistics_file(Deck const& deck) { return deck.output.folder + "/statistics.txt"; }

TilingOptions tiling_of(Deck const& deck, Graph const& train) {
    using S = ParallelSpec;
    S::Spatial const& spatial = deck.parallel.spatial;
    TilingOptions options;
    options.tile_norm = deck.train.norm == TrainSpec::Norm::tile;
    options.defer_gradients = deck.train.micro_batches > 1;
    options.overlap = spatial.overlap == S::Overlap::always  ? Overlap::always
                      : spatial.overlap == S::Overlap::never ? Overlap::never
                                                             : Overlap::worthwhile;
    TileGrid const tiles = tiles_of_stage(deck, 0);
    if (spatial.halo == S::Halo::plain || !deck.parallel.is_tiled(0)) { return options; }
    if (spatial.chain) {
        options.chain = static_cast<int>(*spatial.chain);
    } else {
        int const best = best_chain(train, tiles);
        options.chain = spatial.halo == S::Halo::fused ? std::max(2, best) : best;
    }
    return options;
}

RunMemory RunPlan::memory() const {
    RunMemory memory;
    memory.arena = engine->memory();
    if (train_data) { memory.loaders += Loader::bytes(train_loader); }
    if (eval_data) { memory.loaders += Loader::bytes(eval_loader); }
    bool const draws = has_eval && deck.output.pictures > 0 && can_draw(eval.sample);
    if (draws) { memory.pictures = SampledPrediction::bytes(eval.sample); }
    if (eval_data) { memory.scores = ScoreStore::bytes(*this); }
    memory.checkpoint = Checkpoints::bytes(*this);
    memory.program = program_bytes;
    return memory;
}

RunPlan plan_run(Deck deck, bool dump, int rank) {
    RunPlan plan;
    plan.rank = rank;
    plan.deck = std::move(deck);
    TrainSpec const& train = plan.deck.train;
    plan.micro_samples = train.batch / train.micro_batches;
    plan.has_eval = plan.deck.data.eval.has_value();
    std::vector<std::string> const keep = dump ? plan.deck.output.dump.activations : std::vector<std::string>{};
    std::vector<int> first_units{0};
    if (plan.deck.parallel.stages > 1) {
        Deck draft = plan.deck;
        draft.memory.recompute = MemorySpec::Recompute::none;
        first_units = cut_units(draft, build_network(draft, Mode::train, plan.micro_samples, keep).graph);
    }
    plan.train = build_network(plan.deck, Mode::train, plan.micro_samples, keep, first_units);
    plan.pipeline = plan_pipeline(plan.deck, plan.train.graph, first_units);
    if (plan.has_eval) { plan.eval = build_network(plan.deck, Mode::eval, plan.micro_samples); }
    require_countable(plan);
    require_judge(plan);

    EngineSpec spec;
    spec.optimizer = optimizer_settings(train);
    spec.micro_batches = train.micro_batches;
    spec.kernels = plan.deck.kernels;
    spec.keep_gradients = dump;
    spec.shard_optimizer = plan.deck.parallel.shard_optimizer;
    spec.guard = plan.deck.memory.guard || guard_by_default();
    spec.micro_samples = plan.micro_samples;
    spec.grid = plan.pipeline.grid;
    spec.schedule = plan.pipeline.schedule;
    spec.rank = rank;
    spec.tiling = tiling_of(plan.deck, plan.train.graph);
    if (dump) {
        plan.dumped = matching_values(plan.train.graph, keep);
        spec.keep = plan.dumped;
        spec.keep.push_back(plan.train.logits);
        spec.keep.push_back(plan.train.input);
        spec.keep.push_back(plan.train.labels);
    }
    spec.train = std::move(plan.train.graph);
    if (plan.has_eval) {
        spec.eval = std::move(plan.eval.graph);
        bool const drawn = plan.deck.output.pictures > 0 && can_draw(plan.eval.sample);
        if (drawn || needs_scores(plan.eval)) { spec.eval_keep.push_back(plan.eval.logits); }
    }
    plan.engine = std::make_unique<Engine>(std::move(spec));
    plan.program_bytes = process_memory().resident;
    return plan;
}

void open_data(RunPlan& plan, DataUse use) {
    DataSpec const& data = plan.deck.data;
    SampleSpec const& sample = plan.train.sample;
    auto const seed = static_cast<std::uint64_t>(plan.deck.train.seed);
    if (plan.is_root()) { require_same_class_names(data.train, data.eval.value_or(data.train)); }
    Index const replicas = plan.pipeline.grid.replicas(), own = plan.deck.train.batch / replicas;
    plan.train_loader = loader_config(plan, plan.train, LoaderConfig::Mode::train, own);
    plan.train_loader.whole_batch = plan.deck.train.batch;
    plan.train_loader.first_of_batch = plan.engine->place().replica * own;
    plan.train_data = open_dataset(data.train, sample, data.loader, seed, fixed_boxes(plan.train_loader));
    plan.train_loader.dataset = plan.train_data;
    plan.train_loader.normalization = normalization_of(plan, use);
    if (use != DataUse::size) { warn_about_chunks(plan); }
    if (!plan.has_eval) { return; }
    plan.eval_loader = loader_config(plan, plan.eval, LoaderConfig::Mode::eval, plan.micro_samples);
    plan.eval_data = open_dataset(*data.eval, sample, data.loader, seed + 1, fixed_boxes(plan.eval_loader));
    plan.eval_loader.dataset = plan.eval_data;
    plan.eval_loader.normalization = plan.train_loader.normalization;
}

Box owned_labels(RunPlan const& plan, LoaderConfig const& loader) {
    Shape whole = loader.sample.y;
    whole.n = plan.micro_samples;
    if (!loader.y_box) { return loader.y_read(); }
    PipelineGrid const& grid = plan.pipeline.grid;
    int const last = grid.stages() - 1;
    PipelineGrid::Place const place = plan.engine->place();
    if (place.row != grid.row_of(last) || loader.y_box->empty()) { return {}; }
    return intersection(loader.y_read(), grid.stage(last).tiles.tile(place.tile, whole));
}

Index micro_batches_of_evaluation(RunPlan const& plan) {
    Index const samples = plan.eval_data->samples();
    Index const all = (samples + plan.micro_samples - 1) / plan.micro_samples;
    std::optional<Index> const batches = plan.deck.train.eval_batches;
    return batches && *batches <= all / plan.deck.train.micro_batches ? *batches * plan.deck.train.micro_batches : all;
}

Index steps_of(RunPlan const& plan, Index step, Index samples) {
    TrainSpec const& train = plan.deck.train;
    Index steps = train.steps.value_or(static_cast<Index>(most_steps));
    if (train.epochs) {
        auto const of_pass = static_cast<double>(plan.train_data->samples());
        double const left = std::max(0.0, *train.epochs * of_pass - static_cast<double>(samples));
        double const passes = static_cast<double>(step) + std::ceil(left / static_cast<double>(train.batch));
        require(passes <= most_steps, ExitCode::bad_deck,
                "{}: {} epochs of {} samples take more than {} steps: choose fewer", plan.deck.where("train.epochs"),
                *train.epochs, of_pass, most_steps);
        steps = std::min(steps, std::max<Index>(1, static_cast<Index>(passes)));
    }
    require(step <= steps, ExitCode::bad_deck,
            "{}: the run is after step {}, the deck ends at step {}: raise train.steps, or set train.resume: never",
            plan.deck.where("train"), step, steps);
    return steps;
}

std::string memory_table(RunPlan const& plan) {
    RunMemory const memory = plan.memory();
    int const ranks = plan.pipeline.grid.ranks();
    std::string table = ranks == 1 ? "predicted memory of this rank\n"
                                   : fmt::format("predicted memory of rank {} of {} ({})\n", plan.rank, ranks,
                                                 to_string(plan.pipeline.grid));
    auto const row = [&](char const* name, std::size_t bytes) {
        if (bytes > 0) { table += fmt::format("  {:<34}{:>12}\n", name, bytes_text(static_cast<double>(bytes))); }
    };
    row("parameters", memory.arena.parameters);
    row("running statistics and counters", memory.arena.state);
    row("optimizer", memory.arena.optimizer);
    row("gradients kept over micro-batches", memory.arena.gradients);
    row("activations, gradients, workspace", memory.arena.train_transient);
    row("micro-batches in flight", memory.arena.frames);
    row("messages between stages", memory.arena.messages);
    if (memory.arena.evaluation > memory.arena.training()) {
        row("evaluation, in the same place", memory.arena.evaluation);
    }
    row("arena", memory.arena.total());
    row("data: batches ahead, cache", memory.loaders);
    row("pictures", memory.pictures);
    row("scores of an evaluation's labels", memory.scores);
    row("checkpoint being written", memory.checkpoint);
    row("program and libraries", memory.program);
    row("total", memory.total());
    table += fmt::format("  most at operator {}; {} are alive there\n", memory.arena.peak_node,
                         bytes_text(static_cast<double>(memory.arena.train_lower_bound)));
    Traffic const traffic = traffic_of(plan.engine->train().local());
    if (ranks > 1) {
        int const chain = plan.engine->tiling().chain;
        table += fmt::format("  exchanges per micro-batch ({}): {} in {} messages, {}; {} reductions, {}\n",
                             chain == 1 ? "halo: plain" : fmt::format("halo: fused, chain: {}", chain),
                             traffic.exchanges, traffic.messages, bytes_text(static_cast<double>(traffic.bytes)),
                             traffic.reductions, bytes_text(static_cast<double>(traffic.reduced_bytes)));
    }
    return table;
}

std::string warning_of_memory(RunPlan const& plan) {
    std::size_t const needed = plan.memory().total(), there = machine_memory();
    if (there == 0 || needed <= there) { return ""; }
    return fmt::format("  this machine has {}, rank {} needs {}\n", bytes_text(static_cast<double>(there)), plan.rank,
                       bytes_text(static_cast<double>(needed)));
}

std::size_t largest_total(RunPlan const& plan) {
    auto const mine = static_cast<double>(plan.memory().total());
    return static_cast<std::size_t>(plan.comm == nullptr ? mine : plan.comm->max(mine));
}

}  // namespace aureole
