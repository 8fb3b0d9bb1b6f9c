#pragma once
#include <functional>
#include <map>

#include "core/models/network_builder.hpp"
#include "parallel/program/program.hpp"
#include "parallel/program/tiling.hpp"
#include "unit_tests/support/random_layouts.hpp"

namespace aureole::test {

/// An input of a test graph, filled by its name and element: real numbers, or whole ones.
struct GraphInput {
    ValueId id = none;
    double lo = -1, hi = 1;  ///< whole numbers: both included
    bool whole_numbers = false;
};

/// A small network around one operator. Activations are f64.
struct TestGraph {
    Graph graph;
    std::vector<GraphInput> inputs;
    std::vector<ValueId> images;           ///< inputs whose gradients are wanted
    ValueId output = none;                 ///< of the operator, or the last one
    std::vector<ValueId> losses;           ///< if there is none the graph gets one
    std::vector<ValueId> image_gradients;  ///< of `images`; `none` where nothing contributes
};

/// Draws a test graph: shapes, attributes, what comes before the operator.
class GraphMaker {
  public:
    GraphMaker(TestGraph& test, Random& random);

    Random& random;
    Shape image;  ///< extents of the images of this graph
    bool three_dimensional = false;
    NetworkBuilder net;

    /// Values of the image's extents with the given number of channels: an input, or a convolution of one.
    ValueId source(Index channels);
    ValueId source() { return source(image.c); }
    /// The same of any shape.
    ValueId source_of(Shape const& shape);
    /// An input of whole numbers, so that many elements are equal.
    ValueId quantized_source();
    ValueId labels(Shape const& shape, DType dtype, Index first, Index last);
    ValueId real_input(std::string const& name, Shape const& shape, DType dtype, double lo, double hi);
    ValueId parameter(std::string const& name, Shape const& shape);
    void add_loss(OperatorPtr op, std::vector<ValueId> inputs);
    /// Windows along the axes of the image that fit it; for pooling every one of them reads a pixel.
    Windows windows(bool for_pooling);
    ActivationAttributes activation();
    /// A divisor of `count`.
    Index divisor(Index count);
    [[nodiscard]] Shape shape(ValueId id) const { return net.shape(id); }

  private:
    TestGraph& test_;
    int drawn_ = 0;
    [[nodiscard]] std::string next(std::string const& name) { return name + std::to_string(drawn_++); }
};

using Make = std::function<ValueId(GraphMaker&)>;

/// The graph of a seed, with a loss, differentiated; the same on every rank.
[[nodiscard]] TestGraph make_graph(Make const& make, std::uint64_t seed, Shape* image = nullptr);

/// A value, or the part of it that a rank holds.
struct PartialValue {
    std::vector<double> values;
    TensorSpec spec;
};

/// Losses, output, gradients, states by name.
using GraphResult = std::map<std::string, PartialValue>;

/// A graph with its program and memory on one rank of a grid, or alone. Memory is NaN until it is written.
class GraphRunner {
  public:
    explicit GraphRunner(TestGraph graph);
    GraphRunner(TestGraph graph, TileGrid const& grid, Comm const& comm, TilingOptions const& options = {});
    /// A graph that was lowered before.
    GraphRunner(TestGraph graph, LocalGraph local, Comm const& comm)
        : GraphRunner(std::move(graph), std::move(local), &comm) {}

    using AfterStep = std::function<void(Node const& node)>;
    /// Fills the inputs and runs every step; `after` may look at, and spoil, what a step gave.
    void run(RunContext const& context, AfterStep const& after = {});
    /// Gradients are complete, other values this rank's part.
    [[nodiscard]] GraphResult result() const;
    [[nodiscard]] Program const& program() const { return program_; }

  private:
    GraphRunner(TestGraph graph, LocalGraph local, Comm const* comm);
    TestGraph test_;  ///< its graph has moved into the program
    Comm const* comm_;
    Program program_;
    PersistentLayout layout_;
    Arena arena_;
};

/// Largest difference of a part from the whole it belongs to, measured by the whole's Euclidean norm, and its name.
/// Gradients are measured by at least a tenth of all gradients: that of a bias before a norm is nothing but rounding.
struct Difference {
    double relative = 0;
    std::string name;
};
[[nodiscard]] Difference largest_difference(GraphResult const& got, GraphResult const& want);

}  // namespace aureole::test
