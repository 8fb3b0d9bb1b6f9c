#include "core/ops/transposed_conv.hpp"

#include "core/error.hpp"
#include "core/graph/backward.hpp"
#include "core/ops/bias_gradient.hpp"

namespace aureole {

ConvAttributes adjoint_conv(TransposedConvAttributes const& attributes, Index channels) {
    return {.window = attributes.window, .filters = channels, .groups = attributes.groups};
}

Shape transposed_conv_weight_shape(TransposedConvAttributes const& attributes, Index channels) {
    return conv_weight_shape(adjoint_conv(attributes, channels), attributes.filters);
}

Shape transposed_conv_output_shape(TransposedConvAttributes const& attributes, Shape const& input) {
    std::array<Index, 3> extent{input.d, input.h, input.w};
    for (std::size_t i = 0; i < extent.size(); ++i) {
        Window const& window = attributes.window[i];
        extent[i] = (extent[i] - 1) * window.stride - window.pad_lo - window.pad_hi + window.reach() +
                    attributes.output_padding[i];
    }
    return {input.n, extent[0], extent[1], extent[2], attributes.filters};
}

std::vector<ValueType> TransposedConv::infer(std::span<ValueType const> inputs) const {
    ValueType const& x = inputs[0];
    require_valid("transposed convolution", attributes_.window);
    require(attributes_.groups >= 1 && x.shape.c % attributes_.groups == 0 &&
                attributes_.filters % attributes_.groups == 0 && attributes_.filters >= 1,
            ExitCode::bad_deck,
            "transposed convolution: {} groups do not divide {} input and {} output channels: choose a common divisor",
            attributes_.groups, x.shape.c, attributes_.filters);
    for (std::size_t i = 0; i < 3; ++i) {
        require(
            attributes_.output_padding[i] >= 0 && attributes_.output_padding[i] < attributes_.window[i].stride,
            ExitCode::bad_deck,
            "transposed convolution: output padding {} with stride {}: it must be at least 0 and less than the stride",
            attributes_.output_padding[i], attributes_.window[i].stride);
    }
    Shape const y = transposed_conv_output_shape(attributes_, x.shape);
    require(y.d > 0 && y.h > 0 && y.w > 0, ExitCode::bad_deck,
            "transposed convolution: padding removes the whole result of {}: use less padding or a larger image",
            to_string(x.shape));
    Shape const w = transposed_conv_weight_shape(attributes_, x.shape.c);
    require(inputs[1].shape == w, "transposed convolution: weights {} where {} fit {}", to_string(inputs[1].shape),
            to_string(w), to_string(x.shape));
    require(!attributes_.bias || inputs[2].shape == Shape{1, 1, 1, 1, attributes_.filters},
            "transposed convolution: bias with {} filters", attributes_.filters);
    return {{x.dtype, y}};
}

Access TransposedConv::access(std::size_t input) const {
    return input == 0 ? Access::windowed(attributes_.window, Reach::inverse_window, Reach::all) : Access::whole();
}

Cost TransposedConv::cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const {
    Cost cost = Operator::cost(inputs, outputs);
    cost.flops = 2.0 * static_cast<double>(inputs[0].shape.pixels()) * static_cast<double>(inputs[1].shape.volume());
    return cost;
}

void TransposedConv::differentiate(Backward& backward) const {
    ConvAttributes const adjoint = adjoint_conv(attributes_, backward.input_type(0).shape.c);
    ValueId const dy = backward.gradient(0);
    if (backward.needs(1)) {
        auto const dw = backward.emit(Phase::weight_gradient, std::make_shared<ConvWeightGradient>(adjoint),
                                      {dy, backward.input(0)});
        backward.contribute(1, dw[0]);
    }
    if (attributes_.bias && backward.needs(2)) {
        backward.contribute(2, backward.emit(Phase::weight_gradient, std::make_shared<BiasGradient>(), {dy})[0]);
    }
    if (backward.needs(0)) {
        auto const dx = backward.emit(Phase::input_gradient, std::make_shared<Conv>(adjoint), {dy, backward.input(1)});
        backward.contribute(0, dx[0]);
    }
}

}  // namespace aureole
