#pragma once
#include <string>

#include "core/graph/graph.hpp"
#include "core/ops/conv.hpp"
#include "core/ops/norm.hpp"
#include "core/ops/pool.hpp"
#include "core/ops/transposed_conv.hpp"
#include "core/ops/upsample.hpp"

namespace aureole {

/// Training uses the batch's statistics and drops units; evaluation uses running statistics.
enum class Mode : std::uint8_t { train, eval };

struct BuilderOptions {
    Mode mode = Mode::train;
    DType dtype = DType::f32;    ///< of activations; parameters are kept in accumulation_type(dtype)
    Index samples_per_norm = 0;  ///< samples that share batch-norm statistics; 0 = the whole micro-batch
};

/// Number of image axes of the operators: [h, w] or [d, h, w].
enum class Dimensions : std::uint8_t { two = 2, three = 3 };

/// The same window along the image axes; d stays 1 in two dimensions.
[[nodiscard]] Windows windows(Dimensions dimensions, Index size, Index stride = 1, Index pad = 0, Index dilation = 1);

/// Adds layers to a graph: nodes together with their named, initialised parameters. Names follow PyTorch's habits
/// ("layer1.0.conv1" has "layer1.0.conv1.weight"), so that a person can map them.
///
/// Convolution and linear weights are drawn from N(0, 2 / fan_in) (He, Zhang, Ren, Sun, "Delving deep into rectifiers",
/// 2015), biases are 0, normalisations begin as the identity.
class NetworkBuilder {
  public:
    NetworkBuilder(Graph& graph, BuilderOptions const& options) : graph_(graph), options_(options) {}

    [[nodiscard]] Graph& graph() { return graph_; }
    [[nodiscard]] BuilderOptions const& options() const { return options_; }
    [[nodiscard]] Shape const& shape(ValueId id) const { return graph_.value(id).type.shape; }

    /// The network's image input "input" (f32; f64 in f64 runs), cast to the activation type.
    ValueId image(Shape const& shape);
    /// Labels: "labels", i32 classes or f32 values.
    ValueId labels(Shape const& shape, DType dtype);

    ValueId conv(std::string const& name, ValueId x, ConvAttributes attributes);
    ValueId transposed_conv(std::string const& name, ValueId x, TransposedConvAttributes attributes);
    ValueId linear(std::string const& name, ValueId x, Index features, bool bias = true);
    /// Any norm without residual; an activation is fused later, see fuse().
    ValueId norm(std::string const& name, ValueId x, NormAttributes attributes);
    ValueId layer_norm(std::string const& name, ValueId x, double epsilon = 1e-5);
    ValueId activation(std::string const& name, ValueId x, ActivationAttributes attributes);
    ValueId relu(std::string const& name, ValueId x) { return activation(name, x, {ActivationKind::relu}); }
    ValueId pool(std::string const& name, ValueId x, PoolAttributes attributes);
    ValueId global_pool(std::string const& name, ValueId x, PoolKind kind);
    ValueId upsample(std::string const& name, ValueId x, UpsampleAttributes attributes);
    ValueId add(std::string const& name, ValueId a, ValueId b);
    ValueId concat(std::string const& name, std::vector<ValueId> const& parts);
    ValueId slice(std::string const& name, ValueId x, Axis axis, Index begin, Index end);
    ValueId flatten(std::string const& name, ValueId x);
    /// Identity in evaluation.
    ValueId dropout(std::string const& name, ValueId x, double rate);

    ValueId parameter(std::string const& name, Shape const& shape, Initializer const& initializer, bool decay = true);
    ValueId state(std::string const& name, Shape const& shape, DType dtype, double value);
    /// A node with one interesting output.
    ValueId emit(std::string const& name, OperatorPtr op, std::vector<ValueId> inputs);

  private:
    Graph& graph_;
    BuilderOptions options_;

    [[nodiscard]] DType parameter_type() const { return accumulation_type(options_.dtype); }
};

}  // namespace aureole
