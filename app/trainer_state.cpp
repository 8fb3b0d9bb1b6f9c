// What a Trainer begins with and leaves: initial parameters, checkpoints, metric counters, dumps.
#include <fmt/format.h>

#include "app/ranks.hpp"
#include "app/trainer.hpp"
#include "core/error.hpp"
#include "core/metrics/scores.hpp"
#include "core/version.hpp"
#include "io/checkpoint/tensor_file.hpp"
#include "io/deck/parse.hpp"
#include "io/log/console.hpp"

namespace aureole {

namespace {

constexpr Index checkpoint_format = 1;

bool is_counter(std::string const& name) { return name.rfind("metrics.", 0) == 0; }

std::string const gradient_prefix = Program::gradient_name("");

bool is_gradient(std::string const& name) { return name.rfind(gradient_prefix, 0) == 0; }
/// The parameter to which a gradient belongs.
std::string parameter_of(std::string const& gradient) { return gradient.substr(gradient_prefix.size()); }

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
bool is_saved(Persistent const& entry) { return entry.kind != Persistent::Kind::gradient && !is_counter(entry.name); }

std::vector<Persistent> saved_entries(Engine const& engine) {
    std::vector<Persistent> entries;
    auto const& all = engine.persistent().entries();
    std::copy_if(all.begin(), all.end(), std::back_inserter(entries), is_saved);
    return entries;
}

void write(TensorFileWriter& file, std::string const& path, Persistent const& entry,
           std::vector<double> const& values) {
    if (entry.spec.dtype == DType::f64) {
        file.write({path, DType::f64, entry.spec.global}, values.data());
        return;
    }
    std::vector<float> const narrow(values.begin(), values.end());
    file.write({path, DType::f32, entry.spec.global}, narrow.data());
}

double score(MetricSource const& source, std::span<double const> counts) {
    if (source.metric == Metric::accuracy) { return accuracy(counts); }
    std::vector<double> const per_class = source.metric == Metric::iou ? iou(counts) : f1(counts);
    return source.of_class < 0 ? mean_score(per_class) : per_class.at(static_cast<std::size_t>(source.of_class));
}

double score(Metric metric, ThresholdScores const& scores) {
    if (metric == Metric::auroc) { return scores.auroc(); }
    return metric == Metric::auprc ? scores.auprc() : scores.best_f1().f1;
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
    for (Persistent const& entry : saved_entries(engine_)) {
        std::string const path = checkpoint_path(entry);
        if (entry.part) {
            engine_.write(entry, file.read(path, entry.spec.global));
        } else {
            file.read(path, engine_.tensor(entry));
        }
    }
    step_ = file.integer("step");
    require(step_ <= steps_, ExitCode::bad_deck,
            "'{}' is after step {}, the deck ends at step {}: raise train.steps or set train.resume: never", path,
            step_, steps_);
    if (is_root()) { say("resumed after step {} from {}\n", step_, path); }
}

namespace {

/// A network that diverged in the last update has had no loss yet that would say so.
void require_finite(Persistent const& entry, std::vector<double> const& values, Index step) {
    bool const finite = std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
    if (!finite) {
        fail_as_diverged(fmt::format("{} holds values that are not finite after step {}", entry.name, step));
    }
}

}  // namespace

void Trainer::require_finite_parameters() const {
    collect(
        plan_.comm, engine_, [](Persistent const& entry) { return entry.kind == Persistent::Kind::parameter; },
        [&](Persistent const& entry, std::vector<double> const& values) { require_finite(entry, values, step_); });
}

/// Tiles and replicas of a stage have the same parameters and state: one rank of each stage hands its own to the first.
void Trainer::save_checkpoint() {
    if (plan_.comm != nullptr) { plan_.comm->barrier(); }
    if (log_) { log_->sync(); }
    std::string const path = checkpoints_.path_of(step_);
    std::optional<TensorFileWriter> writer;
    if (is_root()) { writer.emplace(path); }
    collect(plan_.comm, engine_, is_saved, [&](Persistent const& entry, std::vector<double> const& values) {
        require_finite(entry, values, step_);
        write(*writer, checkpoint_path(entry), entry, values);
    });
    if (!writer) { return; }
    TensorFileWriter& file = *writer;
    file.set_attribute("format", checkpoint_format);
    file.set_attribute("step", step_);
    file.set_attribute("seed", deck_.train.seed);
    file.set_attribute("deck", dump_deck(deck_));
    file.set_attribute("version", fmt::format("{} ({})", version(), git_hash()));
    file.commit();
    checkpoints_.prune();
}

/// Whether any stage has a tensor of that name.
bool Trainer::known_somewhere(std::string const& name) const {
    return slowest(engine_.persistent().contains(name) ? 1 : 0) > 0;
}

/// Fills parameters (and running statistics the file has) from train.init; names go through its map.
void Trainer::initialise_from_file() {
    InitSpec const& init = deck_.train.init;
    TensorFileReader const file(init.file);
    for (auto const& [name, dataset] : init.map) {
        require(known_somewhere(name), ExitCode::bad_deck,
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

std::vector<std::pair<std::string, double>> Trainer::read_metrics(Network const& network,
                                                                  ThresholdScores const* scores) const {
    std::vector<std::pair<std::string, double>> metrics;
    std::vector<double> counts;
    std::string last;  // whose counts they are
    for (MetricSource const& source : network.metrics) {
        if (needs_scores(source.metric)) {
            metrics.emplace_back(source.name, scores == nullptr ? 0 : score(source.metric, *scores));
            continue;
        }
        if (source.counter != last) {
            counts = engine_.counts(source.counter);
            last = source.counter;
        }
        metrics.emplace_back(source.name, score(source, counts));
    }
    return metrics;
}

void Trainer::reset_counters(Network const& network) const {
    for (MetricSource const& source : network.metrics) {
        if (!engine_.persistent().contains(source.counter)) { continue; }  // none, or another stage's
        zero(engine_.tensor(engine_.persistent().find(source.counter)));
    }
}

void write_dump(RunPlan const& plan, std::string const& path, double loss, Index step) {
    Engine const& engine = *plan.engine;
    std::vector<std::pair<std::string, ValueId>> values{
        {"input", plan.train.input}, {"labels", plan.train.labels}, {"output", plan.train.logits}};
    for (ValueId const id : plan.dumped) {
        values.emplace_back("activations/" + engine.train().graph().value(id).name, id);
    }
    std::optional<TensorFileWriter> root;
    if (plan.is_root()) { root.emplace(path); }
    for (auto const& [name, id] : values) {
        Part const part = train_part(engine, id);
        if (plan.comm == nullptr) {
            root->write(name, part.tensor);
            continue;
        }
        std::vector<double> const whole = gather(plan.comm, part);
        if (root) { root->write({name, DType::f64, part.spec.global}, whole.data()); }
    }
    auto const wanted = [](Persistent const& entry) {
        return entry.kind == Persistent::Kind::gradient ? is_gradient(entry.name)
                                                        : is_saved(entry) && entry.kind != Persistent::Kind::slot;
    };
    collect(plan.comm, engine, wanted, [&](Persistent const& entry, std::vector<double> const& read) {
        bool const gradient = entry.kind == Persistent::Kind::gradient;
        write(*root, gradient ? "gradients/" + parameter_of(entry.name) : checkpoint_path(entry), entry, read);
    });
    if (!root) { return; }
    TensorFileWriter& file = *root;
    file.write({"loss", DType::f64, {}}, &loss);
    file.set_attribute("step", step);
    file.set_attribute(
        "layout",
        std::string("activations (n, d, h, w, c); convolution weights (t, r, s, c / groups, k); linear weights "
                    "(1, 1, 1, c, k); parameters are those before the update of this step"));
    file.commit();
    say("dump of step {}: {}\n", step, path);
}

}  // namespace aureole
