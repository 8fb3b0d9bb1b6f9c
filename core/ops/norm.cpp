#include "core/ops/norm.hpp"

#include "core/error.hpp"
#include "core/graph/backward.hpp"

namespace aureole {

namespace {

using Kind = NormAttributes::Kind;

ValueType per_channel(ValueType const& x) { return {accumulation_type(x.dtype), {1, 1, 1, 1, x.shape.c}}; }

ValueType statistics_type(NormAttributes const& attributes, ValueType const& x) {
    return {accumulation_type(x.dtype), norm_statistics_shape(attributes, x.shape)};
}

/// Parameters and statistics have no image axes; their channels follow the output's.
Access per_channel_access() { return {{Reach::all, Reach::all, Reach::all, Reach::all, Reach::same}, {}}; }

Access statistics_access(NormAttributes const& attributes) {
    bool const per_group = attributes.kind == Kind::group && !attributes.fixed_statistics;
    return per_group ? Access::whole() : per_channel_access();
}

void require_type(ValueType const& got, ValueType const& want, std::string_view what) {
    require(got == want, "normalisation: {} is {} {}, expected {} {}", what, name_of(got.dtype), to_string(got.shape),
            name_of(want.dtype), to_string(want.shape));
}

}  // namespace

Shape norm_statistics_shape(NormAttributes const& attributes, Shape const& x) {
    if (attributes.fixed_statistics) { return {1, 1, 1, 1, x.c}; }
    switch (attributes.kind) {
        case Kind::instance: return {x.n, 1, 1, 1, x.c};
        case Kind::group:
            require(attributes.groups > 0 && x.c % attributes.groups == 0, ExitCode::bad_deck,
                    "group norm: {} groups do not divide {} channels: choose a divisor", attributes.groups, x.c);
            return {x.n, 1, 1, 1, attributes.groups};
        case Kind::batch: break;
    }
    Index const samples = attributes.samples_per_group == 0 ? x.n : attributes.samples_per_group;
    require(samples > 0 && x.n % samples == 0, ExitCode::bad_deck,
            "batch norm: groups of {} samples do not divide a micro-batch of {} samples: choose a divisor", samples,
            x.n);
    return {x.n / samples, 1, 1, 1, x.c};
}

std::vector<ValueType> NormStatistics::infer(std::span<ValueType const> inputs) const {
    ValueType const statistics = statistics_type(attributes_, inputs[0]);
    require(inputs[0].shape.volume() > statistics.shape.volume(), ExitCode::bad_deck,
            "normalisation of {} over one value each (the result is the layer's bias, whatever the input): let more "
            "samples "
            "share the statistics (train.batch, train.micro_batches, train.norm_batch), or leave the layer out",
            to_string(inputs[0].shape));
    for (std::size_t i = 1; keeps_running() && i < 3; ++i) {
        require_type(inputs[i], per_channel(inputs[0]), i == 1 ? "running mean" : "running variance");
    }
    return {statistics, statistics};
}

Access NormStatistics::access(std::size_t input) const {
    if (input > 0) { return per_channel_access(); }
    Access access = Access::whole();
    if (attributes_.kind != Kind::batch) { access.reach[0] = Reach::same; }
    if (attributes_.kind != Kind::group) { access.reach[4] = Reach::same; }
    return access;
}

std::optional<Split> NormStatistics::split(std::span<ValueType const> inputs) const {
    Split split;
    split.partial = std::make_shared<NormMoments>(attributes_);
    split.finish = std::make_shared<NormFinish>(attributes_, accumulation_type(inputs[0].dtype));
    split.partial_inputs = {0};
    if (keeps_running()) { split.finish_inputs = {1, 2}; }
    split.finish_outputs = {0, 1};
    return split;
}

std::vector<ValueType> NormMoments::infer(std::span<ValueType const> inputs) const {
    Shape const statistics = norm_statistics_shape(attributes_, inputs[0].shape);
    return {{DType::f64, {statistics.n, 1, 1, statistics.c, 3}}};
}

Access NormMoments::access(std::size_t input) const { return NormStatistics(attributes_).access(input); }

std::vector<ValueType> NormFinish::infer(std::span<ValueType const> inputs) const {
    Shape const& moments = inputs[0].shape;
    return std::vector<ValueType>(2, {dtype_, {moments.n, 1, 1, 1, moments.w}});
}

std::vector<ValueType> RunningStatistics::infer(std::span<ValueType const> inputs) const {
    require_type(inputs[1], inputs[0], "running variance");
    return {inputs[0], inputs[0]};
}

Access RunningStatistics::access(std::size_t /*input*/) const { return per_channel_access(); }

std::vector<ValueType> Normalize::infer(std::span<ValueType const> inputs) const {
    std::size_t const mean = attributes_.residual ? 2 : 1;
    if (attributes_.residual) {
        require(inputs[1] == inputs[0], ExitCode::bad_deck,
                "normalisation: residual {} differs from {}: give both branches the same size and channels",
                to_string(inputs[1].shape), to_string(inputs[0].shape));
    }
    for (std::size_t i = mean; i < mean + 2; ++i) {
        require_type(inputs[i], statistics_type(attributes_, inputs[0]), "statistics");
    }
    for (std::size_t i = mean + 2; attributes_.affine && i < mean + 4; ++i) {
        require_type(inputs[i], per_channel(inputs[0]), "parameter");
    }
    return {inputs[0]};
}

Access Normalize::access(std::size_t input) const {
    std::size_t const mean = attributes_.residual ? 2 : 1;
    if (input < mean) { return Access::pointwise(); }
    return input < mean + 2 ? statistics_access(attributes_) : per_channel_access();
}

Cost Normalize::cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const {
    Cost cost = Operator::cost(inputs, outputs);
    cost.flops = 4.0 * static_cast<double>(outputs[0].shape.volume());
    return cost;
}

void Normalize::differentiate(Backward& backward) const {
    std::size_t const mean = attributes_.residual ? 2 : 1;
    auto const terms = backward.gradient_terms(0);
    NormGradientAttributes const attributes{attributes_, terms.size() == 2};
    bool const needs_x = backward.needs(0);
    bool const needs_residual = attributes_.residual && backward.needs(1);
    bool const needs_parameters = attributes_.affine && (backward.needs(mean + 2) || backward.needs(mean + 3));

    std::vector<ValueId> inputs = terms;
    inputs.push_back(backward.input(0));
    if (attributes.residual()) { inputs.push_back(backward.input(1)); }
    for (std::size_t i = mean; i < mean + (attributes_.affine ? 4 : 2); ++i) { inputs.push_back(backward.input(i)); }
    bool const needs_dz = needs_residual && attributes.residual();
    bool const needs_sums = !attributes_.fixed_statistics && (needs_x || needs_dz);
    if (needs_sums || needs_parameters) {
        auto const sums = backward.emit(Phase::weight_gradient, std::make_shared<NormReduce>(attributes), inputs);
        std::size_t const first = attributes_.fixed_statistics ? 0 : 2;
        for (std::size_t i = 0; attributes_.affine && i < 2; ++i) {
            if (backward.needs(mean + 2 + i)) { backward.contribute(mean + 2 + i, sums[first + i]); }
        }
        if (!attributes_.fixed_statistics) { inputs.insert(inputs.end(), {sums[0], sums[1]}); }
    }
    if (needs_x || needs_dz) {
        auto const gradients =
            backward.emit(Phase::input_gradient, std::make_shared<NormInputGradient>(attributes), inputs);
        if (needs_x) { backward.contribute(0, gradients[0]); }
        if (needs_dz) { backward.contribute(1, gradients[1]); }
    }
    if (needs_residual && !attributes.residual()) {
        for (ValueId const term : terms) { backward.contribute(1, term); }
    }
}

std::vector<ValueType> NormReduce::infer(std::span<ValueType const> inputs) const {
    ValueType const& x = inputs[attributes_.x()];
    std::vector<ValueType> outputs;
    if (!attributes_.norm.fixed_statistics) { outputs.assign(2, statistics_type(attributes_.norm, x)); }
    if (attributes_.norm.affine) { outputs.insert(outputs.end(), 2, per_channel(x)); }
    return outputs;
}

Access NormReduce::access(std::size_t /*input*/) const { return Access::whole(); }

Access NormReduce::access_by_pixel(std::size_t input) const {
    return input < attributes_.mean() ? Operator::access_by_pixel(input) : Access::whole();
}

std::vector<ValueType> NormInputGradient::infer(std::span<ValueType const> inputs) const {
    ValueType const& x = inputs[attributes_.x()];
    return std::vector<ValueType>(attributes_.residual() ? 2 : 1, x);
}

Access NormInputGradient::access(std::size_t input) const {
    if (input < attributes_.mean()) { return Access::pointwise(); }
    bool const parameter = attributes_.norm.affine && input >= attributes_.gamma() && input < attributes_.sums();
    return parameter ? per_channel_access() : statistics_access(attributes_.norm);
}

int NormInputGradient::in_place(std::size_t output) const {
    if (output == 0) { return 0; }
    return attributes_.second_gradient ? 1 : -1;
}

}  // namespace aureole
