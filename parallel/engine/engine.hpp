#pragma once
#include <functional>
#include <optional>

#include "core/optim/optimizer.hpp"
#include "parallel/exchange/all_gather.hpp"
#include "parallel/program/tiling.hpp"
#include "parallel/reduce/gradient_reduction.hpp"
#include "parallel/schedule/event.hpp"
#include "parallel/schedule/schedule.hpp"
#include "parallel/stages/stage_program.hpp"

namespace aureole {

/// What an engine is made of: the graphs, how a batch is processed, and this rank's place in the grid.
struct EngineSpec {
    Graph train;                ///< forward and backward pass over one micro-batch; losses have Role::loss
    std::optional<Graph> eval;  ///< forward pass, shares parameters and state by name
    OptimizerSettings optimizer;
    Index micro_batches = 1;  ///< of a batch, shared out among replicas
    Index micro_samples = 1;  ///< samples of each
    KernelChoice kernels = KernelChoice::automatic;
    std::vector<ValueId> keep;         ///< values of `train` to be read after a step (dumps)
    std::vector<ValueId> eval_keep{};  ///< values of `eval` to be read after its run
    bool keep_gradients = false;       ///< gradients can be read after a step
    /// Ranks that hold the same parameters share their optimizer slots: each keeps and updates its elements only.
    bool shard_optimizer = false;
    bool guard = guard_by_default();  ///< red zones around every tensor, workspace and message, checked at every step
    PipelineGrid grid{};
    /// One row for each of the grid's, with messages. Empty, for a single row: one micro-batch after the other.
    Schedule schedule{};
    int rank = 0;            ///< in the grid
    TilingOptions tiling{};  ///< defer_gradients is set by the engine

    /// Whether each parameter is updated within the backward pass, as soon as its gradient is complete.
    [[nodiscard]] bool updates_in_graph() const;
    /// One micro-batch after the other, forward and backward pass as one program.
    [[nodiscard]] bool runs_in_one_go() const { return schedule.rows.empty(); }
    /// Ranks that share the slots of this rank's stages: its tiles and replicas, or 1.
    [[nodiscard]] int optimizer_shards() const;
    /// Micro-batches of one replica.
    [[nodiscard]] Index own_micro_batches() const { return micro_batches / grid.replicas(); }
};

/// Predicted bytes of the arena, part by part.
struct MemoryUse {
    std::size_t parameters = 0, state = 0, optimizer = 0;
    std::size_t gradients = 0;  ///< those that persist over micro-batches; otherwise they are among the transients
    std::size_t frames = 0;     ///< what micro-batches in flight keep between their forward and backward pass
    std::size_t messages = 0;   ///< buffers of messages between stages, with their red zones
    std::size_t red_zones = 0;  ///< around what persists
    std::size_t train_transient = 0;    ///< activations, gradients, workspaces of the training program
    std::size_t evaluation = 0;         ///< all of the evaluation's programs; in the same place
    std::size_t train_lower_bound = 0;  ///< the most bytes that live at one time; the packing may need more
    std::string peak_node;              ///< operator at which the training program needs most

    [[nodiscard]] std::size_t persistent() const { return parameters + state + optimizer + gradients + red_zones; }
    [[nodiscard]] std::size_t training() const { return frames + messages + train_transient; }
    [[nodiscard]] std::size_t total() const { return persistent() + std::max(training(), evaluation); }
};

/// What one instruction of the last batch took, in seconds since its begin.
struct InstructionTime {
    Instruction instruction;
    double begin = 0, end = 0;
};

/// Trains one rank's part of a network: plans its programs, owns its arena, walks its row of the schedule. Ranks of a
/// grid make the same calls in the same order.
class Engine {
  public:
    /// Plans kernels, messages and memory; nothing is allocated yet.
    explicit Engine(EngineSpec spec);

    [[nodiscard]] MemoryUse memory() const;
    /// What the bytes of MemoryUse::frames and train_transient are for.
    [[nodiscard]] MemorySplit memory_split() const;
    [[nodiscard]] TilingOptions const& tiling() const { return spec_.tiling; }
    [[nodiscard]] PipelineGrid const& grid() const { return spec_.grid; }
    [[nodiscard]] PipelineGrid::Place place() const { return spec_.grid.place(spec_.rank); }
    [[nodiscard]] Schedule const& schedule() const { return spec_.schedule; }
    /// Programs of the stages on this rank, first stage first.
    [[nodiscard]] std::size_t stages() const { return train_.size(); }
    [[nodiscard]] Program const& train(std::size_t i = 0) const { return train_[i]->program(); }
    [[nodiscard]] Program const* eval(std::size_t i = 0) const {
        return eval_.empty() ? nullptr : &eval_[i]->program();
    }
    [[nodiscard]] StageProgram const& stage(std::size_t i) const { return *train_[i]; }
    [[nodiscard]] PersistentLayout const& persistent() const { return layout_; }

    /// The part of an input of the network that this rank reads: the bounding box of what its stages need, whose own
    /// boxes may differ; an empty box if none.
    [[nodiscard]] Box read_box(ValueId input, bool training) const;

