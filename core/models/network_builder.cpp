#include "core/models/network_builder.hpp"

#include <cmath>

#include "core/error.hpp"
#include "core/ops/add.hpp"
#include "core/ops/cast.hpp"
#include "core/ops/concat.hpp"
#include "core/ops/dropout.hpp"
#include "core/ops/global_pool.hpp"
#include "core/ops/layer_norm.hpp"
#include "core/ops/linear.hpp"
#include "core/ops/reshape.hpp"
#include "core/ops/slice.hpp"
#include "core/tensor/philox.hpp"

namespace aureole {

namespace {

Initializer he_normal(Index fan_in) {
    return {Initializer::Kind::normal, 0, std::sqrt(2.0 / static_cast<double>(fan_in))};
}

Initializer constant(double value) { return {Initializer::Kind::constant, value, 0}; }

}  // namespace

Windows windows(Dimensions dimensions, Index size, Index stride, Index pad, Index dilation) {
    Window const window{size, stride, pad, pad, dilation};
    return {dimensions == Dimensions::three ? window : Window{}, window, window};
}

ValueId NetworkBuilder::emit(std::string const& name, OperatorPtr op, std::vector<ValueId> inputs) {
    return graph_.node(graph_.add_node(name, std::move(op), std::move(inputs))).outputs[0];
}

ValueId NetworkBuilder::parameter(std::string const& name, Shape const& shape, Initializer const& initializer,
                                  bool decay) {
    require(graph_.find(name) == none, ExitCode::bad_deck, "two layers are called {}: give each a name of its own",
            name);
    return graph_.add_value({name, {parameter_type(), shape}, Role::parameter, none, initializer, decay});
}

ValueId NetworkBuilder::state(std::string const& name, Shape const& shape, DType dtype, double value) {
    return graph_.add_value({name, {dtype, shape}, Role::state, none, constant(value), false});
}

ValueId NetworkBuilder::image(Shape const& shape) {
    ValueId const input = graph_.add_value({"input", {parameter_type(), shape}, Role::input, none, {}, true});
    return options_.dtype == parameter_type() ? input
                                              : emit("input.cast", std::make_shared<Cast>(options_.dtype), {input});
}

ValueId NetworkBuilder::labels(Shape const& shape, DType dtype) {
    return graph_.add_value({"labels", {dtype, shape}, Role::input, none, {}, true});
}

ValueId NetworkBuilder::conv(std::string const& name, ValueId x, ConvAttributes attributes) {
    Shape const weights = conv_weight_shape(attributes, shape(x).c);
    std::vector<ValueId> inputs{x, parameter(name + ".weight", weights, he_normal(weights.volume() / weights.c))};
    if (attributes.bias) {
        inputs.push_back(parameter(name + ".bias", {1, 1, 1, 1, attributes.filters}, constant(0), false));
    }
    return emit(name, std::make_shared<Conv>(attributes), inputs);
}

ValueId NetworkBuilder::transposed_conv(std::string const& name, ValueId x, TransposedConvAttributes attributes) {
    Shape const weights = transposed_conv_weight_shape(attributes, shape(x).c);
    // each output pixel sums over size / stride positions per axis
    double fan_in = static_cast<double>(shape(x).c) / static_cast<double>(attributes.groups);
    for (Window const& window : attributes.window) {
        fan_in *= std::max(1.0, static_cast<double>(window.size) / static_cast<double>(window.stride));
    }
    Initializer const initializer{Initializer::Kind::normal, 0, std::sqrt(2.0 / fan_in)};
    std::vector<ValueId> inputs{x, parameter(name + ".weight", weights, initializer)};
    if (attributes.bias) {
        inputs.push_back(parameter(name + ".bias", {1, 1, 1, 1, attributes.filters}, constant(0), false));
    }
    return emit(name, std::make_shared<TransposedConv>(attributes), inputs);
}

ValueId NetworkBuilder::linear(std::string const& name, ValueId x, Index features, bool bias) {
    Index const c = shape(x).c;
    std::vector<ValueId> inputs{x, parameter(name + ".weight", {1, 1, 1, c, features}, he_normal(c))};
    if (bias) { inputs.push_back(parameter(name + ".bias", {1, 1, 1, 1, features}, constant(0), false)); }
    return emit(name, std::make_shared<Linear>(LinearAttributes{features, bias}), inputs);
}

ValueId NetworkBuilder::norm(std::string const& name, ValueId x, NormAttributes attributes) {
    Shape const per_channel{1, 1, 1, 1, shape(x).c};
    bool const batch = attributes.kind == NormAttributes::Kind::batch;
    if (batch) { attributes.samples_per_group = options_.samples_per_norm; }
    attributes.running = attributes.running && batch;
    attributes.fixed_statistics = options_.mode == Mode::eval && attributes.running;

    std::vector<ValueId> running;
    if (attributes.running) {
        running.push_back(state(name + ".running_mean", per_channel, parameter_type(), 0));
        running.push_back(state(name + ".running_var", per_channel, parameter_type(), 1));
    }
    OperatorPtr statistics;
    std::vector<ValueId> sources;
    if (attributes.fixed_statistics) {
        statistics = std::make_shared<RunningStatistics>(attributes.epsilon);
    } else {
        statistics = std::make_shared<NormStatistics>(attributes);
        sources.push_back(x);
    }
    sources.insert(sources.end(), running.begin(), running.end());
    std::vector<ValueId> const moments =
        graph_.node(graph_.add_node(name + ".statistics", statistics, sources)).outputs;

    std::vector<ValueId> inputs{x, moments[0], moments[1]};
    if (attributes.affine) {
        inputs.push_back(parameter(name + ".weight", per_channel, constant(1), false));
        inputs.push_back(parameter(name + ".bias", per_channel, constant(0), false));
    }
    return emit(name, std::make_shared<Normalize>(attributes), inputs);
}

ValueId NetworkBuilder::layer_norm(std::string const& name, ValueId x, double epsilon) {
    Shape const per_channel{1, 1, 1, 1, shape(x).c};
    ValueId const gamma = parameter(name + ".weight", per_channel, constant(1), false);
    ValueId const beta = parameter(name + ".bias", per_channel, constant(0), false);
    return emit(name, std::make_shared<LayerNorm>(LayerNormAttributes{epsilon}), {x, gamma, beta});
}

ValueId NetworkBuilder::activation(std::string const& name, ValueId x, ActivationAttributes attributes) {
    return emit(name, std::make_shared<Activation>(attributes), {x});
}

ValueId NetworkBuilder::pool(std::string const& name, ValueId x, PoolAttributes attributes) {
    return emit(name, std::make_shared<Pool>(attributes), {x});
}

ValueId NetworkBuilder::global_pool(std::string const& name, ValueId x, PoolKind kind) {
    return emit(name, std::make_shared<GlobalPool>(kind), {x});
}

ValueId NetworkBuilder::upsample(std::string const& name, ValueId x, UpsampleAttributes attributes) {
    return emit(name, std::make_shared<Upsample>(attributes), {x});
}

ValueId NetworkBuilder::add(std::string const& name, ValueId a, ValueId b) {
    return emit(name, std::make_shared<Add>(), {a, b});
}

ValueId NetworkBuilder::concat(std::string const& name, std::vector<ValueId> const& parts) {
    return emit(name, std::make_shared<Concat>(), parts);
}

ValueId NetworkBuilder::slice(std::string const& name, ValueId x, Axis axis, Index begin, Index end) {
    return emit(name, std::make_shared<Slice>(SliceAttributes{axis, begin, end}), {x});
}

ValueId NetworkBuilder::flatten(std::string const& name, ValueId x) {
    Shape const& s = shape(x);
    return emit(name, std::make_shared<Reshape>(Shape{s.n, 1, 1, 1, s.elements_per_sample()}), {x});
}

ValueId NetworkBuilder::dropout(std::string const& name, ValueId x, double rate) {
    if (rate == 0) { return x; }
    if (options_.mode == Mode::eval) {
        graph_.keep_unit();  // stages are cut at the units of training
        return x;
    }
    return emit(name, std::make_shared<Dropout>(DropoutAttributes{rate, stream_of(name)}), {x});
}

}  // namespace aureole
