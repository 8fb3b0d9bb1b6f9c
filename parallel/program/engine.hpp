#pragma once
#include <optional>

#include "core/optim/optimizer.hpp"
#include "parallel/program/program.hpp"

namespace aureole {

/// What an engine is made of: the graphs, how a batch is processed, and this rank's place in the grid.
struct EngineSpec {
    Graph train;                ///< forward and backward pass over one micro-batch; losses have Role::loss
    std::optional<Graph> eval;  ///< forward pass, shares parameters and state by name
    OptimizerSettings optimizer;
    Index micro_batches = 1;
    KernelChoice kernels = KernelChoice::automatic;
    std::vector<ValueId> keep;         ///< values of `train` to be read after a step (dumps)
    std::vector<ValueId> eval_keep{};  ///< values of `eval` to be read after its run
    bool keep_gradients = false;       ///< gradients can be read after a step
    TileGrid grid{};
    int rank = 0;            ///< in the grid
    TilingOptions tiling{};  ///< defer_gradients is set by the engine

    /// Whether each parameter is updated within the backward pass, as soon as its gradient is complete.
    [[nodiscard]] bool updates_in_graph() const;
};

/// Predicted bytes of the arena, part by part.
struct MemoryUse {
    std::size_t parameters = 0, state = 0, optimizer = 0;
    std::size_t gradients = 0;  ///< those that persist over micro-batches; otherwise they are among the transients
    std::size_t train_transient = 0;  ///< activations, gradients, workspaces of the training program
    std::size_t eval_transient = 0;
    std::size_t train_lower_bound = 0;  ///< the most bytes that live at one time; the packing may need more
    std::string peak_node;              ///< operator at which the training program needs most

    [[nodiscard]] std::size_t persistent() const { return parameters + state + optimizer + gradients; }
    [[nodiscard]] std::size_t total() const { return persistent() + std::max(train_transient, eval_transient); }
};

/// Trains one rank's program: plans it, owns its arena, runs steps. Ranks of a grid make the same calls in the same
/// order.
class Engine {
  public:
    /// Plans kernels and memory; nothing is allocated yet.
    explicit Engine(EngineSpec spec);

    [[nodiscard]] MemoryUse memory() const;
    [[nodiscard]] TilingOptions const& tiling() const { return spec_.tiling; }
    [[nodiscard]] Program const& train() const { return train_; }
    [[nodiscard]] Program const* eval() const { return eval_ ? &*eval_ : nullptr; }
    [[nodiscard]] PersistentLayout const& persistent() const { return layout_; }

    /// Allocates the arena, binds the programs, draws parameters by their names from the seed. A grid of several ranks
    /// needs their communicator, which outlives the engine.
    void allocate(std::uint64_t seed, Comm const* comm = nullptr);
    [[nodiscard]] std::size_t arena_bytes() const { return arena_ ? arena_->bytes() : 0; }
    [[nodiscard]] Tensor tensor(Persistent const& entry) const;
    /// The tensor of a parameter's gradient after a step; asks for EngineSpec::keep_gradients or micro_batches > 1.
    [[nodiscard]] Tensor gradient(std::string const& parameter) const;

    /// Forward and backward pass of one micro-batch, whose input has been written. Gradients of micro-batches add up.
    void run_micro_batch(RunContext const& context) const { train_.run(context); }
    /// For tests of what notices: see Program::break_exchange; before allocate().
    bool break_exchange(std::string_view value) { return train_.break_exchange(value); }
    /// Adds up what ranks have of the gradients of a batch; after its last micro-batch.
    void reduce_gradients();
    /// Whether a state tensor counts this rank's pixels only: the sum over ranks is what one rank would have.
    [[nodiscard]] bool is_partial(std::string const& state) const;
    /// Seconds spent in exchanges and reductions since allocate().
    [[nodiscard]] double seconds_communicating() const;
    struct Update {
        double gradient_norm = 0;  ///< before clipping; only computed if clip_norm is set
    };
    /// One optimizer step; `step` counts from 0. Nothing is left to do if updates are part of the graph, which takes
    /// RunContext::learning_rate and update.
    Update update(double learning_rate, Index step);

  private:
    EngineSpec spec_;
    Program train_;
    std::optional<Program> eval_;
    PersistentLayout layout_;
    std::optional<Arena> arena_;
    std::vector<OptimizedTensor> optimized_;                 ///< bound by allocate
    std::vector<std::unique_ptr<AllReduce>> gradient_sums_;  ///< of neighbours in memory
    double seconds_reducing_ = 0;

    [[nodiscard]] ProgramOptions train_options() const;
    void add_optimizer_slots();
    void bind_optimizer();
    void bind_gradient_sums(Comm const& comm);
    void draw_parameters(std::uint64_t seed);
};

}  // namespace aureole
