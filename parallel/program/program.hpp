#pragma once
#include <functional>
#include <set>

#include "core/clock.hpp"
#include "core/graph/memory_plan.hpp"
#include "core/kernels/kernel.hpp"
#include "core/tensor/arena.hpp"
#include "parallel/program/communicate.hpp"
#include "parallel/program/persistent_layout.hpp"
#include "parallel/program/program_watch.hpp"

namespace aureole {

/// Parts of a step that run on their own, in this order; other micro-batches may run between them.
enum class Segment : std::uint8_t { forward, backward, input_gradient, weight_gradient };

struct ProgramOptions {
    KernelChoice kernels = KernelChoice::automatic;
    bool keep_gradients = false;      ///< gradients persist over micro-batches instead of living in the transient part
    bool gradients_until_end = true;  ///< gradients can be read after the run
    std::vector<ValueId> keep;        ///< activations that must be readable after the run
    /// forward and backward, or forward, input_gradient and weight_gradient; empty: all runs as one.
    std::vector<Segment> segments{};
    int frames = 1;                   ///< micro-batches in flight: between the first and the last of their segments
    bool guard = guard_by_default();  ///< red zones around everything; the arena must be guarded as well
};

/// One node of a rank's program.
struct Step {
    NodeId node = none;
    std::string_view library;        ///< which implementation was chosen
    std::unique_ptr<Kernel> kernel;  ///< none for views, communication, and where this rank has no pixels
    bool communicates = false;
};

/// When a step ran. Work on a device may end later than the step that hands it over.
struct StepTime {
    std::size_t step = 0;
    Clock::time_point begin, end;
};

/// Bytes of the arena from which a program's tensors are placed.
struct ProgramPlace {
    std::size_t transient = 0;  ///< of what no other segment needs: programs that take turns may share it
    std::size_t frames = 0;     ///< Program::frame_bytes() for each frame
};

/// What bytes of an arena are for, where the most of them are in use.
struct MemorySplit {
    std::size_t activations = 0;  ///< of the tile, forward and backward
    std::size_t gradients = 0;    ///< of parameters, on their way to the update
    std::size_t halo = 0;         ///< rows of other tiles, and copies of a tile that has room for them
    std::size_t messages = 0;     ///< buffers in which halos and partial results are packed
    std::size_t scratch = 0;      ///< workspaces of kernels
    std::size_t red_zones = 0;    ///< around what is in use, where memory is guarded
    std::size_t gaps = 0;         ///< between blocks, and what is in use at other times only