    /// Allocates the arena, binds the programs, draws parameters by their names from the seed. A grid of several ranks
    /// needs their communicator, which outlives the engine.
    void allocate(std::uint64_t seed, Comm const* comm = nullptr);
    [[nodiscard]] std::size_t arena_bytes() const { return arena_ ? arena_->bytes() : 0; }
    [[nodiscard]] Tensor tensor(Persistent const& entry) const;
    /// Values of a persistent tensor, whole, on the first rank of its stage; empty on the others. All ranks of the
    /// stage call it.
    [[nodiscard]] std::vector<double> gather(Persistent const& entry) const;
    /// Writes what this rank holds of a persistent tensor, which is given whole.
    void write(Persistent const& entry, std::vector<double> const& whole) const;
    /// The tensor of a parameter's gradient after a step; asks for EngineSpec::keep_gradients, or for several
    /// micro-batches and slots that are not shared.
    [[nodiscard]] Tensor gradient(std::string const& parameter) const;

    /// Writes the inputs that a program reads of a micro-batch (counted over all replicas) into its frame.
    using Load = std::function<void(Program const& program, int frame, Index micro_batch)>;
    /// Forward and backward pass of a batch by the schedule; gradients are complete afterwards. `context` is that of
    /// the batch. Returns the sum of losses, mean over the batch, on every rank.
    double run_batch(RunContext const& context, Load const& load);
    /// Forward pass of one micro-batch through the evaluation's programs; each of `losses`, on every rank.
    std::vector<double> run_eval(RunContext const& context, Load const& load, std::vector<ValueId> const& losses);
    /// What the last run_batch() did when.
    [[nodiscard]] std::vector<InstructionTime> const& times() const { return times_; }
    /// Keeps the times of operators in the next run_batch(), and no longer.
    void record_operators() { records_operators_ = true; }
    /// Operators of the last run_batch() if they were recorded, in seconds since its begin; on a device the time to
    /// launch them. Replicas are groups.
    [[nodiscard]] std::vector<OperatorEvent> operator_events() const;

    /// For tests of what notices: see Program::break_exchange; before allocate().
    bool break_exchange(std::string_view value);
    /// Counters, summed over all ranks that count; all ranks call it.
    [[nodiscard]] std::vector<double> counts(std::string const& state) const;
    /// Seconds spent in exchanges and reductions since allocate().
    [[nodiscard]] double seconds_communicating() const;
    struct Update {
        double gradient_norm = 0;  ///< before clipping; only computed if clip_norm is set
    };
    /// One optimizer step; `step` counts from 0. Nothing is left to do if updates are part of the graph, which takes
    /// RunContext::learning_rate and update.
    Update update(double learning_rate, Index step);

  private:
    /// A running statistic, and the share of a new value in it: replicas see parts of the batch.
    struct Running {
        Tensor tensor;
        double momentum = 0;
    };
    EngineSpec spec_;
    std::vector<std::unique_ptr<StageProgram>> train_, eval_;  ///< of this rank
    PersistentLayout layout_;
    std::optional<Arena> arena_;
    Comm const* world_ = nullptr;
    std::optional<Comm> row_, pipeline_, stage_ranks_, replicas_;
    std::vector<GradientBucket> buckets_;
    std::vector<OptimizedTensor> optimized_;  ///< what this rank updates; bound by allocate
    GradientReduction reduction_;
    AllGather gradients_, parameters_;  ///< of shares; nothing where every rank has all
    std::vector<Running> running_;
    std::vector<InstructionTime> times_;
    bool records_operators_ = false;
    Clock::time_point batch_begin_;
    StepTime gradient_sums_;  ///< the wait for them in the last batch

    [[nodiscard]] std::vector<std::unique_ptr<StageProgram>> plan_stages(Graph graph, bool training) const;
    [[nodiscard]] std::vector<int> frames_of(int stage) const;
    [[nodiscard]] ProgramOptions train_options(int stage) const;
    [[nodiscard]] ProgramOptions eval_options() const;
    [[nodiscard]] std::vector<Instruction> const& row() const;
    [[nodiscard]] std::vector<GradientBucket> plan_gradient_buckets() const;
    [[nodiscard]] std::optional<Elements> updated_part(std::string const& parameter) const;
    [[nodiscard]] int place_among_shards() const;
    void add_optimizer_slots();
    void split_ranks(Comm const& comm);
    void bind_programs(std::vector<std::unique_ptr<StageProgram>> const& stages, int& row_tag, int& pipeline_tag);
    void bind_optimizer();
    void bind_gradient_sums();
    void bind_shares();
    void bind_running();
    void draw_parameters(std::uint64_t seed);

    struct Walk;
    void run_in_one_go(Walk& walk);
    void execute(Instruction const& instruction, Walk& walk);
    void run_forward(Instruction const& instruction, StageProgram& stage, Walk& walk);
    void run_backward(Instruction const& instruction, std::size_t position, Walk& walk);
    /// Ends the run if anything has written beyond its memory, where the arena is guarded.
    void check_guard(std::string_view what) const;
    [[nodiscard]] std::size_t position_of(int stage) const;
    [[nodiscard]] Program::AfterStep after_steps_of(std::size_t stage);
    [[nodiscard]] RunContext context_of(int micro_batch, Walk const& walk) const;
    /// Of a micro-batch of this replica, over all replicas.
    [[nodiscard]] Index number_of(int micro_batch) const;
    void begin_running();
    void combine_running();
    /// Over the ranks whose number counts.
    void sum_over_ranks(std::vector<double>& mine, bool counts) const;
};

}  // namespace aureole
