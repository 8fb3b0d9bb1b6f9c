// What a Trainer begins with and leaves: initial parameters, checkpoints, metric counters, dumps.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/ranks.hpp"
#include "app/trainer.hpp"
#include "core/error.hpp"
#include "core/metrics/scores.hpp"
#include "core/version.hpp"
#include "io/checkpoint/tensor_file.hpp"
#include "io/deck/parse.hpp"
#include "io/log/console.hpp"
#include "parallel/grid/wait.hpp"

namespace aureole {

namespace {

std::string const gradient_prefix = Program::gradient_name("");

bool is_gradient(std::string const& name) { return name.rfind(gradient_prefix, 0) == 0; }
/// The parameter to which a gradient belongs.
std::string parameter_of(std::string const& gradient) { return gradient.substr(gradient_prefix.size()); }

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

CheckpointFolder Trainer::folder() const { return {deck_.train.checkpoint.folder, deck_.train.checkpoint.keep}; }

bool Trainer::restore() {
    std::vector<std::string> const& paths = plan_.checkpoints;
    if (!paths.empty() && deck_.train.resume != "auto") {
        restore_from(paths.front());
        return true;
    }
    std::string first_fault;
    for (std::string const& path : paths) {
        std::string fault;
        try {
            restore_from(path);
        } catch (Error const& error) {
            if (error.code() != ExitCode::data_error) { throw; }
            fault = error.what();
        }
        if (plan_.comm == nullptr ? fault.empty() : plan_.comm->all(fault.empty())) { return true; }
        if (!fault.empty()) { warn("{}{}", rank_prefix(plan_.comm), fault); }
        if (first_fault.empty()) { first_fault = fault; }
    }
    require(paths.empty(), ExitCode::data_error,
            "none of the {} checkpoints in '{}' can be resumed from ({}): remove them, or set train.resume: never, to "
            "begin anew",
            paths.size(), deck_.train.checkpoint.folder, first_fault.empty() ? "another rank says why" : first_fault);
    return false;
}

void Trainer::restore_from(std::string const& path) {
    RunState const state = checkpoints_->read(CheckpointReader(path));
    step_ = state.step;
    samples_ = state.samples;
    interval_ = {};
    interval_.loss = state.loss;
    interval_.losses = state.losses;
    counts_before_ = state.counts;
    best_ = state.best;
    evaluation_due_ = state.evaluation_due && plan_.has_eval;
    if (is_root()) { say("resumed after step {} from {}\n", step_, path); }
}

RunState Trainer::state() const {
    RunState state;
    state.step = step_;
    state.samples = samples_;
    state.loss = interval_.loss;
    state.losses = interval_.losses;
    state.best = best_;
    state.evaluation_due = evaluation_due_;
    for (std::string const& name : counters()) { state.counts[name] = counts_of(name); }
    return state;
}

/// Of the training metrics.
std::set<std::string> Trainer::counters() const {
    std::set<std::string> names;
    for (MetricSource const& source : plan_.train.metrics) { names.insert(source.counter); }
    names.erase("");  // metrics of evaluations only
    return names;
}

/// Of a metric since the last line, over all ranks.
std::vector<double> Trainer::counts_of(std::string const& counter) const {
    std::vector<double> counts = engine_.counts(counter);
    auto const before = counts_before_.find(counter);
    if (before == counts_before_.end()) { return counts; }
    std::transform(counts.begin(), counts.end(), before->second.begin(), counts.begin(), std::plus<>());
    return counts;
}

bool Trainer::is_best() {
    std::string const& judge = deck_.train.best;
    std::optional<double> value;
    if (last_eval_ && judge == "loss") { value = last_eval_->loss; }
    for (std::size_t i = 0; last_eval_ && i < last_eval_->metrics.size(); ++i) {
        if (last_eval_->metrics[i].first == judge) { value = last_eval_->metrics[i].second; }
    }
    bool const better = value && (!best_ || (judge == "loss" ? *value < *best_ : *value > *best_));
    bool const agreed = slowest(better ? 1 : 0) > 0;  // rank 0 has the evaluation
    if (better) { best_ = value; }
    return agreed;
}

void Trainer::save_after_step(bool evaluated) {
    checkpoints_->poll();
    Index const every = deck_.train.checkpoint.every;
    std::vector<std::string> names;
    if (every > 0 && (step_ % every == 0 || step_ == steps_)) { names.push_back(folder().path_of(step_)); }
    if (evaluated && is_best()) { names.push_back(best_file()); }
    if (names.empty()) { return; }
    auto const begin = Clock::now();
    if (log_) { log_->sync(); }
    checkpoints_->write(state(), names, Checkpoints::When::beside);
    phases_["checkpoints"].add(seconds_since(begin));
}

void Trainer::save_last() {
    if (log_) { log_->sync(); }
    checkpoints_->write(state(), {folder().path_of(step_)}, Checkpoints::When::at_once);
    require(
        checkpoints_->finish(), ExitCode::data_error,
        "the last checkpoint, after step {}, could not be written: what an earlier one holds is kept; make room and "
        "run the same deck again",
        step_);
}

void Trainer::save_final() {
    bool const saved = checkpoints_->finish();
    Index const every = deck_.train.checkpoint.every;
    bool written = false;
    if (saved && every > 0 && first_step_ < steps_) {
        written = checkpoints_->add_name(folder().path_of(step_), final_file());
    }
    if (!written) {
        checkpoints_->write(state(), {final_file()}, Checkpoints::When::at_once);
        written = checkpoints_->finish();
    }
    require(saved && written, ExitCode::data_error,
            "the state after the last step could not be written to '{}': make room and run the same deck again",
            saved ? final_file() : folder().path_of(step_));
}

/// Of this step: an earlier end, before train.steps became more, leaves one too.
bool Trainer::has_final_file() const {
    bool found = false;
    if (is_root() && std::filesystem::exists(final_file())) {
        try {
            CheckpointReader const file(final_file());
            found = file.format() > 1 && static_cast<Index>(file.number("run/step")) == step_;
        } catch (Error const&) {  // it is damaged, and will be written anew
        }
    }
    return slowest(found ? 1 : 0) > 0;
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
    for (Persistent const& entry : engine_.persistent().entries()) {
        if (!is_saved(entry) || entry.kind == Persistent::Kind::slot) { continue; }
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
            counts = counts_of(source.counter);
            last = source.counter;
        }
        metrics.emplace_back(source.name, score(source, counts));
    }
    return metrics;
}

void Trainer::reset_counters(Network const& network) {
    for (MetricSource const& source : network.metrics) {
        counts_before_.erase(source.counter);
        if (!engine_.persistent().contains(source.counter)) { continue; }  // none, or another stage's
        zero(engine_.tensor(engine_.persistent().find(source.counter)));
    }
}

void write_dump(RunPlan const& plan, std::string const& path, double loss, Index step) {
    Activity const activity("a dump");
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
