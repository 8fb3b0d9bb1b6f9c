#include "core/ops/conv.hpp"

#include "core/error.hpp"
#include "core/graph/backward.hpp"

namespace aureole {

namespace {

double conv_flops(ConvAttributes const& attributes, Shape const& output, Index channels) {
    return 2.0 * static_cast<double>(output.pixels()) *
           static_cast<double>(conv_weight_shape(attributes, channels).volume());
}

}  // namespace

Shape conv_weight_shape(ConvAttributes const& attributes, Index channels) {
    return {attributes.window[0].size, attributes.window[1].size, attributes.window[2].size,
            channels / attributes.groups, attributes.filters};
}

std::vector<ValueType> Conv::infer(std::span<ValueType const> inputs) const {
    ValueType const& x = inputs[0];
    require_valid("convolution", attributes_.window);
    require(attributes_.groups >= 1 && attributes_.filters >= 1 && x.shape.c % attributes_.groups == 0 &&
                attributes_.filters % attributes_.groups == 0,
            ExitCode::bad_deck,
            "convolution: {} groups do not divide {} input and {} output channels: choose a common divisor",
            attributes_.groups, x.shape.c, attributes_.filters);
    Shape y = output_shape(attributes_.window, x.shape);
    y.c = attributes_.filters;
    require(y.volume() > 0, ExitCode::bad_deck,
            "convolution: the kernel is larger than its padded input {}: use a larger image or fewer levels",
            to_string(x.shape));
    std::size_t const weights = attributes_.addend ? 2 : 1;
    require(!attributes_.addend || inputs[1].shape == y, "convolution: addend {} differs from result {}",
            to_string(inputs[1].shape), to_string(y));
    require(inputs[weights].shape == conv_weight_shape(attributes_, x.shape.c), "convolution: weights {} do not fit {}",
            to_string(inputs[weights].shape), to_string(x.shape));
    require(!attributes_.bias || inputs[weights + 1].shape == Shape{1, 1, 1, 1, attributes_.filters},
            "convolution: bias with {} filters", attributes_.filters);
    return {{x.dtype, y}};
}

Access Conv::access(std::size_t input) const {
    if (input == 0) { return Access::windowed(attributes_.window, Reach::window, Reach::all); }
    if (input == 1 && attributes_.addend) { return Access::pointwise(); }
    return Access::whole();
}

Cost Conv::cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const {
    Cost cost = Operator::cost(inputs, outputs);
    cost.flops = conv_flops(attributes_, outputs[0].shape, inputs[0].shape.c);
    return cost;
}

void Conv::differentiate(Backward& backward) const {
    std::size_t const w = attributes_.addend ? 2 : 1;
    ConvAttributes plain = attributes_;
    plain.addend = false;
    ValueId const dy = backward.gradient(0);
    if (backward.needs(w)) {
        auto const gradients =
            backward.emit(Phase::weight_gradient, std::make_shared<ConvWeightGradient>(plain), {backward.input(0), dy});
        backward.contribute(w, gradients[0]);
        if (attributes_.bias) { backward.contribute(w + 1, gradients[1]); }
    }
    if (backward.needs(0)) {
        auto const dx = backward.emit(Phase::input_gradient,
                                      std::make_shared<ConvInputGradient>(plain, backward.input_type(0).shape),
                                      {dy, backward.input(w)});
        backward.contribute(0, dx[0]);
    }
    if (attributes_.addend && backward.needs(1)) { backward.contribute(1, dy); }
}

std::vector<ValueType> ConvInputGradient::infer(std::span<ValueType const> inputs) const {
    return {{inputs[0].dtype, input_}};
}

Access ConvInputGradient::access(std::size_t input) const {
    return input == 0 ? Access::windowed(attributes_.window, Reach::inverse_window, Reach::all) : Access::whole();
}

Cost ConvInputGradient::cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const {
    Cost cost = Operator::cost(inputs, outputs);
    cost.flops = conv_flops(attributes_, inputs[0].shape, input_.c);
    return cost;
}

std::vector<ValueType> ConvWeightGradient::infer(std::span<ValueType const> inputs) const {
    DType const dtype = accumulation_type(inputs[0].dtype);
    std::vector<ValueType> outputs{{dtype, conv_weight_shape(attributes_, inputs[0].shape.c)}};
    if (attributes_.bias) { outputs.push_back({dtype, {1, 1, 1, 1, attributes_.filters}}); }
    return outputs;
}

Access ConvWeightGradient::access(std::size_t /*input*/) const { return Access::whole(); }

Access ConvWeightGradient::access_by_pixel(std::size_t input) const {
    return input == 0 ? Access::windowed(attributes_.window, Reach::window, Reach::all)
                      : Operator::access_by_pixel(input);
}

Cost ConvWeightGradient::cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const {
    Cost cost = Operator::cost(inputs, outputs);
    cost.flops = conv_flops(attributes_, inputs[1].shape, inputs[0].shape.c);
    return cost;
}

}  // namespace aureole
