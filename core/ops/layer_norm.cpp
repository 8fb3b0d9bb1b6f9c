#include "core/ops/layer_norm.hpp"

#include "core/error.hpp"
#include "core/graph/backward.hpp"

namespace aureole {

namespace {

/// Whole rows of channels at the same pixel.
Access row_access() { return {{Reach::same, Reach::same, Reach::same, Reach::same, Reach::all}, {}}; }

}  // namespace

std::vector<ValueType> LayerNorm::infer(std::span<ValueType const> inputs) const {
    ValueType const& x = inputs[0];
    ValueType const parameter{accumulation_type(x.dtype), {1, 1, 1, 1, x.shape.c}};
    require(inputs[1] == parameter && inputs[2] == parameter, "layer norm: parameters {} {} do not fit {} {}",
            to_string(inputs[1].shape), to_string(inputs[2].shape), name_of(x.dtype), to_string(x.shape));
    Shape per_pixel = x.shape;
    per_pixel.c = 1;
    return {x, {parameter.dtype, per_pixel}, {parameter.dtype, per_pixel}};
}

Access LayerNorm::access(std::size_t input) const { return input == 0 ? row_access() : Access::whole(); }

void LayerNorm::differentiate(Backward& backward) const {
    ValueId const dy = backward.gradient(0), mean = backward.output(1), inv_std = backward.output(2);
    if (backward.needs(1) || backward.needs(2)) {
        auto const gradients = backward.emit(Phase::weight_gradient, std::make_shared<LayerNormWeightGradient>(),
                                             {dy, backward.input(0), mean, inv_std});
        for (std::size_t i = 0; i < 2; ++i) {
            if (backward.needs(i + 1)) { backward.contribute(i + 1, gradients[i]); }
        }
    }
    if (backward.needs(0)) {
        auto const dx = backward.emit(Phase::input_gradient, std::make_shared<LayerNormInputGradient>(),
                                      {dy, backward.input(0), mean, inv_std, backward.input(1)});
        backward.contribute(0, dx[0]);
    }
}

std::vector<ValueType> LayerNormInputGradient::infer(std::span<ValueType const> inputs) const { return {inputs[1]}; }

Access LayerNormInputGradient::access(std::size_t input) const { return input < 4 ? row_access() : Access::whole(); }

std::vector<ValueType> LayerNormWeightGradient::infer(std::span<ValueType const> inputs) const {
    ValueType const parameter{accumulation_type(inputs[1].dtype), {1, 1, 1, 1, inputs[1].shape.c}};
    return {parameter, parameter};
}

Access LayerNormWeightGradient::access(std::size_t /*input*/) const { return Access::whole(); }

}  // namespace aureole
