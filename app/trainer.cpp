#include "app/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <thread>
#include <utility>

#include "app/ranks.hpp"
#include "core/graph/cost.hpp"
#include "core/tensor/arena.hpp"
#include "io/deck/parse.hpp"
#include "io/file/new_file.hpp"
#include "io/log/console.hpp"
#include "io/log/process_memory.hpp"
#include "io/log/progress.hpp"
#include "io/picture/curves.hpp"
#include "parallel/grid/wait.hpp"
#include "parallel/schedule/exposure.hpp"
#include "parallel/schedule/measured.hpp"
#include "parallel/schedule/timeline.hpp"
#include "parallel/schedule/trace.hpp"

namespace aureole {

namespace {

LearningRate learning_rate_of(TrainSpec const& train, Index steps) {
    LearningRate rate;
    rate.kind = static_cast<LearningRate::Kind>(train.schedule.kind);
    rate.lr = train.optimizer.lr;
    rate.steps = steps;
    rate.warmup_steps = train.schedule.warmup_steps;
    rate.milestones = train.schedule.milestones;
    rate.gamma = train.schedule.gamma;
    rate.power = train.schedule.power;
    rate.final_lr = train.schedule.final_lr;
    return rate;
}

std::vector<std::string> metric_names(Network const& network) {
    std::vector<std::string> names;
    for (MetricSource const& source : network.metrics) { names.push_back(source.name); }
    return names;
}

}  // namespace

void fail_as_diverged(std::string const& what) {
    fail(ExitCode::diverged,
         "{}: lower train.optimizer.lr, add train.schedule.warmup_steps or train.clip_norm, or look at the data; the "
         "last "
         "checkpoint is kept",
         what);
}

Trainer::Trainer(RunPlan& plan, Purpose purpose, std::string trace)
    : plan_(plan), engine_(*plan.engine), deck_(plan.deck), trace_(std::move(trace)), begin_(Clock::now()) {
    start(purpose);
}

void Trainer::start(Purpose purpose) {
    engine_.allocate(static_cast<std::uint64_t>(deck_.train.seed), plan_.comm);
    if (purpose == Purpose::run) { checkpoints_.emplace(plan_, counters()); }
    if (!restore() && !deck_.train.init.file.empty()) { initialise_from_file(); }
    steps_ = steps_of(plan_, step_, samples_);
    learning_rate_ = learning_rate_of(deck_.train, steps_);
    first_step_ = step_;
    has_nothing_to_do_ = step_ == steps_ && step_ > 0 && !evaluation_due_ && has_final_file();
    prepare_loaders();
}

void Trainer::prepare_loaders() {
    plan_.train_loader.shift = samples_ - step_ * deck_.train.batch;
    train_loader_.emplace(plan_.train_loader);
    train_loader_->start_at(step_);
    train_labels_.emplace(plan_, plan_.train_loader);
    if (!plan_.has_eval) { return; }
    eval_loader_.emplace(plan_.eval_loader);
    eval_labels_.emplace(plan_, plan_.eval_loader);
    if (needs_scores(plan_.eval)) { scores_.emplace(plan_); }
}

double Trainer::epoch() const {
    return static_cast<double>(samples_) / static_cast<double>(plan_.train_data->samples());
}

namespace {

/// Fills a tensor, which is the part `box` of the network's input or labels, from values of the part `read`. Row by row
/// where they differ: stages of one rank may need parts of different size.
template <class T>
void write_part(T const* values, Box const& read, Tensor const& to, Box const& box) {
    if (read == box) {
        write_values(values, to);
        return;
    }
    require(contains(read, box), "a stage needs {} of its input, of which {} was read", to_string(box),
            to_string(read));
    Shape const from = read.shape();
    Strides const strides = to.strides();
    auto* const data = static_cast<std::byte*>(to.data);
    for (Index n = 0; n < to.shape.n; ++n) {
        for (Index d = 0; d < to.shape.d; ++d) {
            for (Index h = 0; h < to.shape.h; ++h) {
                std::array<Index, 4> const at{n + box.lo[0] - read.lo[0], d + box.lo[1] - read.lo[1],
                                              h + box.lo[2] - read.lo[2], box.lo[3] - read.lo[3]};
                Index const source = (((at[0] * from.d + at[1]) * from.h + at[2]) * from.w + at[3]) * from.c;
                Index const target = n * strides.n + d * strides.d + h * strides.h;
                write_values(values + source, Tensor{data + static_cast<std::size_t>(target) * size_of(to.dtype),
                                                     to.dtype,
                                                     {1, 1, 1, to.shape.w, to.shape.c}});
            }
        }
    }
}

}  // namespace

void write_batch(Program const& program, int frame, Network const& network, LoaderConfig const& loader,
                 Batch const& batch, Index first, Index count) {
    Tensor const x = program.tensor(network.input, frame);
    if (x.data != nullptr) {
        Box const read = loader.x_read();
        Index const before = first * read.shape().volume() / count;
        write_part(batch.x.data() + before, read, x, program.spec(network.input).box);
    }
    Tensor const y = program.tensor(network.labels, frame);
    if (y.data == nullptr) { return; }
    Box const read = loader.y_read(), box = program.spec(network.labels).box;
    Index const before = first * read.shape().volume() / count;
    if (y.dtype == DType::i32) {
        write_part(batch.classes.data() + before, read, y, box);
    } else {
        write_part(batch.values.data() + before, read, y, box);
    }
}

Engine::Load loader_of(RunPlan const& plan, Batch const& batch) {
    return [&plan, &batch](Program const& program, int frame, Index micro_batch) {
        Index const first = micro_batch * plan.micro_samples - plan.train_loader.first_of_batch;
        write_batch(program, frame, plan.train, plan.train_loader, batch, first, plan.micro_samples);
    };
}

void Trainer::train_step() {
    Activity const activity("a training step");
    double const waited_before = train_loader_->seconds_waited();
    auto const begin = Clock::now();
    double const communicated_before = engine_.seconds_communicating();
    Batch const& batch = train_loader_->next();
    double const waited = train_loader_->seconds_waited() - waited_before;

    RunContext context;
    context.seed = static_cast<std::uint64_t>(deck_.train.seed);
    context.step = static_cast<std::uint64_t>(step_);
    context.learning_rate = learning_rate_.at(step_);
    context.update = step_;
    set_counts(context, count_labels(batch), deck_.train.micro_batches);
    bool const traced = !trace_.empty() && step_ + 1 == steps_;
    if (traced) {
        engine_.record_operators();
        if (plan_.comm != nullptr) { plan_.comm->barrier(); }  // their clocks begin together
    }
    double const loss = engine_.run_batch(context, loader_of(plan_, batch));
    if (traced) { write_trace_of_step(); }
    phases_["forward and backward"].add(seconds_since(begin) - waited);
    if (!std::isfinite(loss)) { fail_as_diverged(fmt::format("the loss of step {} is {}", step_ + 1, loss)); }

    bool const last = step_ + 1 == steps_;
    if (!deck_.output.dump.file.empty() && (deck_.output.dump.step ? *deck_.output.dump.step == step_ + 1 : last)) {
        write_dump(plan_, deck_.output.dump.file, loss, step_ + 1);
    }
    auto const update_begin = Clock::now();
    double const gradient_norm = engine_.update(learning_rate_.at(step_), step_).gradient_norm;
    if (deck_.train.clip_norm) { last_gradient_norm_ = gradient_norm; }
    fence("end of a step");
    phases_["optimizer"].add(seconds_since(update_begin));
    phases_["waiting for data"].add(waited);
    ++step_;
    samples_ += deck_.train.batch;
    interval_.loss += loss;
    if (std::string const told = waits_.step_done(seconds_since(begin) - waited); !told.empty() && is_root()) {
        say("{}\n", told);
    }
    longest_step_ = std::max(longest_step_, seconds_since(begin));
    interval_.seconds += seconds_since(begin);
    interval_.waited += waited;
    interval_.communicated += engine_.seconds_communicating() - communicated_before;
    ++interval_.losses;
    ++interval_.steps;
    report_step();
}

LabelCounts Trainer::count_labels(Batch const& batch) {
    LabelCounts const counts = train_labels_->count(batch);
    if (counts.labels == 0 && !told_that_nothing_counts_) {
        told_that_nothing_counts_ = true;
        if (is_root()) {
            warn(
                "no label of the batch of step {} counts (all are {}, data.ignore_label): its loss and "
                "gradient are 0, and so for later batches of this kind; look at the labels if you expect "
                "others",
                step_ + 1, deck_.ignored_label().value_or(0));
        }
    }
    return counts;
}

void Trainer::write_trace_of_step() const {
    Activity const activity("a trace");
    std::vector<Event> const events = events_of(plan_.comm, engine_);
    std::vector<OperatorEvent> const operators = operator_events_of(plan_.comm, engine_);
    if (!is_root()) { return; }
    write_file(trace_,
               write_trace(events, operators, fmt::format("{}, step {}: one row per rank", deck_.name, step_ + 1)));
    std::string shares;
    if (!events.empty()) {
        Pipeline const& pipeline = plan_.pipeline;
        Costs const costs = measured_costs(events, pipeline.schedule.stages);
        shares = fmt::format("; bubble {:.1f}%, simulated with these times {:.1f}%", 100 * bubble_of(events),
                             100 * simulate(pipeline.schedule, pipeline.links, costs).bubble);
    }
    if (plan_.comm != nullptr) {
        Exposure const exposure = exposure_of(operators);
        shares += fmt::format("; messages between operators {:.1f}%, waiting for late ranks in them {:.1f}%",
                              100 * exposure.messages, 100 * exposure.late);
    }
    say("{}: step {} in Chrome's trace format{}\n", trace_, step_ + 1, shares);
}

/// Times are means over the steps since the last line.
void Trainer::report_step() {
    bool const line = step_ % deck_.train.log_every == 0 || step_ == steps_;
    if (!line) { return; }
    LogRecord record;
    record.step = step_;
    record.epoch = epoch();
    Interval const interval = std::exchange(interval_, {});
    auto const steps = static_cast<double>(interval.steps);
    record.loss = interval.loss / static_cast<double>(interval.losses);
    record.metrics = read_metrics(plan_.train, nullptr);
    reset_counters(plan_.train);
    auto const peak = slowest(static_cast<double>(process_memory().peak));
    if (!is_root()) { return; }
    record.learning_rate = learning_rate_.at(step_ - 1);
    record.seconds = interval.seconds / steps;
    record.samples_per_second = static_cast<double>(deck_.train.batch) / record.seconds;
    record.data_share = interval.waited / interval.seconds;
    record.gradient_norm = last_gradient_norm_;
    log_->write(record);
    last_line_ = record;

    double const elapsed = seconds_since(begin_);
    double const left = elapsed / static_cast<double>(step_ - first_step_) * static_cast<double>(steps_ - step_);
    std::string const exchange =
        plan_.comm == nullptr ? "" : fmt::format("  exchange {:.1f}%", 100 * interval.communicated / interval.seconds);
    std::string const limit = deck_.memory.limit ? "/" + bytes_text(static_cast<double>(*deck_.memory.limit)) : "";
    say("step {}/{}  epoch {:.2f}  {}  lr {:.3g}  {:.1f} images/s  {:.3f} s/step  data {:.0f}%{}  memory {}{}  {} "
        "to go\n",
        step_, steps_, record.epoch, values_text(record), record.learning_rate, record.samples_per_second,
        record.seconds, 100 * record.data_share, exchange, bytes_text(peak), limit, duration_text(left));
}

std::optional<Stop> Trainer::evaluate() {
    Activity const activity("an evaluation");
    auto const begin = Clock::now();
    reset_counters(plan_.eval);
    eval_loader_->start_at(0);
    Index const batches = micro_batches_of_evaluation(plan_);
    std::optional<Progress> progress;
    if (is_root()) { progress.emplace("evaluation", batches, "batches"); }
    std::vector<double> losses(plan_.eval.losses.size(), 0);  // sums over what counts
    LabelCounts counted;
    Index samples = 0;
    drawn_ = 0;
    if (scores_) { scores_->clear(); }
    std::vector<Picture> pictures;
    double longest = 0;
    for (Index i = 0; i < batches; ++i) {
        auto const begin_of_batch = Clock::now();
        Batch const& batch = eval_loader_->next();
        RunContext context;
        context.valid_samples = batch.valid;
        context.counted_labels = context.counted_samples = 1;
        auto const load = [&](Program const& program, int frame, Index /*micro_batch*/) {
            write_batch(program, frame, plan_.eval, plan_.eval_loader, batch, 0, plan_.micro_samples);
        };
        std::vector<double> const sums = engine_.run_eval(context, load, plan_.eval.losses);
        std::transform(sums.begin(), sums.end(), losses.begin(), losses.begin(), std::plus<>());
        LabelCounts const of_batch = eval_labels_->count(batch);
        counted.labels += of_batch.labels;
        counted.samples += of_batch.samples;
        if (scores_) { scores_->add(batch); }
        draw_samples(batch, pictures);
        samples += batch.valid;
        if (progress) { progress->update(i + 1); }
        longest = std::max(longest, seconds_since(begin_of_batch));
        if (i + 1 < batches) {
            if (std::optional<Stop> stop = stops_->look(longest + checkpoints_->seconds())) { return stop; }
        }
    }
    std::optional<ThresholdScores> compared;
    if (scores_) { compared = scores_->compare(); }
    std::vector<std::pair<std::string, double>> metrics = read_metrics(plan_.eval, compared ? &*compared : nullptr);
    if (!is_root()) { return {}; }
    progress.reset();
    if (!pictures.empty()) { write_png(deck_.output.folder + "/predictions.png", below(pictures, 6)); }
    LogRecord record;
    record.kind = LogRecord::Kind::eval;
    record.step = step_;
    record.epoch = epoch();
    for (std::size_t i = 0; i < losses.size(); ++i) {
        bool const of_samples = deck_.train.loss[i].kind == LossSpec::Kind::dice;
        double const count = of_samples ? counted.samples : counted.labels;
        record.loss += count > 0 ? losses[i] / count : 0;
    }
    record.metrics = std::move(metrics);
    record.seconds = seconds_since(begin);
    record.samples_per_second = static_cast<double>(samples) / record.seconds;
    log_->write(record);
    say("evaluation after step {} on {} samples: {}  ({})\n", step_, samples, values_text(record),
        duration_text(record.seconds));
    if (!std::isfinite(record.loss)) {
        fail_as_diverged(fmt::format("the loss of the evaluation after step {} is {}", step_, record.loss));
    }
    phases_["evaluation"].add(record.seconds);
    last_eval_ = record;
    return {};
}

/// Adds strips of the batch's samples until as many are drawn as the deck asks for: every rank samples its tile.
void Trainer::draw_samples(Batch const& batch, std::vector<Picture>& pictures) const {
    SampleSpec const& sample = plan_.eval.sample;
    auto const missing = std::min(deck_.output.pictures - drawn_, batch.valid);
    if (missing <= 0 || !can_draw(sample)) { return; }
    drawn_ += missing;
    Activity const activity("a picture");
    Part const logits = eval_part(engine_, plan_.eval.logits);
    Box const x = plan_.eval_loader.x_read(), y = plan_.eval_loader.y_read();
    for (Index i = 0; i < missing; ++i) {
        SampledPrediction strip(sample, logits.spec.global.c);
        strip.add_image(batch, x, i);
        strip.add_mask(batch, y, i);
        strip.add_prediction(logits, i);
        if (plan_.comm != nullptr) { strip.combine(*plan_.comm); }
        if (is_root()) { pictures.push_back(strip.draw()); }
    }
}

double Trainer::slowest(double value) const { return plan_.comm == nullptr ? value : plan_.comm->max(value); }

std::string Trainer::missing_lines() const {
    if (!log_ || log_->lost_lines() == 0) { return ""; }
    return fmt::format(
        "{} lines of metrics.csv and metrics.jsonl in '{}' are missing (they could not be written, as told above): "
        "make room before the next run",
        log_->lost_lines(), deck_.output.folder);
}

ExitCode Trainer::run() {
    if (has_nothing_to_do_) {
        if (is_root()) { say("nothing to do: step {} of {}\n", step_, steps_); }
        return ExitCode::success;
    }
    if (is_root()) { report_status(RunStatus::State::running, ExitCode::success); }
    try {
        return run_steps();
    } catch (Error const& error) {
        report_status(RunStatus::State::failed, error.code(), rank_prefix(plan_.comm) + error.what());
        throw;
    } catch (std::exception const& error) {
        report_status(RunStatus::State::failed, ExitCode::internal, rank_prefix(plan_.comm) + error.what());
        throw;
    }
}

/// Several ranks may fail in one way: what the first has written stays.
void Trainer::report_status(RunStatus::State state, ExitCode code, std::string reason, bool run_again) const {
    if (!is_root()) {
        std::this_thread::sleep_for(std::chrono::seconds(1));
        if (!read_file(deck_.output.folder + "/status").starts_with("state: running")) { return; }
    }
    write_status(deck_.output.folder, {state, std::move(reason), run_again, code, step_, steps_});
}

ExitCode Trainer::run_steps() {
    if (is_root()) {
        write_file(deck_.output.folder + "/deck.yaml", dump_deck(deck_));
        log_.emplace(deck_.output.folder, metric_names(plan_.has_eval ? plan_.eval : plan_.train), first_step_);
    }
    stops_.emplace(deck_, plan_.comm);
    std::optional<Stop> stop;
    if (evaluation_due_) { stop = finish_step(); }
    while (!stop && step_ < steps_) {
        stop = stops_->look(longest_step_ + checkpoints_->seconds());
        if (stop) { break; }
        train_step();
        Index const eval_every = deck_.train.eval_every;
        evaluation_due_ = plan_.has_eval && (step_ == steps_ || (eval_every > 0 && step_ % eval_every == 0));
        stop = finish_step();
    }
    if (stop) { return end_early(*stop); }
    save_final();
    report_end();
    std::string const missing = missing_lines();
    require(missing.empty(), ExitCode::data_error, "{}", missing);
    if (is_root()) { report_status(RunStatus::State::finished, ExitCode::success); }
    return ExitCode::success;
}

std::optional<Stop> Trainer::finish_step() {
    bool const evaluates = std::exchange(evaluation_due_, false);
    if (evaluates) {
        if (std::optional<Stop> stop = evaluate()) {
            evaluation_due_ = true;
            return stop;
        }
        has_evaluated_ = true;
    }
    save_after_step(evaluates);
    return {};
}

ExitCode Trainer::end_early(Stop const& stop) {
    bool const went_on = step_ > first_step_ || has_evaluated_;
    double const slowest_save = slowest(checkpoints_->seconds());
    require(
        went_on || stop.kind != Stop::Kind::time, ExitCode::bad_deck,
        "{}: {} leaves no time for one step: the process may take {}, of which {} went by before its first step and "
        "{} are kept for a checkpoint: allow it more time, or the same happens at every start",
        deck_.where("train.wall_time"), stop.reason, duration_text(stops_->limit().value_or(0)),
        duration_text(seconds_of_process()), duration_text(slowest_save));
    if (step_ > 0) { save_last(); }
    if (!is_root()) { return ExitCode::stopped; }
    report_status(RunStatus::State::stopped, ExitCode::stopped, stop.reason, stop.run_again());
    if (std::string const missing = missing_lines(); !missing.empty()) { warn("{}", missing); }
    say("stopped by {} after step {} of {}{}: run the same deck again to go on\n", stop.reason, step_, steps_,
        evaluation_due_ ? ", before its evaluation" : "");
    return ExitCode::stopped;
}

std::string Trainer::profile() {
    require(engine_.grid().stages() == 1 && engine_.schedule().rows.empty(), ExitCode::bad_deck,
            "--profile times the operators of one stage: set parallel.stages to 1 (`run --trace` shows stages)");
    Batch const& batch = train_loader_->next();
    static_cast<void>(engine_.run_batch({}, loader_of(plan_, batch)));  // first touch of the memory
    std::vector<double> const seconds = engine_.train().run_timed({});
    struct Row {
        double seconds = 0, flops = 0, bytes = 0;
        Index count = 0;
    };
    std::map<std::string, Row> rows;
    Graph const& graph = engine_.train().graph();
    double total = 0;
    for (std::size_t i = 0; i < seconds.size(); ++i) {
        Node const& node = graph.nodes()[i];
        if (node.op->is_view()) { continue; }
        Cost const cost = cost_of(graph, node);
        std::string const phase = node.phase == Phase::recompute ? " (recomputed)" : "";
        Row& row = rows[fmt::format("{} [{}]{}", node.op->kind(), engine_.train().steps()[i].library, phase)];
        row.seconds += seconds[i];
        row.flops += cost.flops;
        row.bytes += cost.bytes;
        ++row.count;
        total += seconds[i];
    }
    std::vector<std::pair<std::string, Row>> sorted(rows.begin(), rows.end());
    std::sort(sorted.begin(), sorted.end(),
              [](auto const& a, auto const& b) { return a.second.seconds > b.second.seconds; });
    std::string table = fmt::format("one step, operator by operator: {:.4f} s\n  {:<48}{:>6}{:>11}{:>8}{:>11}{:>9}\n",
                                    total, "operator", "count", "seconds", "share", "GFLOP/s", "GB/s");
    for (auto const& [name, row] : sorted) {
        table += fmt::format("  {:<48}{:>6}{:>11.5f}{:>7.1f}%{:>11.1f}{:>9.1f}\n", name, row.count, row.seconds,
                             100 * row.seconds / total, 1e-9 * row.flops / row.seconds, 1e-9 * row.bytes / row.seconds);
    }
    return table;
}

void Trainer::report_end() const {
    Activity const activity("the summary of the run");
    double const total = seconds_since(begin_);
    double const peak = slowest(static_cast<double>(process_memory().peak));
    double const largest = static_cast<double>(largest_total(plan_));
    double read =
        static_cast<double>(plan_.train_data->bytes_read() + (plan_.eval_data ? plan_.eval_data->bytes_read() : 0));
    std::vector<double> const communicating =
        plan_.comm == nullptr ? std::vector<double>{} : plan_.comm->gather(engine_.seconds_communicating());
    if (plan_.comm != nullptr) { plan_.comm->sum(&read, 1); }
    std::vector<std::string> const hosts = gather_texts(plan_.comm, name_of_host());
    if (!is_root()) { return; }
    say("\n{:<24}{:>10}{:>8}{:>12}{:>12}{:>12}\n", "phase", "seconds", "share", "fastest", "mean", "slowest");
    for (auto const& [name, phase] : phases_) {
        say("{:<24}{:>10.2f}{:>7.1f}%{:>12.5f}{:>12.5f}{:>12.5f}\n", name, phase.seconds, 100 * phase.seconds / total,
            phase.fastest, phase.seconds / static_cast<double>(phase.count), phase.slowest);
    }
    say("{:<24}{:>10.2f}\n", "whole run", total);
    RunMemory const memory = plan_.memory();
    if (!communicating.empty()) {
        auto const [least, most] = std::minmax_element(communicating.begin(), communicating.end());
        double const mean = std::accumulate(communicating.begin(), communicating.end(), 0.0) /
                            static_cast<double>(communicating.size());
        say("exchanges and reductions, seconds by rank: least {:.2f}, mean {:.2f}, most {:.2f} ({:.1f}% of the "
            "run)\n",
            *least, mean, *most, 100 * mean / total);
    }
    say("arena: predicted {} bytes, allocated {} bytes\n", memory.arena.total(), engine_.arena_bytes());
    say("process{}: predicted {}, peak {} ({:+.1f}%)\n", plan_.comm == nullptr ? "" : ", largest of all ranks",
        bytes_text(largest), bytes_text(peak), 100 * (peak / largest - 1));
    say("read from files: {}\n", bytes_text(read));
    write_summary(hosts);
    write_curves(deck_.output.folder + "/curves.svg", deck_.name, read_run_log(deck_.output.folder + "/metrics.csv"));
    bool const drawn = plan_.has_eval && deck_.output.pictures > 0 && can_draw(plan_.eval.sample);
    say("results in {}: metrics.csv, metrics.jsonl, curves.svg, {}summary.json, deck.yaml\n", deck_.output.folder,
        drawn ? "predictions.png, " : "");
}

void Trainer::write_summary(std::vector<std::string> hosts) const {
    RunSummary const summary{step_,    epoch(),       last_line_, last_eval_, best_, std::move(hosts),
                             started_, time_of_day(), phases_};
    write_file(deck_.output.folder + "/summary.json", to_json(plan_, summary));
}

}  // namespace aureole