    [[nodiscard]] std::size_t total() const {
        return activations + gradients + halo + messages + scratch + red_zones + gaps;
    }
    MemorySplit& operator+=(MemorySplit const& other);
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
    /// Bytes that one micro-batch in flight holds.
    [[nodiscard]] std::size_t frame_bytes() const { return align_up(memory_.frame_bytes); }
    /// What transient_bytes() and frame_bytes() are for; totals are these.
    [[nodiscard]] MemorySplit transient_split() const { return split(memory_.transient_peak, transient_bytes()); }
    [[nodiscard]] MemorySplit frame_split() const { return split(memory_.frame_peak, frame_bytes()); }
    [[nodiscard]] int frames() const { return options_.frames; }
    /// Bytes in front of every block, and behind it.
    [[nodiscard]] std::size_t red_zone() const { return options_.guard ? aureole::red_zone : 0; }
    /// Whether this segment can be run on its own.
    [[nodiscard]] bool has(Segment segment) const;
    /// Tags that its messages use, from the first one that bind() is given.
    [[nodiscard]] int tags() const { return static_cast<int>(steps_.size()) * options_.frames; }
    /// Bytes of workspace of the hungriest node.
    [[nodiscard]] std::size_t workspace_bytes() const;
    /// Name under which a parameter's gradient persists when ProgramOptions::keep_gradients is set.
    [[nodiscard]] static std::string gradient_name(std::string const& parameter) { return "gradient/" + parameter; }
    /// Adds what must persist for this program to the layout.
    void add_persistent(PersistentLayout& layout) const;
    /// Gives every step its addresses. A program of several ranks needs their communicator.
    void bind(Arena const& arena, PersistentLayout const& layout, ProgramPlace const& place, Comm const* comm = nullptr,
              int first_tag = 0);
    /// The bound tensor of a value.
    [[nodiscard]] Tensor tensor(ValueId id, int frame = 0) const {
        return bindings_[static_cast<std::size_t>(frame)].tensors[static_cast<std::size_t>(id)];
    }
    /// Whether a value can be read after a run: the options keep it, or it persists.
    [[nodiscard]] bool is_kept(ValueId id) const;
    /// Leaves out the exchange of a value, so that users of its halo read what is not there: for tests of what notices.
    /// Returns whether there is such an exchange.
    bool break_exchange(std::string_view value);
    /// Puts a kernel in the place of a step's, made from that one: for tests of what notices.
    void replace_kernel(std::size_t step, std::function<std::unique_ptr<Kernel>(std::unique_ptr<Kernel>)> const& make);
    /// Called after a step.
    using AfterStep = std::function<void(std::size_t step)>;
    /// Runs every step in order; does not wait for a device to finish.
    void run(RunContext const& context, AfterStep const& after = {}) const;
    /// Runs one of the segments that the options name, on one frame.
    void run(Segment segment, int frame, RunContext const& context, AfterStep const& after = {}) const;
    void run_step(std::size_t step, RunContext const& context, int frame = 0) const;
    /// Seconds per step of one run, each fenced: for profiles.
    [[nodiscard]] std::vector<double> run_timed(RunContext const& context) const;
    /// Keeps the times of all steps that run from now on, instead of those kept so far; or none.
    void record_steps(bool on);
    [[nodiscard]] std::vector<StepTime> const& recorded() const { return recorded_; }
    /// Seconds that runs so far have spent in exchanges and reductions.
    [[nodiscard]] double seconds_communicating() const { return seconds_communicating_; }
    /// Shape and part of a value that this rank holds.
    [[nodiscard]] TensorSpec spec(ValueId id) const { return local_.spec(id); }

  private:
    /// A step in one frame.
    struct Bound {
        std::unique_ptr<Communication> communication;
        std::vector<Tensor> outputs, inputs;
        std::byte* workspace = nullptr;
    };
    struct Binding {
        std::vector<Tensor> tensors;  ///< by value
        std::vector<Bound> steps;
    };
    LocalGraph local_;
    ProgramOptions options_;
    std::vector<int> segment_;  ///< by node: position in ProgramOptions::segments
    std::vector<Step> steps_;
    std::vector<std::size_t> step_workspace_;
    MemoryPlan memory_;
    std::unique_ptr<ProgramWatch> watch_;  ///< where memory is guarded
    std::vector<Binding> bindings_;        ///< by frame
    std::set<NodeId> broken_;
    mutable double seconds_communicating_ = 0;
    bool records_ = false;
    mutable std::vector<StepTime> recorded_;

    [[nodiscard]] int position_of(Phase phase) const;
    void order_by_segment();
    [[nodiscard]] Step plan_step(NodeId id) const;
    void choose_strided();
    [[nodiscard]] bool meets_strided(Node const& node) const;
    [[nodiscard]] bool takes_strided(Node const& node, Step const& dense, Step const& planned) const;
    [[nodiscard]] std::vector<Tensor> bind_tensors(Arena const& arena, PersistentLayout const& layout,
                                                   ProgramPlace const& place, int frame) const;
    [[nodiscard]] std::vector<Bound> bind_steps(Arena const& arena, std::vector<Tensor> const& tensors,
                                                std::size_t transient, Comm const* comm, int first_tag) const;
    [[nodiscard]] MemorySplit split(LiveSet const& live, std::size_t total) const;
    [[nodiscard]] bool is_persistent(Value const& value) const;
    void plan_kernels();
    void plan_memory_of_values();
    void watch(Arena const& arena, PersistentLayout const& layout, ProgramPlace const& place);
    /// Returns whether there was anything to do.
    bool execute(std::size_t step, RunContext const& context, int frame) const;
};

}  // namespace aureole
