#pragma once
#include <map>

#include "app/label_counts.hpp"
#include "app/pictures.hpp"
#include "app/run_plan.hpp"
#include "app/score_store.hpp"
#include "core/clock.hpp"
#include "core/optim/optimizer.hpp"
#include "io/checkpoint/checkpoint_folder.hpp"
#include "io/log/run_log.hpp"

namespace aureole {

/// Seconds spent in one part of a run, for the table at its end.
struct PhaseTime {
    double seconds = 0;
    double fastest = 0, slowest = 0;
    Index count = 0;
    void add(double value);
};

/// Runs a plan: steps, evaluations, checkpoints, the record on the console and in files.
class Trainer {
  public:
    /// `trace`: file for what ranks did in the last step; empty: none.
    explicit Trainer(RunPlan& plan, std::string trace = "");

    /// From the step of the initial state to the last one, or to the wall-time limit.
    [[nodiscard]] ExitCode run();
    [[nodiscard]] Index step() const { return step_; }
    /// Times every operator of one training step and returns the table, slowest kinds first.
    [[nodiscard]] std::string profile();

  private:
    RunPlan& plan_;
    Engine& engine_;
    Deck const& deck_;
    std::string trace_;
    Index steps_ = 0, step_ = 0;
    LearningRate learning_rate_;
    CheckpointFolder checkpoints_;
    std::optional<RunLog> log_;
    std::optional<Loader> train_loader_, eval_loader_;
    std::optional<LabelCounter> train_labels_, eval_labels_;
    std::optional<ScoreStore> scores_;  ///< of an evaluation, where metrics need them
    bool told_that_nothing_counts_ = false;
    std::map<std::string, PhaseTime> phases_;
    Clock::time_point begin_;
    Index first_step_ = 0;
    struct Interval {
        double seconds = 0, waited = 0, communicated = 0, loss = 0;
        Index steps = 0;
    };
    Interval interval_;                         ///< steps since the last line, without evaluations and checkpoints
    mutable Index drawn_ = 0;                   ///< samples of this evaluation that have been drawn
    std::optional<double> last_gradient_norm_;  ///< where it was computed
    std::optional<LogRecord> last_eval_;

    void start();
    void restore_or_draw();
    void initialise_from_file();
    [[nodiscard]] bool known_somewhere(std::string const& name) const;
    void restore(std::string const& path);
    void save_checkpoint();
    /// Throws Error(diverged) on rank 0. All ranks call.
    void require_finite_parameters() const;
    void prepare_loaders();

    void train_step();
    [[nodiscard]] LabelCounts count_labels(Batch const& batch);
    void write_trace_of_step() const;
    void report_step();
    void evaluate();
    void draw_samples(Batch const& batch, std::vector<Picture>& pictures) const;
    /// The largest of all ranks.
    [[nodiscard]] double slowest(double value) const;
    [[nodiscard]] bool is_root() const { return plan_.is_root(); }
    void report_end() const;
    void write_summary() const;
    /// What the end of a run says of lines of the log that could not be written; empty if all are there.
    [[nodiscard]] std::string missing_lines() const;
    [[nodiscard]] bool wall_time_is_over() const;
    [[nodiscard]] std::vector<std::pair<std::string, double>> read_metrics(Network const& network,
                                                                           ThresholdScores const* scores) const;
    void reset_counters(Network const& network) const;
    [[nodiscard]] double epoch() const;
};

/// Throws Error(diverged): what is not finite, and what to do about it.
[[noreturn]] void fail_as_diverged(std::string const& what);

/// Hands samples first ... first + count - 1 of a batch, of which the loader has read this rank's part, to a frame of a
/// program, as far as it reads input or labels.
void write_batch(Program const& program, int frame, Network const& network, LoaderConfig const& loader,
                 Batch const& batch, Index first, Index count);
/// Hands an engine its micro-batches of a batch, which holds this replica's samples.
[[nodiscard]] Engine::Load loader_of(RunPlan const& plan, Batch const& batch);

/// Writes what a run that was asked to dump leaves: loss, input, labels, outputs, activations, parameters, gradients.
void write_dump(RunPlan const& plan, std::string const& path, double loss, Index step);

}  // namespace aureole
