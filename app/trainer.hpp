#pragma once
#include <map>

#include "app/checkpoints.hpp"
#include "app/label_counts.hpp"
#include "app/pictures.hpp"
#include "app/run_plan.hpp"
#include "app/run_status.hpp"
#include "app/score_store.hpp"
#include "app/stop.hpp"
#include "app/summary.hpp"
#include "app/threads.hpp"
#include "core/clock.hpp"
#include "core/kernels/host_threads.hpp"
#include "core/optim/optimizer.hpp"
#include "io/log/run_log.hpp"

namespace aureole {

/// Runs a plan: steps, evaluations, checkpoints, the record on the console and in files.
class Trainer {
  public:
    enum class Purpose : std::uint8_t { run, profile };
    /// A profile begins with drawn parameters and leaves what is in the run's folder alone. `trace`: file for what
    /// ranks did in the last step; empty: none.
    Trainer(RunPlan& plan, Purpose purpose, std::string trace = "");

    /// From the step of the initial state to the last one, or until something asks it to stop (StopRequests). The
    /// file `status` in the folder says how it went.
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
    Index samples_ = 0;  ///< training samples seen
    LearningRate learning_rate_;
    std::optional<Checkpoints> checkpoints_;
    std::optional<RunLog> log_;
    std::optional<Loader> train_loader_, eval_loader_;
    std::optional<LabelCounter> train_labels_, eval_labels_;
    std::optional<ScoreStore> scores_;  ///< of an evaluation, where metrics need them
    bool told_that_nothing_counts_ = false;
    bool has_nothing_to_do_ = false;  ///< an earlier run came to its end
    std::optional<StopRequests> stops_;
    ThreadWaits waits_{host_threads()};
    bool evaluation_due_ = false;  ///< of the step that has been done
    bool has_evaluated_ = false;   ///< this process
    double longest_step_ = 0;      ///< seconds, with all that belongs to it
    std::map<std::string, PhaseTime> phases_;
    Clock::time_point begin_;
    std::string started_ = time_of_day();
    Index first_step_ = 0;
    struct Interval {
        double seconds = 0, waited = 0, communicated = 0, loss = 0;
        Index steps = 0;   ///< whose times these are
        Index losses = 0;  ///< steps in `loss`: also those before the run was resumed
    };
    Interval interval_;                         ///< steps since the last line, without evaluations and checkpoints
    mutable Index drawn_ = 0;                   ///< samples of this evaluation that have been drawn
    std::optional<double> last_gradient_norm_;  ///< where it was computed
    std::optional<LogRecord> last_line_, last_eval_;
    std::optional<double> best_;                                ///< of train.best
    std::map<std::string, std::vector<double>> counts_before_;  ///< of the interval, before the run was resumed

    void start(Purpose purpose);
    /// From the newest checkpoint that is whole, or as train.resume says. Whether there was one.
    bool restore();
    void restore_from(std::string const& path);
    void initialise_from_file();
    [[nodiscard]] bool known_somewhere(std::string const& name) const;
    [[nodiscard]] RunState state() const;
    [[nodiscard]] std::set<std::string> counters() const;
    [[nodiscard]] std::vector<double> counts_of(std::string const& counter) const;
    /// Whether the last evaluation is the best one so far.
    [[nodiscard]] bool is_best();
    /// What the end of a step asks for: a checkpoint, the best weights.
    void save_after_step(bool evaluated);
    /// The checkpoint at a stop. Throws Error(data_error) if it cannot be written.
    void save_last();
    /// The end of a run: final.h5. Throws Error(data_error) if it cannot be written.
    void save_final();
    [[nodiscard]] std::string final_file() const { return deck_.output.folder + "/final.h5"; }
    [[nodiscard]] std::string best_file() const { return deck_.output.folder + "/best.h5"; }
    [[nodiscard]] bool has_final_file() const;
    [[nodiscard]] CheckpointFolder folder() const;
    void prepare_loaders();

    void train_step();
    [[nodiscard]] LabelCounts count_labels(Batch const& batch);
    void write_trace_of_step() const;
    void report_step();
    /// Unless it is asked to stop before its end.
    [[nodiscard]] std::optional<Stop> evaluate();
    void draw_samples(Batch const& batch, std::vector<Picture>& pictures) const;
    /// The largest of all ranks.
    [[nodiscard]] double slowest(double value) const;
    [[nodiscard]] bool is_root() const { return plan_.is_root(); }
    void report_end() const;
    void write_summary(std::vector<std::string> hosts) const;
    /// What the end of a run says of lines of the log that could not be written; empty if all are there.
    [[nodiscard]] std::string missing_lines() const;
    [[nodiscard]] ExitCode run_steps();
    /// What the end of a step asks for: an evaluation, checkpoints.
    [[nodiscard]] std::optional<Stop> finish_step();
    [[nodiscard]] ExitCode end_early(Stop const& stop);
    void report_status(RunStatus::State state, ExitCode code, std::string reason = "", bool run_again = false) const;
    [[nodiscard]] std::vector<std::pair<std::string, double>> read_metrics(Network const& network,
                                                                           ThresholdScores const* scores) const;
    void reset_counters(Network const& network);
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
