#pragma once
#include "core/graph/memory_plan.hpp"
#include "core/kernels/kernel.hpp"
#include "core/tensor/arena.hpp"
#include "parallel/program/communicate.hpp"
#include "parallel/program/persistent_layout.hpp"

namespace aureole {

struct ProgramOptions {
    KernelChoice kernels = KernelChoice::automatic;
    bool keep_gradients = false;      ///< gradients persist over micro-batches instead of living in the transient part
    bool gradients_until_end = true;  ///< gradients can be read after the run
    std::vector<ValueId> keep;        ///< activations that must be readable after the run
};

/// One node of a rank's program.
struct Step {
    NodeId node = none;
    std::string_view library;        ///< which implementation was chosen
    std::unique_ptr<Kernel> kernel;  ///< none for views, communication, and where this rank has no pixels
    std::unique_ptr<Communication> communication;
    std::vector<Tensor> outputs, inputs;  ///< bound by Program::bind
    std::byte* workspace = nullptr;
};

/// A graph lowered to one rank: local shapes, kernels, memory offsets. Planned completely before any memory exists.
class Program {
  public:
    /// One rank of a grid.
    Program(LocalGraph graph, ProgramOptions const& options);
    /// The only rank.
    Program(Graph graph, ProgramOptions const& options) : Program(whole(std::move(graph)), options) {}

    [[nodiscard]] Graph const& graph() const { return local_.graph; }
    [[nodiscard]] LocalGraph const& local() const { return local_; }
    [[nodiscard]] MemoryPlan const& memory() const { return memory_; }
    [[nodiscard]] std::vector<Step> const& steps() const { return steps_; }
    [[nodiscard]] std::size_t transient_bytes() const { return memory_.total; }
    /// Bytes of workspace of the hungriest node.
    [[nodiscard]] std::size_t workspace_bytes() const;
    /// Name under which a parameter's gradient persists when ProgramOptions::keep_gradients is set.
    [[nodiscard]] static std::string gradient_name(std::string const& parameter) { return "gradient/" + parameter; }
    /// Adds what must persist for this program to the layout.
    void add_persistent(PersistentLayout& layout) const;
    /// Gives every step its addresses: transient tensors start at `transient_base` of the arena.
    /// A program of several ranks needs their communicator; it uses the tags from `first_tag` to that plus the number
    /// of its nodes.
    void bind(Arena const& arena, PersistentLayout const& layout, std::size_t transient_base,
              Comm const* comm = nullptr, int first_tag = 0);
    /// The bound tensor of a value.
    [[nodiscard]] Tensor tensor(ValueId id) const { return tensors_[static_cast<std::size_t>(id)]; }
    /// Leaves out the exchange of a value, so that users of its halo read what is not there: for tests of what notices.
    /// Returns whether there is such an exchange.
    bool break_exchange(std::string_view value);
    /// Runs every step in order; does not wait for a device to finish.
    void run(RunContext const& context) const;
    /// Seconds per step of one run, each fenced: for profiles.
    [[nodiscard]] std::vector<double> run_timed(RunContext const& context) const;
    /// Seconds that runs so far have spent in exchanges and reductions.
    [[nodiscard]] double seconds_communicating() const { return seconds_communicating_; }
    /// Shape and part of a value that this rank holds.
    [[nodiscard]] TensorSpec spec(ValueId id) const;

  private:
    LocalGraph local_;
    ProgramOptions options_;
    std::vector<Step> steps_;
    std::vector<std::size_t> step_workspace_;
    MemoryPlan memory_;
    std::vector<Tensor> tensors_;
    mutable double seconds_communicating_ = 0;

    void run_step(Step const& step, RunContext const& context) const;
    void plan_step(Step& step, Node const& node, std::map<ValueId, std::shared_ptr<Exchange>>& exchanges) const;
    [[nodiscard]] bool is_persistent(Value const& value) const;
    void plan_kernels();
    void plan_memory_of_values();
};

}  // namespace aureole
