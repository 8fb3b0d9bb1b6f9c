#include "core/ops/linear.hpp"

#include "core/error.hpp"
#include "core/graph/backward.hpp"

namespace aureole {

namespace {

Cost matrix_product(Cost cost, Index pixels, Index channels, Index features) {
    cost.flops = 2.0 * static_cast<double>(pixels) * static_cast<double>(channels) * static_cast<double>(features);
    return cost;
}

Access channel_mixing() { return {{Reach::same, Reach::same, Reach::same, Reach::same, Reach::all}, {}}; }

}  // namespace

std::vector<ValueType> Linear::infer(std::span<ValueType const> inputs) const {
    ValueType const& x = inputs[0];
    require(attributes_.features >= 1, ExitCode::bad_deck, "linear: {} features: give at least 1",
            attributes_.features);
    require(inputs[1].shape == Shape{1, 1, 1, x.shape.c, attributes_.features}, "linear: weights {} do not fit {}",
            to_string(inputs[1].shape), to_string(x.shape));
    require(!attributes_.bias || inputs[2].shape == Shape{1, 1, 1, 1, attributes_.features},
            "linear: bias with {} features", attributes_.features);
    return {{x.dtype, {x.shape.n, x.shape.d, x.shape.h, x.shape.w, attributes_.features}}};
}

Access Linear::access(std::size_t input) const { return input == 0 ? channel_mixing() : Access::whole(); }

Cost Linear::cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const {
    return matrix_product(Operator::cost(inputs, outputs), inputs[0].shape.pixels(), inputs[0].shape.c,
                          attributes_.features);
}

void Linear::differentiate(Backward& backward) const {
    ValueId const dy = backward.gradient(0);
    if (backward.needs(1)) {
        auto const gradients = backward.emit(
            Phase::weight_gradient, std::make_shared<LinearWeightGradient>(attributes_), {backward.input(0), dy});
        backward.contribute(1, gradients[0]);
        if (attributes_.bias) { backward.contribute(2, gradients[1]); }
    }
    if (backward.needs(0)) {
        auto const dx = backward.emit(Phase::input_gradient, std::make_shared<LinearInputGradient>(attributes_),
                                      {dy, backward.input(1)});
        backward.contribute(0, dx[0]);
    }
}

std::vector<ValueType> LinearInputGradient::infer(std::span<ValueType const> inputs) const {
    Shape shape = inputs[0].shape;
    shape.c = inputs[1].shape.w;
    return {{inputs[0].dtype, shape}};
}

Access LinearInputGradient::access(std::size_t input) const { return input == 0 ? channel_mixing() : Access::whole(); }

Cost LinearInputGradient::cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const {
    return matrix_product(Operator::cost(inputs, outputs), inputs[0].shape.pixels(), outputs[0].shape.c,
                          attributes_.features);
}

std::vector<ValueType> LinearWeightGradient::infer(std::span<ValueType const> inputs) const {
    DType const dtype = accumulation_type(inputs[0].dtype);
    std::vector<ValueType> outputs{{dtype, {1, 1, 1, inputs[0].shape.c, attributes_.features}}};
    if (attributes_.bias) { outputs.push_back({dtype, {1, 1, 1, 1, attributes_.features}}); }
    return outputs;
}

Access LinearWeightGradient::access(std::size_t /*input*/) const { return Access::whole(); }

Cost LinearWeightGradient::cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const {
    return matrix_product(Operator::cost(inputs, outputs), inputs[0].shape.pixels(), inputs[0].shape.c,
                          attributes_.features);
}

}  // namespace aureole
