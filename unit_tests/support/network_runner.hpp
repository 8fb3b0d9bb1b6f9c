#pragma once
#include <functional>
#include <map>

#include "core/graph/recompute.hpp"
#include "core/models/network_builder.hpp"
#include "parallel/program/program.hpp"
#include "parallel/program/tiling.hpp"

namespace aureole::test {

/// A network with a loss, and how it is turned into a program.
struct NetworkSpec {
    enum class Labels : std::uint8_t {
        classes,
        values
    };  ///< softmax cross-entropy, or binary cross-entropy with logits
    std::function<ValueId(NetworkBuilder&, ValueId)> model;
    Shape image{2, 1, 32, 32, 3};  ///< n: samples of one micro-batch
    DType dtype = DType::f64;
    Index samples_per_norm = 0;
    Labels labels = Labels::classes;
    Index micro_batches = 1;
    bool fused = true;
    RecomputeMode recompute = RecomputeMode::none;
    std::uint64_t image_seed = 1;  ///< of the images that write_random() draws
    int chain = 1;                 ///< TilingOptions::chain
    Overlap overlap = Overlap::worthwhile;
    std::vector<int> first_units{0};  ///< of stages: what crosses between them is not recomputed
};

struct TestNetwork {
    Graph graph;
    ValueId input = none, labels = none, logits = none, loss = none;
};

/// Builds, fuses, differentiates and rewrites. Biases and normalisations, which begin as 0 and 1 in a real run, are
/// drawn too, so that every gradient depends on them; the scale at the end of a bottleneck small, as trained networks
/// have it, or rounding grows from block to block.
[[nodiscard]] TestNetwork build_test_network(NetworkSpec const& spec);

/// Images uniform in [-1, 1), drawn by element from the seed.
[[nodiscard]] std::vector<double> random_images(Shape const& shape, std::uint64_t seed = 1);
/// Labels in 0 ... count - 1, drawn by element from the seed.
[[nodiscard]] std::vector<double> random_labels(Shape const& shape, Index count, std::uint64_t seed = 1);

using Gradients = std::map<std::string, std::vector<double>>;

struct StepResult {
    double loss = 0;
    std::vector<double> logits;
    Gradients gradients;  ///< by parameter
};

/// Part of a whole tensor given as values in memory order.
[[nodiscard]] std::vector<double> part_of(std::vector<double> const& whole, Shape const& shape, Box const& part);

/// A program with its memory, for one rank of a grid. All of the arena is filled with 0xFF bytes, which are NaN in
/// every floating-point type, before parameters and state are drawn: what reads memory that nobody wrote gives NaN.
class NetworkRunner {
  public:
    explicit NetworkRunner(NetworkSpec const& spec, KernelChoice choice = KernelChoice::native,
                           std::byte fill = std::byte{0xFF});
    /// One rank of a grid; every rank of `comm` makes its own.
    NetworkRunner(NetworkSpec const& spec, KernelChoice choice, TileGrid const& grid, Comm const& comm);

    [[nodiscard]] Program const& program() const { return program_; }
    [[nodiscard]] TestNetwork const& network() const { return network_; }
    [[nodiscard]] PersistentLayout const& persistent() const { return layout_; }
    [[nodiscard]] Shape input_shape() const { return program_.graph().value(network_.input).type.shape; }
    [[nodiscard]] Shape label_shape() const { return program_.graph().value(network_.labels).type.shape; }
    [[nodiscard]] Index classes() const { return classes_; }
    [[nodiscard]] Tensor tensor(Persistent const& entry) const;
    /// The values of one micro-batch, whole; this rank takes its part.
    void write(std::vector<double> const& images, std::vector<double> const& labels) const;
    void write_random() const;
    void run(RunContext const& context = {}) const { program_.run(context); }
    /// See Program.
    void replace_kernel(std::size_t step, std::function<std::unique_ptr<Kernel>(std::unique_ptr<Kernel>)> const& make) {
        program_.replace_kernel(step, make);
    }
    [[nodiscard]] double loss() const;
    /// Logits are this rank's part, gradients are complete.
    [[nodiscard]] StepResult result() const;

  private:
    NetworkRunner(NetworkSpec const& spec, KernelChoice choice, TileGrid const& grid, Comm const* comm, std::byte fill);
    [[nodiscard]] static ProgramOptions program_options(NetworkSpec const& spec, TestNetwork const& network,
                                                        KernelChoice choice);
    Comm const* comm_;

    TestNetwork network_;  ///< its graph has moved into the program
    Index classes_ = 2;
    std::uint64_t image_seed_;
    Program program_;
    PersistentLayout layout_;
    Arena arena_;
};

/// One step on random images and labels.
[[nodiscard]] StepResult run_step(NetworkSpec const& spec, KernelChoice choice = KernelChoice::native);

/// Loss, logits and gradients are equal bit for bit.
void expect_same(StepResult const& got, StepResult const& want);
/// They differ by at most `tolerance` of the Euclidean norm of each.
void expect_close(StepResult const& got, StepResult const& want, double tolerance);

}  // namespace aureole::test
