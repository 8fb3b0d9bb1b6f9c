#include "core/ops/bce_with_logits.hpp"

#include "core/error.hpp"
#include "core/graph/backward.hpp"

namespace aureole {

std::vector<ValueType> BceWithLogits::infer(std::span<ValueType const> inputs) const {
    DType const type = inputs[1].dtype;
    require(inputs[1].shape == inputs[0].shape && (type == DType::f32 || type == DType::f64 || type == DType::i32),
            ExitCode::bad_deck,
            "binary cross-entropy: targets are {} {}, but the network's output is {}: choose targets of that size and "
            "of type f32, f64 or i32",
            name_of(type), to_string(inputs[1].shape), to_string(inputs[0].shape));
    return {loss_type()};
}

void BceWithLogits::differentiate(Backward& backward) const {
    if (!backward.needs(0)) { return; }
    auto const dx = backward.emit(Phase::input_gradient, std::make_shared<BceWithLogitsInputGradient>(attributes_),
                                  {backward.input(0), backward.input(1)});
    backward.contribute(0, dx[0]);
}

std::vector<ValueType> BceWithLogitsInputGradient::infer(std::span<ValueType const> inputs) const {
    return {inputs[0]};
}

}  // namespace aureole
