// What a Trainer begins with and leaves: initial parameters, checkpoints, metric counters, dumps.
#include <fmt/format.h>

#include "app/ranks.hpp"
#include "app/trainer.hpp"
#include "core/error.hpp"
#include "core/metrics/scores.hpp"
#include "core/version.hpp"
#include "io/checkpoint/tensor_file.hpp"
#include "io/deck/parse.hpp"

namespace aureole {

namespace {

constexpr Index checkpoint_format = 1;

bool is_counter(std::string const& name) { return name.rfind("metrics.", 0) == 0; }

/// Path of a persistent tensor in a checkpoint, by its kind.
std::string checkpoint_path(Persistent const& entry) {
    switch (entry.kind) {
        case Persistent::Kind::parameter: return "parameters/" + entry.name;
        case Persistent::Kind::state: return "state/" + entry.name;
        case Persistent::Kind::slot: return entry.name;  // "optimizer/<slot>/<parameter>"
        case Persistent::Kind::gradient: return "";
    }
    return "";
}

/// Tensors of a checkpoint: all that persists, but for gradients and metric counters.
std::vector<Persistent> saved_entries(Engine const& engine) {
    std::vector<Persistent> entries;
    for (Persistent const& entry : engine.persistent().entries()) {
        if (entry.kind != Persistent::Kind::gradient && !is_counter(entry.name)) { entries.push_back(entry); }
    }
    return entries;
}

double score(Metric metric, std::span<double const> counts) {
    switch (metric) {
        case Metric::accuracy: return accuracy(counts);
        case Metric::iou: return mean_score(iou(counts));
        case Metric::f1: return mean_score(f1(counts));
        case Metric::dice: return mean_score(dice(counts));
        case Metric::auroc: return auroc(counts);
        case Metric::auprc: return auprc(counts);
        case Metric::best_f1: return best_f1(counts).f1;
    }
    return 0;
}

}  // namespace

void Trainer::restore_or_draw() {
    std::string const& resume = deck_.train.resume;
    if (resume != "never") {
        std::optional<std::string> const path = resume == "auto" ? checkpoints_.newest() : resume;
        if (path) {
            restore(*path);
            return;
        }
    }
    if (!deck_.train.init.file.empty()) { initialise_from_file(); }
}

void Trainer::restore(std::string const& path) {
    TensorFileReader const file(path);
    Index const format = file.integer("format");
    require(format == checkpoint_format, ExitCode::data_error,
            "'{}' has checkpoint format {}, this program reads {}: use the version that wrote it", path, format,
            checkpoint_format);
    for (Persistent const& entry : saved_entries(engine_)) { file.read(checkpoint_path(entry), engine_.tensor(entry)); }
    step_ = file.integer("step");
    require(step_ <= steps_, ExitCode::bad_deck,
            "'{}' is after step {}, the deck ends at step {}: raise train.steps or set train.resume: never", path,
            step_, steps_);
    reported_ = step_;
    if (is_root()) { fmt::print("resumed after step {} from {}\n", step_, path); }
}

/// Parameters and state are the same on all ranks of a grid of tiles: the first one writes.
void Trainer::save_checkpoint() {
    if (plan_.comm != nullptr) { plan_.comm->barrier(); }
    if (!is_root()) { return; }
    std::string const path = checkpoints_.path_of(step_);
    TensorFileWriter file(path);
    for (Persistent const& entry : saved_entries(engine_)) {
        file.write(checkpoint_path(entry), engine_.tensor(entry));
    }
    file.set_attribute("format", checkpoint_format);
    file.set_attribute("step", step_);
    file.set_attribute("seed", deck_.train.seed);
    file.set_attribute("deck", dump_deck(deck_));
    file.set_attribute("version", fmt::format("{} ({})", version(), git_hash()));
    file.commit();
    checkpoints_.prune();
}

/// Fills parameters (and running statistics the file has) from train.init; names go through its map.
void Trainer::initialise_from_file() {
    InitSpec const& init = deck_.train.init;
    TensorFileReader const file(init.file);
    for (auto const& [name, dataset] : init.map) {
        require(engine_.persistent().contains(name), ExitCode::bad_deck,
                "{}: the network has no parameter '{}': `aureole run --dump` lists the names",
                deck_.where("train.init.map"), name);
    }
    for (Persistent const& entry : saved_entries(engine_)) {
        if (entry.kind == Persistent::Kind::slot) { continue; }
        auto const mapped = init.map.find(entry.name);
        bool const is_mapped = mapped != init.map.end();
        std::string path = is_mapped ? mapped->second : entry.name;
        if (!is_mapped && !file.contains(path)) { path = checkpoint_path(entry); }
        bool const optional = !is_mapped && entry.kind == Persistent::Kind::state;
        if (!file.contains(path) && optional) { continue; }
        require(file.contains(path), ExitCode::data_error,
                "'{}' holds no dataset '{}' for parameter '{}': name the right one in train.init.map", init.file, path,
                entry.name);
        file.read(path, engine_.tensor(entry));
    }
}

std::vector<std::pair<std::string, double>> Trainer::read_metrics(Network const& network) const {
    std::vector<std::pair<std::string, double>> metrics;
    for (MetricSource const& source : network.metrics) {
        std::vector<double> counts = read_values(engine_.tensor(engine_.persistent().find(source.counter)));
        if (engine_.is_partial(source.counter)) { plan_.comm->sum(counts.data(), mpi_count(counts.size())); }
        metrics.emplace_back(source.name, score(source.metric, counts));
    }
    return metrics;
}

void Trainer::reset_counters(Network const& network) const {
    for (MetricSource const& source : network.metrics) {
        zero(engine_.tensor(engine_.persistent().find(source.counter)));
    }
}

void write_dump(RunPlan const& plan, std::string const& path, double loss, Index step) {
    Engine const& engine = *plan.engine;
    Program const& program = engine.train();
    std::vector<std::pair<std::string, ValueId>> values{
        {"input", plan.train.input}, {"labels", plan.train.labels}, {"output", plan.train.logits}};
    for (ValueId const id : plan.dumped) { values.emplace_back("activations/" + program.graph().value(id).name, id); }
    std::optional<TensorFileWriter> root;
    if (plan.is_root()) { root.emplace(path); }
    for (auto const& [name, id] : values) {
        TensorSpec const spec = program.spec(id);
        if (plan.comm == nullptr) {
            root->write(name, program.tensor(id));
            continue;
        }
        std::vector<double> const whole = gather(plan.comm, spec, program.tensor(id));
        if (root) { root->write({name, DType::f64, spec.global}, whole.data()); }
    }
    if (!root) { return; }
    TensorFileWriter& file = *root;
    file.write({"loss", DType::f64, {}}, &loss);
    for (Persistent const& entry : saved_entries(engine)) {
        if (entry.kind != Persistent::Kind::slot) { file.write(checkpoint_path(entry), engine.tensor(entry)); }
        bool const trained = engine.persistent().contains(Program::gradient_name(entry.name));
        if (entry.kind == Persistent::Kind::parameter && trained) {
            file.write("gradients/" + entry.name, engine.gradient(entry.name));
        }
    }
    file.set_attribute("step", step);
    file.set_attribute(
        "layout",
        std::string("activations (n, d, h, w, c); convolution weights (t, r, s, c / groups, k); linear weights "
                    "(1, 1, 1, c, k); parameters are those before the update of this step"));
    file.commit();
    fmt::print("dump of step {}: {}\n", step, path);
}

}  // namespace aureole
